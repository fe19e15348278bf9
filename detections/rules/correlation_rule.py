"""Correlation rules: a condition over the matches of other rules within a time span."""

from collections.abc import Sequence

from detections.fields import taxonomy
from detections.rules.context import Context
from detections.rules.correlation import read_correlation
from detections.rules.correlation_condition import OF_VALUES
from detections.rules.document import make_rule, read_document
from detections.rules.drafts import Draft
from detections.rules.metadata import check_misplaced, required_of
from detections.rules.model import Correlation, CorrelationRule
from detections.rules.sentence import read_reason
from detections.rules.wording_slips import field_meant
from pipeline.problems import one_of, shown
from pipeline.yaml_nodes import Node

_NUMBERS = ("correlation.count", "correlation.value", "correlation.timespan")


def read_correlation_rule(draft: Draft, context: Context) -> None:
    """Read the draft's rule, after those that it refers to. Reports what is wrong with it."""
    reading = draft.reading
    bases = [base for _, base in draft.bases]
    if bases:
        # Whose base rules are all for log sources of others is so itself.
        reading.foreign = all(base.reading.foreign for base in bases)
    else:  # none of them is there, which is told; what is known is whether it is written like ours
        reading.foreign = draft.node.get("typology") is None
    draft.actions = _actions(bases)
    document = read_document(reading, required_of(draft))
    check_misplaced(draft)
    correlation = read_correlation(draft, context)
    reason = read_reason(reading, lambda node, name: _check_name(draft, correlation, node, name))
    if document is None or correlation is None or not reading.usable:
        return
    draft.rule = CorrelationRule(
        rule=make_rule(reading, document, draft.id, draft.digest, draft.state_digest),
        correlation=correlation,
        reason=reason,
        silent=draft.silent,
    )


def _actions(bases: Sequence[Draft]) -> frozenset[str] | None:
    """What can complete the correlation: any event that a base rule can match."""
    found: frozenset[str] = frozenset()
    for base in bases:
        if base.actions is None:
            return None
        found |= base.actions
    return found


def _check_name(draft: Draft, correlation: Correlation | None, node: Node, name: str) -> None:
    """Whether the sentence can say it: the group, a number, or a field of the last event."""
    if correlation is None:
        return  # what is wrong with it comes first
    if name in correlation.group_by or name in taxonomy():
        return
    known = [*correlation.group_by, *_NUMBERS]
    if name not in known:
        draft.reading.report(
            node,
            "rule/unknown-field",
            f"neither the correlation nor an event has {shown(name)}",
            hint=field_meant(name, [*known, *taxonomy()]),
        )
    elif name == "correlation.value" and correlation.type not in OF_VALUES:
        draft.reading.report(
            node,
            "rule/reason",
            f"a correlation of the type {correlation.type} has no value",
            expected=f"correlation.value for {one_of(OF_VALUES)} only",
            hint="correlation.count",
        )
