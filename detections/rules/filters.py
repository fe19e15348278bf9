"""Sigma filters: what is put behind the conditions of other rules.

As in pySigma, a filter applies to the rules that it names, or to all, within its log source, and
a rule's condition becomes `(rule) and (filter)`. So a filter says what is kept; leaving something
out is `not selection`.
"""

from collections.abc import Sequence
from contextlib import suppress

from sigma.conditions import ConditionAND, ConditionItem

from detections.rules.context import Context
from detections.rules.detection import build_trees, read_detection
from detections.rules.document import CONDITION, TooManyProblems, read_document
from detections.rules.drafts import Draft, Names
from detections.rules.lists import list_digests
from detections.rules.logsource import LogSource, is_foreign, read_logsource
from detections.rules.metadata import check_misplaced, required_of
from detections.rules.selections import Detection, items_of
from pipeline.problems import did_you_mean, shown
from pipeline.yaml_nodes import MappingNode, ScalarNode, SequenceNode

_ANY = "any"


class Filter:
    """A filter that can be applied."""

    def __init__(
        self,
        draft: Draft,
        logsource: LogSource,
        detection: Detection,
        targets: frozenset[str] | None,
    ) -> None:
        self.draft = draft
        self._logsource = logsource
        self._detection = detection
        self._targets = targets
        """Ids of rules; None for all within the log source."""
        self.used = False
        """Whether it applies to any rule."""

    def applies_to(self, rule: Draft, logsource: LogSource) -> bool:
        """Whether it is for this rule."""
        if not self._logsource.covers(logsource):
            return False
        return self._targets is None or rule.id in self._targets

    def trees(self, rule: Draft, context: Context) -> tuple[ConditionItem, ...]:
        """pySigma's trees of its condition, for a rule. Reports what is wrong with its fields."""
        self.used = True
        detection: Detection | None = self._detection
        if context.pipelines is not None:
            detection = context.pipelines.applied_to_filter(self.draft, rule, detection)
            self.draft.reading.foreign = rule.reading.foreign
        return build_trees(self.draft.reading, detection, context) if detection else ()


def read_filters(drafts: Sequence[Draft], names: Names, context: Context) -> list[Filter]:
    """The filters among the drafts. Reports what is wrong with them."""
    found: list[Filter] = []
    for one in drafts:
        if one.kind == "filter":
            with suppress(TooManyProblems):
                if (usable := _read(one, names, context)) is not None:
                    found.append(usable)
    return found


def filtered(
    trees: Sequence[ConditionItem], filters: Sequence[Filter], rule: Draft, context: Context
) -> tuple[ConditionItem, ...]:
    """The conditions of a rule with filters behind each of them."""
    behind = [tree for one in filters for tree in one.trees(rule, context)]
    return tuple(ConditionAND([tree, *behind]) for tree in trees) if behind else tuple(trees)


def check_use(filters: Sequence[Filter]) -> None:
    """Warn of filters that apply to no rule."""
    for one in filters:
        if not one.used:
            one.draft.reading.report(
                one.draft.reading.key("filter"),
                "rule/unused-filter",
                "this filter applies to no rule",
                severity="warning",
                expected="rules with its log source",
            )


def _read(draft: Draft, names: Names, context: Context) -> Filter | None:
    reading, node = draft.reading, draft.node.get("filter")
    reading.foreign = is_foreign(draft.node)
    read_document(reading, required_of(draft))
    check_misplaced(draft)
    logsource = read_logsource(reading)
    if not isinstance(node, MappingNode):
        expected = "rules, selections and a condition"
        reading.report(node or draft.node, "rule/filter", "this isn't a group", expected=expected)
        return None
    targets = _targets(draft, node, names, logsource)
    detection = read_detection(reading, node, context, besides="rules")
    if detection is None or not reading.usable:
        return None
    if len(detection.conditions) > 1:
        condition = node.get("condition") or node
        reading.report(condition, "rule/filter", "a filter has one condition", expected="text")
        return None
    draft.apply(list_digests(detection.selections, context.lists))
    if not _leaves_out(detection):
        reading.report(
            detection.nodes[0],
            "rule/filter",
            "this filter keeps only events that match it, and leaves out all others",
            severity="warning",
            advice="to leave out those that match, write: not ...",
        )
    return Filter(draft, logsource, detection, targets)


def _leaves_out(detection: Detection) -> bool:
    """Whether there is a `not` in a filter."""
    items = [item for one in detection.selections.values() for item in items_of(one)]
    return any(item.negated for item in items) or any(
        "not" in text.split() or "not(" in text for text in detection.conditions
    )


def _report_missing(draft: Draft, node: MappingNode) -> None:
    """A filter that doesn't say for which rules would be for all; its key may be misspelt."""
    keys = (key for key, _ in node.pairs if key.text != CONDITION)
    meant = next((key for key in keys if did_you_mean(key.text, ["rules"])), None)
    draft.reading.report(
        meant or draft.reading.key("filter"),
        "rule/missing-key",
        'the key "rules" is missing',
        expected="any, or ids and names of rules",
        hint="rules" if meant else None,
    )


def _targets(
    draft: Draft, node: MappingNode, names: Names, logsource: LogSource
) -> frozenset[str] | None:
    """The ids of the rules that it names; None where it is for all."""
    reading, place = draft.reading, node.get("rules")
    if place is None:
        _report_missing(draft, node)
        return None
    if isinstance(place, ScalarNode) and place.text.lower() == _ANY:
        return None
    nodes = place.items if isinstance(place, SequenceNode) else [place]
    if not nodes:  # all, as in pySigma
        message = "an empty list is taken for all rules of the log source"
        advice = "if that is meant, write: rules: any"
        reading.report(place, "rule/filter", message, severity="warning", advice=advice)
        return None
    ids: set[str] = set()
    for one in nodes:
        text = one.text.strip() if isinstance(one, ScalarNode) else ""
        if not text:
            expected = "any, or ids and names of rules"
            reading.report(one, "rule/reference", "this isn't a rule", expected=expected)
            continue
        found = names.find(text)
        if found is None:
            reading.add(names.missing(one, text))
        elif found.kind != "sigma":
            message = f"{shown(text)} is no Sigma rule, and filters are for those"
            reading.report(one, "rule/reference", message)
        else:
            ids.add(found.id)
            if not logsource.covers(LogSource.of(found.node)):
                reading.report(
                    one,
                    "rule/filter",
                    f"the rule {shown(found.label)} has another log source: "
                    "the filter doesn't apply to it",
                    severity="warning",
                )
    return frozenset(ids)
