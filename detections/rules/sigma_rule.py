"""Sigma rules: a condition over the fields of one event."""

from detections.rules.context import Context
from detections.rules.detection import build_trees, read_detection
from detections.rules.document import OURS, Logsource, Reading, make_rule, read_document
from detections.rules.drafts import Draft
from detections.rules.field_check import check_field
from detections.rules.metadata import check_misplaced, required_of
from detections.rules.model import SigmaRule
from detections.rules.pysigma_check import check_by_pysigma
from detections.rules.reach import matching_actions
from detections.rules.sentence import read_reason
from detections.sigma.values import Unsupported
from pipeline.problems import did_you_mean, shown
from pipeline.structured import examine
from pipeline.yaml_nodes import MappingNode, Node, ScalarNode


def read_sigma(draft: Draft, context: Context) -> None:
    """Read the draft's rule. Reports what is wrong with it."""
    reading = draft.reading
    reading.foreign = is_foreign(draft.node)
    document = read_document(reading, required_of(draft))
    check_misplaced(draft)
    _check_logsource(reading)
    conditions = _conditions(reading, draft.node.get("detection"), context)
    reason = read_reason(reading, lambda node, name: check_field(reading, node, name))
    check_by_pysigma(reading)
    if conditions:
        _check_reach(draft, conditions)
    if document is None or not conditions or not reading.usable:
        return
    draft.rule = SigmaRule(
        rule=make_rule(reading, document, draft.digest),
        conditions=conditions,
        reason=reason,
        silent=draft.silent,
        foreign=reading.foreign,
    )


def _conditions(reading: Reading, node: Node | None, context: Context) -> tuple[object, ...]:
    if not isinstance(node, MappingNode):
        place, expected = node or reading.node, "selections and a condition"
        reading.report(place, "rule/detection", "this isn't a group", expected=expected)
        return ()
    detection = read_detection(reading, node, context)
    return build_trees(reading, detection, context) if detection is not None else ()


def is_foreign(node: MappingNode) -> bool:
    """Whether the rule is for log sources of others, whose fields we don't know."""
    logsource = node.get("logsource")
    if not isinstance(logsource, MappingNode):
        return False
    product = logsource.get("product")
    if product is None:
        return bool(logsource.pairs)
    if not isinstance(product, ScalarNode):
        return False
    return product.text != OURS and did_you_mean(product.text, [OURS]) is None


def _check_reach(draft: Draft, conditions: tuple[object, ...]) -> None:
    reading, node = draft.reading, draft.reading.key("detection")
    try:
        actions = matching_actions(conditions)
    except (Unsupported, RecursionError) as error:
        reading.report(node, "rule/unsupported", str(error) or "this is nested too deeply")
        return
    if reading.foreign:
        return
    draft.actions = actions
    if not actions and reading.usable:
        reading.report(
            node,
            "rule/never-matches",
            "no event can match this: no kind of event has all of these fields with these values",
            severity="warning",
        )


def _check_logsource(reading: Reading) -> None:
    if reading.foreign:
        return
    node = reading.node.get("logsource")
    if node is None:
        reading.report(
            reading.node,
            "rule/missing-key",
            'the key "logsource" is missing',
            expected=f"where its events come from: product: {OURS}",
        )
        return
    outcome = examine(node, Logsource)
    reading.problems += outcome.problems
    if outcome.value is not None and outcome.value.product not in (None, OURS):
        place = node.get("product") if isinstance(node, MappingNode) else None
        product = outcome.value.product or ""
        reading.report(
            place or node, "rule/logsource", f"{shown(product)} is no product", hint=OURS
        )
