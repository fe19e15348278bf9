"""The `detection` part of a Sigma rule: selections and conditions, each mistake at its place."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sigma.conditions import ConditionAND, ConditionItem, ConditionNOT, ConditionOR
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections

from detections.fields import ACTION, actions
from detections.rules.boolean_grammar import ConditionError
from detections.rules.condition import asked_for, parse_condition
from detections.rules.condition_place import with_condition
from detections.rules.context import Context
from detections.rules.document import Reading
from detections.rules.field_check import check_item
from detections.rules.items import field_item, keyword_item
from detections.rules.lists import check_placeholders
from detections.rules.places import part
from detections.rules.pysigma_words import said_by_pysigma
from detections.rules.selections import Detection, items_of
from pipeline.problems import all_of, shown
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

#: What is left out is called so by convention: filter, filter_known, filter2.
_FILTER = re.compile(r"filters?(?:[-_].*|[0-9]+)?")


def read_detection(
    reading: Reading, node: MappingNode, context: Context, *, besides: str = ""
) -> Detection | None:
    """What stands in a detection; None if it can't be used. Reports what is wrong.

    `besides` is a key that is no selection here.
    """
    before = reading.errors
    node, nodes = with_condition(reading, node)
    selections: dict[str, SigmaDetection] = {}
    names: dict[str, None] = {}  # in their order
    outdented = _outdented(node)
    for key, value in node.pairs:
        if key.text == "timeframe":
            reading.report(
                key,
                "rule/timeframe",
                "timeframe belonged to an old form of Sigma's aggregations",
                advice="a correlation counts within a timespan",
            )
        elif key.text not in ("condition", besides):
            names[key.text] = None
            if below := outdented.get(key.text):
                advice = f"indent what belongs to it: {all_of(below)}"
                reading.report(key, "rule/detection", _empty(key.text), advice=advice)
            elif (built := read_selection(reading, key, value, context)) is not None:
                selections[key.text] = built
    if not names:
        reading.report(
            node, "rule/detection", "there is no selection", expected="at least one, and condition"
        )
    used: set[str] = set()
    asked: set[str] = set()
    legible = bool(nodes)
    for condition in nodes:
        parsed = parse_condition(condition.text, names)
        used |= parsed.used
        legible &= not parsed.errors
        for error in parsed.errors:
            _report_condition(reading, condition, error)
        if parsed.tree is not None:
            wanted = asked_for(parsed.tree, names)
            asked |= wanted
            if not besides:
                _check_filters(reading, condition, wanted)
    _check_asked(reading, {key.text: value for key, value in node.pairs if key.text in asked})
    used |= {name for below in outdented.values() for name in below}
    for key, _ in node.pairs if legible else ():
        if key.text in names and key.text not in used and not key.text.startswith("_"):
            reading.report(
                key,
                "rule/unused-selection",
                f"the selection {shown(key.text)} isn't used by the condition",
                severity="warning",
            )
    if not nodes or not names or len(selections) < len(names) or reading.errors > before:
        return None
    return Detection(selections, [condition.text for condition in nodes], nodes)


def _outdented(node: MappingNode) -> dict[str, list[str]]:
    """Items that stand beside the empty selection above them, as nobody calls a selection."""
    found: dict[str, list[str]] = {}
    empty = ""
    for key, value in node.pairs:
        if "." not in key.text:
            empty = key.text if isinstance(value, ScalarNode) and value.is_missing else ""
        elif empty:
            found.setdefault(empty, []).append(key.text)
    return found


def _empty(name: str) -> str:
    return f"the selection {shown(name)} is empty"


def _check_filters(reading: Reading, condition: ScalarNode, wanted: Collection[str]) -> None:
    """Warn where what is called a filter is asked for: a `not` was forgotten, or is for less."""
    for name in sorted(wanted):
        if _FILTER.fullmatch(name) and not reading.foreign:
            reading.report(
                condition,
                "rule/filter",
                f"the selection {shown(name)} is asked for here, and not left out",
                severity="warning",
                advice=f"write not before it, or brackets around all that not is for: not {name}; "
                "or call it otherwise",
            )


def _check_asked(reading: Reading, asked: Mapping[str, Node]) -> None:
    """Look at lists of groups, unless another selection says of which kind an event must be."""
    for name, node in asked.items():
        others = (other for other in asked.values() if other is not node)
        if isinstance(node, SequenceNode) and not any(map(_names_kind, others)):
            check_alternatives(reading, name, node)


def _names_kind(node: Node) -> bool:
    groups = node.items if isinstance(node, SequenceNode) else (node,)
    return all(
        isinstance(one, MappingNode) and any(_field(key) == ACTION for key, _ in one.pairs)
        for one in groups
    )


def check_alternatives(reading: Reading, name: str, node: SequenceNode) -> None:
    """Warn of a list of groups where the kind of event is only one alternative of several."""
    groups = [one for one in node.items if isinstance(one, MappingNode)]
    named = [_names_kind(one) for one in groups]
    if reading.foreign or len(groups) < len(node.items) or all(named) or not any(named):
        return
    if not _go_together(groups):
        return
    reading.report(
        groups[named.index(False)],
        "rule/alternatives",
        f"each of these is enough for {shown(name)}: this one is for any kind of event",
        severity="warning",
        advice="without the dashes all of them must hold together",
    )


def _go_together(groups: Sequence[MappingNode]) -> bool:
    """Whether an event of a kind that is named can have all of their fields."""
    fields = {_field(key) for one in groups for key, _ in one.pairs} - {ACTION}
    kinds = {
        # By a pattern any kind may be meant.
        scalar.text if key.text == ACTION else "*"
        for one in groups
        for key, value in one.pairs
        if _field(key) == ACTION
        for scalar in (value.items if isinstance(value, SequenceNode) else (value,))
        if isinstance(scalar, ScalarNode)
    }
    among = kinds if kinds and kinds <= actions().keys() else actions().keys()
    return any(fields <= actions()[kind].attributes.keys() for kind in among)


def _field(key: ScalarNode) -> str:
    return key.text.partition("|")[0]


def read_selection(
    reading: Reading, key: ScalarNode, node: Node, context: Context
) -> SigmaDetection | None:
    """A group of items, a list of groups, a list of keywords, or a keyword."""
    return _selection(reading, key, node, key.text, context)


def build_trees(
    reading: Reading, detection: Detection, context: Context
) -> tuple[ConditionItem, ...]:
    """pySigma's trees of the conditions. Empty if there are errors, which are reported."""
    before = reading.errors
    for selection in detection.selections.values():
        for item in items_of(selection):
            check_placeholders(reading, item, context.list_names)
            if context.pipelines:
                check_item(reading, item, context.lists)
    if reading.errors > before:
        return ()
    trees: list[ConditionItem] = []
    together = SigmaDetections(detection.selections, detection.conditions)
    for text, node in zip(detection.conditions, detection.nodes, strict=True):
        parsed = parse_condition(text, detection.selections)
        for error in parsed.errors:
            _report_condition(reading, node, error)
        try:
            tree = _pruned(parsed.tree.postprocess(together)) if parsed.tree else None
        except Exception as error:  # as on making items
            reading.report(node, "rule/condition", said_by_pysigma(error))
            return ()
        if tree is None:
            if not parsed.errors:
                reading.report(node, "rule/condition", "this condition selects nothing")
            return ()
        trees.append(cast("ConditionItem", tree))
    return tuple(trees)


def _pruned(tree: object) -> object:
    """The tree without what a pipeline dropped; None if nothing is left."""
    if isinstance(tree, (ConditionAND, ConditionOR, ConditionNOT)):
        args = [kept for arg in tree.args if (kept := _pruned(arg)) is not None]
        if not args:
            return None
        if len(args) == 1 and not isinstance(tree, ConditionNOT):
            return args[0]
        tree.args = cast("Any", args)
    return tree


def _report_condition(reading: Reading, node: ScalarNode, error: ConditionError) -> None:
    reading.report(
        part(node, error.start, error.end),
        "rule/condition",
        str(error),
        expected=error.expected,
        hint=error.hint,
        advice=error.advice,
    )


def _selection(
    reading: Reading, key: Node, node: Node, name: str, context: Context
) -> SigmaDetection | None:
    if isinstance(node, MappingNode):
        found = [field_item(reading, name, item, value, context) for item, value in node.pairs]
        return _together(reading, key, name, found)
    if isinstance(node, SequenceNode):
        values = [item for item in node.items if isinstance(item, ScalarNode)]
        if values and len(values) == len(node.items):
            keywords = keyword_item(reading, name, node, values)
            return SigmaDetection([keywords]) if keywords else None
        parts = [_selection(reading, item, item, name, context) for item in node.items]
        return _together(reading, key, name, parts)
    assert isinstance(node, ScalarNode)
    if node.is_missing:
        reading.report(key, "rule/detection", _empty(name))
        return None
    keyword = keyword_item(reading, name, node, [node])
    return SigmaDetection([keyword]) if keyword else None


def _together(
    reading: Reading,
    key: Node,
    name: str,
    found: list[SigmaDetectionItem | None] | list[SigmaDetection | None],
) -> SigmaDetection | None:
    if not found:
        reading.report(key, "rule/detection", _empty(name))
    whole: list[Any] = [one for one in found if one is not None]
    return SigmaDetection(whole) if whole and len(whole) == len(found) else None
