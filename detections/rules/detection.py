"""The `detection` part of a Sigma rule: built with pySigma, each mistake at its place.

pySigma gives the meaning of modifiers, values and conditions. The tree is built here item by item,
so that a mistake is known by line and column, all are found at once, and integers stay exact
(pySigma's own reading passes them through a float).
"""

from pathlib import Path
from typing import Any, cast

from sigma.conditions import (
    ConditionIdentifier,
    ConditionItem,
    ConditionSelector,
    SigmaCondition,
)
from sigma.exceptions import SigmaError, SigmaRuleLocation
from sigma.modifiers import SigmaModifier, SigmaRegularExpressionModifier, modifier_mapping
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections
from sigma.types import (
    SigmaBool,
    SigmaNull,
    SigmaNumber,
    SigmaString,
    SigmaType,
)

from detections.rules.document import Reading
from detections.rules.field_check import check_field, check_values
from pipeline.problems import did_you_mean, one_of, shown
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from pipeline.yaml_scalars import Plain, meaning

_LONGEST_CONDITION = 10_000
_RESERVED = ("condition", "timeframe")


class ExactNumber(SigmaNumber):
    """A number whose integers don't pass through a float."""

    def __post_init__(self, init_number: Any) -> None:
        if type(init_number) is int:
            self.number = init_number
        else:
            super().__post_init__(init_number)


def build_conditions(reading: Reading, node: Node | None) -> tuple[object, ...]:
    """The rule's conditions as pySigma's trees. Empty if there are errors, which are reported."""
    if node is None:
        reading.report(reading.node, "rule/missing-key", 'the key "detection" is missing')
        return ()
    if not isinstance(node, MappingNode):
        reading.report(
            node, "rule/detection", "this isn't a group", expected="selections and a condition"
        )
        return ()
    selections: dict[str, SigmaDetection] = {}
    names: list[str] = []
    for key, value in node.pairs:
        if key.text == "timeframe":
            reading.report(
                key,
                "rule/timeframe",
                "timeframe belonged to an old form of Sigma's aggregations",
                advice="count within a window with a correlator rule",
            )
        elif key.text not in _RESERVED:
            names.append(key.text)
            if (built := _selection(reading, key, value)) is not None:
                selections[key.text] = built
    conditions = _condition_nodes(reading, node)
    if not names:
        reading.report(
            node, "rule/detection", "there is no selection", expected="at least one, and condition"
        )
    if not selections or len(selections) < len(names):
        # Whether the condition is sound can be said all the same.
        for condition in conditions:
            _parse(reading, condition, names)
        return ()
    return _postprocess(reading, node, selections, conditions)


def _condition_nodes(reading: Reading, node: MappingNode) -> list[ScalarNode]:
    found = node.get("condition")
    if found is None:
        reading.report(
            node,
            "rule/missing-key",
            'the key "condition" is missing',
            expected="how the selections go together, such as: selection and not filter",
        )
        return []
    nodes = found.items if isinstance(found, SequenceNode) else [found]
    texts = [n for n in nodes if isinstance(n, ScalarNode) and n.text.strip()]
    if len(texts) < max(1, len(nodes)):
        reading.report(found, "rule/condition", "this isn't a condition", expected="text")
        return []
    return texts


def _postprocess(
    reading: Reading,
    node: MappingNode,
    selections: dict[str, SigmaDetection],
    conditions: list[ScalarNode],
) -> tuple[object, ...]:
    trees: list[object] = []
    used: set[str] = set()
    for condition in conditions:
        names = _parse(reading, condition, list(selections))
        if names is None:
            return ()
        used |= names
        try:
            detections = SigmaDetections(selections, [condition.text])
            tree = detections.parsed_condition[0].parse()
        except (SigmaError, RecursionError) as error:
            reading.report(condition, "rule/condition", _said(error))
            return ()
        if tree is None:
            reading.report(condition, "rule/condition", "this condition selects nothing")
            return ()
        trees.append(tree)
    for key, _ in node.pairs:
        if key.text in selections and key.text not in used:
            reading.report(
                key,
                "rule/unused-selection",
                f"the selection {shown(key.text)} isn't used by the condition",
                severity="warning",
            )
    return tuple(trees)


def _parse(reading: Reading, node: ScalarNode, names: list[str]) -> set[str] | None:
    """The selections that a condition names; None if it can't be read, which is reported."""
    if len(node.text) > _LONGEST_CONDITION:
        reading.report(node, "rule/condition", "this condition is too long")
        return None
    placeholder = SigmaDetections.__new__(SigmaDetections)
    try:
        tree = SigmaCondition(node.text, placeholder).parse(postprocess=False)
    except (SigmaError, RecursionError) as error:
        reading.report(
            node,
            "rule/condition",
            _said(error),
            expected="selections joined by and, or, not, 1 of NAME*, all of them",
        )
        return None
    used: set[str] = set()
    sound = True
    for word, matching in _named(tree, names):
        used |= matching
        if not matching:
            sound = False
            many = "*" in word or word == "them"
            reading.report(
                node,
                "rule/condition",
                f"no selection {'matches' if many else 'is called'} {shown(word)}",
                expected=one_of(names) if names else None,
                hint=did_you_mean(word.rstrip("*"), names),
            )
    return used if sound else None


def _named(tree: object, names: list[str]) -> list[tuple[str, set[str]]]:
    if isinstance(tree, ConditionIdentifier):
        return [(tree.identifier, {tree.identifier} & set(names))]
    if isinstance(tree, ConditionSelector):
        known = SigmaDetections.__new__(SigmaDetections)
        known.detections = dict.fromkeys(names)  # pyright: ignore[reportAttributeAccessIssue]
        found = tree.resolve_referenced_detections(known)
        return [(tree.pattern, {one.identifier for one in found})]
    if isinstance(tree, ConditionItem):
        return [pair for arg in tree.args for pair in _named(arg, names)]
    return []


def _selection(reading: Reading, key: Node, node: Node) -> SigmaDetection | None:
    """A group of items, a list of groups, a list of keywords, or a keyword."""
    if isinstance(node, MappingNode):
        items = [_item(reading, name, value) for name, value in node.pairs]
        whole = [item for item in items if item is not None]
        if not items:
            reading.report(key, "rule/detection", f"the selection {shown(_text(key))} is empty")
        return SigmaDetection(cast("Any", whole)) if whole and len(whole) == len(items) else None
    if isinstance(node, SequenceNode):
        if node.items and all(isinstance(item, ScalarNode) for item in node.items):
            return _keywords(reading, node, cast("list[ScalarNode]", node.items))
        parts = [_selection(reading, item, item) for item in node.items]
        groups = [part for part in parts if part is not None]
        if not parts:
            reading.report(key, "rule/detection", f"the selection {shown(_text(key))} is empty")
        return SigmaDetection(cast("Any", groups)) if parts and len(groups) == len(parts) else None
    assert isinstance(node, ScalarNode)
    return _keywords(reading, node, [node])


def _keywords(reading: Reading, node: Node, values: list[ScalarNode]) -> SigmaDetection | None:
    plain = [meaning(value) for value in values]
    if any(value is None for value in plain):
        reading.report(node, "rule/detection", "a keyword can't be empty")
        return None
    try:
        item = SigmaDetectionItem(None, [], [_sigma_value(value) for value in plain])
    except SigmaError as error:
        reading.report(node, "rule/value", _said(error))
        return None
    item.source = _place(node)
    return SigmaDetection([item])


def _item(reading: Reading, key: ScalarNode, node: Node) -> SigmaDetectionItem | None:
    name, *modifier_names = key.text.split("|")
    modifiers: list[type[SigmaModifier[Any, Any]]] = []
    known = True
    for modifier in modifier_names:
        found = modifier_mapping.get(modifier)
        if found is None:
            known = False
            reading.report(
                key,
                "rule/modifier",
                f"{shown(modifier)} isn't a modifier",
                expected=one_of(sorted(modifier_mapping)),
                hint=did_you_mean(modifier, modifier_mapping),
            )
        elif modifier == "expand":
            known = False
            reading.report(key, "rule/modifier", "placeholders (expand) are not supported yet")
        else:
            modifiers.append(found)
    field = check_field(reading, key, name) if name else None
    values = node.items if isinstance(node, SequenceNode) else [node]
    scalars = [value for value in values if isinstance(value, ScalarNode)]
    if len(scalars) < len(values):
        wrong = next(value for value in values if not isinstance(value, ScalarNode))
        reading.report(wrong, "rule/detection", "this can't stand here", expected="a value")
        return None
    if not known:
        return None
    sound = True
    for scalar in scalars:
        sound &= check_values(reading, key, name, field, modifier_names, scalar)
    if not sound:
        return None
    as_expression = SigmaRegularExpressionModifier in modifiers
    try:
        sigma_values = [_sigma_value(meaning(s), verbatim=as_expression) for s in scalars]
        item = SigmaDetectionItem(name or None, modifiers, sigma_values)
    except (SigmaError, RecursionError) as error:
        reading.report(node, "rule/value", _said(error))
        return None
    if not name and any(isinstance(value, SigmaNull) for value in item.value):
        reading.report(node, "rule/value", "null must belong to a field")
        return None
    item.source = _place(key)
    return item


def _place(node: Node) -> SigmaRuleLocation:
    """Where an item stands: what is made of the rule says so where it can't keep the meaning."""
    return SigmaRuleLocation(Path(node.source.name), node.line, node.column)


def _sigma_value(value: Plain, *, verbatim: bool = False) -> SigmaType:
    if verbatim:
        return SigmaString.from_str(str(value))
    if value is None:
        return SigmaNull()
    if isinstance(value, bool):
        return SigmaBool(value)
    if isinstance(value, str):
        return SigmaString(value)
    return ExactNumber(value)


def _text(node: Node) -> str:
    return node.text if isinstance(node, ScalarNode) else ""


def _said(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "this is nested too deeply"
    return str(error).strip() or type(error).__name__
