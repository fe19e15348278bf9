"""Which fields a match of a Sigma rule must carry for the correlations that it goes into."""

from collections.abc import Iterable, Mapping, Sequence

from detections.correlations.sources import source_of
from detections.rules.model import CorrelationRule


def needs_of(rules: Sequence[CorrelationRule]) -> Mapping[str, tuple[str, ...]]:
    """By Sigma rule id, the fields, in order.

    A correlation on top of another one reads the event that completed the firing, so that the
    fields go down to the Sigma rules; but for those that the lower one has in its group.
    """
    correlations = {one.rule.id: one.correlation for one in rules}
    needed: dict[str, set[str]] = {}

    def ask(rule: str, fields: Iterable[str]) -> None:
        lower = correlations.get(rule)
        if lower is None:
            needed.setdefault(rule, set()).update(fields)
            return
        passed = set(fields).difference(lower.group_by)
        for base in lower.rules:
            ask(base, passed)

    for one in rules:
        for base in one.correlation.rules:
            fields = source_of(one.correlation, base).fields
            ask(base, [field for _, field in fields if field is not None])
    return {rule: tuple(sorted(fields)) for rule, fields in sorted(needed.items())}
