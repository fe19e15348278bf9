"""Which rules a correlation refers to, across all files of a set."""

from collections.abc import Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter

from detections.rules.document import TooManyProblems
from detections.rules.drafts import Draft, Names
from detections.rules.temporal_expression import rule_words
from pipeline.problems import shown
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

#: How many correlations may stand on one another.
DEEPEST = 16


def connect(drafts: Sequence[Draft], names: Names) -> list[Draft]:
    """Tie correlations to the rules that they refer to; what isn't there is reported.

    Gives the correlations, each after those that it refers to. Those that refer to themselves in a
    circle are reported and left out.
    """
    correlations = [one for one in drafts if one.kind == "correlation"]
    unsure: set[str] = set()
    for correlation in correlations:
        with suppress(TooManyProblems):
            named = references(correlation.node)
            tied = [_tie(correlation, node, names) for node in named]  # all, also after a bad one
            if not named or not all(tied):
                unsure.add(correlation.node.source.name)
    ordered = _in_order(correlations)
    unsure |= {one.node.source.name for one in correlations if one.in_circle}
    files = {one.node.source.name for one in correlations}
    for one in drafts:
        here = one.node.source.name
        one.may_feed |= here in unsure and not one.feeds
        one.beside_correlation = here in files
    return ordered


def references(document: MappingNode) -> list[ScalarNode]:
    """The places where a correlation names rules: in `rules`, else in a boolean condition."""
    inner = document.get("correlation")
    if not isinstance(inner, MappingNode):
        return []
    rules = inner.get("rules")
    if rules is not None:
        nodes = rules.items if isinstance(rules, SequenceNode) else [rules]
        return [node for node in nodes if isinstance(node, ScalarNode) and node.text.strip()]
    condition = inner.get("condition")
    if not isinstance(condition, ScalarNode):
        return []
    once = {word.text: word for word in reversed(rule_words(condition.text))}
    return [_named(condition, word.text) for word in sorted(once.values(), key=lambda w: w.start)]


def _named(condition: ScalarNode, text: str) -> ScalarNode:
    """A name in a condition, standing where the condition does."""
    return ScalarNode(
        condition.source,
        condition.line,
        condition.column,
        condition.end_line,
        condition.end_column,
        text,
        plain=False,
    )


def _tie(correlation: Draft, node: ScalarNode, names: Names) -> bool:
    """False if there is no such rule."""
    reading, text = correlation.reading, node.text.strip()
    found = names.find(text)
    if found is None:
        reading.add(names.missing(node, text))
        return False
    if found.kind == "filter":
        reading.report(node, "rule/reference", f"{shown(text)} is a filter, which matches nothing")
    elif found.kind == "correlator":
        reading.report(
            node,
            "rule/reference",
            f"{shown(text)} is a correlator rule, which can't be correlated further",
            expected="a Sigma rule or a correlation",
        )
    elif any(found is base for _, base in correlation.bases) and not _is_ordered(correlation):
        reading.report(node, "rule/reference", f"the rule {shown(text)} is named twice")
    else:
        correlation.bases.append((node, found))
        found.feeds.append(correlation)
    return True


def _is_ordered(correlation: Draft) -> bool:
    """In an order, a rule may come twice."""
    inner = correlation.node.get("correlation")
    type_ = inner.get("type") if isinstance(inner, MappingNode) else None
    return isinstance(type_, ScalarNode) and type_.text == "temporal_ordered"


def _in_order(correlations: list[Draft]) -> list[Draft]:
    place = {id(one): number for number, one in enumerate(correlations)}
    below: dict[int, set[int]] = {
        number: {place[id(base)] for _, base in one.bases if id(base) in place}
        for number, one in enumerate(correlations)
    }
    while True:
        try:
            order = list(TopologicalSorter(below).static_order())
        except CycleError as error:
            # A node and, in turn, what refers to it; the first is the last again.
            circle: list[int] = error.args[1]
            _report_circle([correlations[number] for number in reversed(circle)])
            for number in circle:
                below.pop(number, None)
                correlations[number].bases.clear()
                correlations[number].in_circle = True
            below = {n: {base for base in bases if base in below} for n, bases in below.items()}
        else:
            break
    depth: dict[int, int] = {}
    for number in order:
        depth[number] = 1 + max((depth[base] for base in below[number]), default=0)
        if depth[number] == DEEPEST + 1:
            _report_depth(correlations[number])
    return [correlations[number] for number in sorted(order, key=lambda n: (depth[n], n))]


def _report_depth(correlation: Draft) -> None:
    node = correlation.bases[0][0]
    message = f"correlations stand on one another more than {DEEPEST} deep here"
    correlation.reading.report(node, "rule/too-deep", message)


def _report_circle(circle: list[Draft]) -> None:
    first, second = circle[0], circle[1]
    node: Node = next((node for node, base in first.bases if base is second), first.node)
    way = " -> ".join(one.label for one in circle[:12])
    first.reading.report(
        node,
        "rule/circle",
        f"these correlations refer to each other in a circle: {way}",
        advice="the first of them must rest on Sigma rules alone",
    )
