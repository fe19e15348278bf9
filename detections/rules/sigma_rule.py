"""Sigma rules: a condition over the fields of one event."""

from collections.abc import Sequence

from sigma.conditions import ConditionItem

from detections.rules.context import Context
from detections.rules.detection import build_trees, read_detection
from detections.rules.document import make_rule, read_document
from detections.rules.drafts import Draft
from detections.rules.field_check import check_field
from detections.rules.filters import Filter, filtered
from detections.rules.lists import list_digests
from detections.rules.logsource import check_service, is_foreign, read_logsource
from detections.rules.metadata import check_misplaced, required_of
from detections.rules.model import SigmaRule
from detections.rules.pysigma_check import check_by_pysigma
from detections.rules.reach import check_supported, matching_actions
from detections.rules.sentence import check_said, read_reason
from detections.rules.unreachable import check_reachable
from detections.sigma.values import Unsupported
from pipeline.yaml_nodes import MappingNode, Node


def read_sigma(draft: Draft, filters: Sequence[Filter], context: Context) -> None:
    """Read the draft's rule, with the filters that are for it. Reports what is wrong with it."""
    reading = draft.reading
    reading.foreign = is_foreign(draft.node)
    document = read_document(reading, required_of(draft))
    check_misplaced(draft)
    logsource = read_logsource(reading)
    trees = _trees(draft, draft.node.get("detection"), context)
    mine = [one for one in filters if one.applies_to(draft, logsource)]
    conditions = filtered(trees, mine, draft, context)
    reason = read_reason(reading, lambda node, name: check_field(reading, node, name))
    check_by_pysigma(reading)
    if conditions:
        _check_reach(draft, trees, conditions)
    if draft.actions is not None:
        check_service(reading, logsource, draft.actions)
        if reason is not None and draft.actions:
            check_said(reading, reason, draft.actions)
    if document is None or not conditions or not reading.usable:
        return
    draft.apply_filters([one.draft for one in mine])
    draft.rule = SigmaRule(
        rule=make_rule(reading, document, draft.id, draft.digest, draft.state_digest),
        conditions=conditions,
        reason=reason,
        silent=draft.silent,
        foreign=reading.foreign,
    )


def _trees(draft: Draft, node: Node | None, context: Context) -> tuple[ConditionItem, ...]:
    reading = draft.reading
    if not isinstance(node, MappingNode):
        place, expected = node or draft.node, "selections and a condition"
        reading.report(place, "rule/detection", "this isn't a group", expected=expected)
        return ()
    detection = read_detection(reading, node, context)
    if detection is None:
        return ()
    draft.apply(list_digests(detection.selections, context.lists))
    if context.pipelines is not None:
        detection = context.pipelines.applied_to(draft, detection)
    return build_trees(reading, detection, context) if detection is not None else ()


def _check_reach(draft: Draft, trees: Sequence[object], conditions: Sequence[object]) -> None:
    """Whether the rule can match: `trees` are its own conditions, `conditions` those filtered."""
    reading, node = draft.reading, draft.reading.key("detection")
    try:
        if reading.foreign:
            check_supported(conditions)
        else:
            draft.actions = matching_actions(conditions)
    except (Unsupported, RecursionError) as error:
        reading.report(node, "rule/unsupported", str(error) or "this is nested too deeply")
        return
    reachable = check_reachable(reading, trees)
    if reachable and draft.actions == frozenset():
        reading.report(
            node,
            "rule/never-matches",
            "no event can match this: no kind of event has all of these fields with these values",
            severity="warning",
        )
