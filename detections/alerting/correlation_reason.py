"""The sentence that a correlation writes into its alerts."""

from collections.abc import Callable
from typing import Any

import msgspec

from detections.alerting.wording import lapse
from detections.correlations.hits import Firing
from detections.fields import shapes, taxonomy
from detections.rules.model import Correlation, CorrelationRule
from detections.rules.reason import fill_reason
from detections.sigma.readers import Constant, Read

_OURS = "correlation."


class Fired(msgspec.Struct, frozen=True):
    """What the sentence is written of: the firing, and its completing event."""

    firing: Firing
    event: Any
    """A record, or a flat document."""


#: Fields that say who: those of parties, and what identifies one where nobody is known.
_PARTIES = ("investor.", "source.", "destination.", "user.", "client.", "server.", "host.")
_PARTY_FIELDS = frozenset(("blockchain.transaction.from", "market.pool.position_owner"))


def parties_of(rule: CorrelationRule) -> frozenset[str]:
    """The names in `group-by` that say who an alert is about; the others say where and of what."""
    found: set[str] = set()
    for name in rule.correlation.group_by:
        aliased = rule.correlation.aliases.get(name)
        fields = (name,) if aliased is None else tuple(aliased.values())
        if any(field.startswith(_PARTIES) or field in _PARTY_FIELDS for field in fields):
            found.add(name)
    return frozenset(found)


def correlation_reason(rule: CorrelationRule) -> Callable[[Fired], str]:
    """The function that writes the sentence: the rule's own, else the correlation's."""
    if rule.reason is None:
        return lambda fired: fired.firing.sentence
    return fill_reason(rule.reason, _FiredReader(rule.correlation), taxonomy().get)


class _FiredReader:
    """Reads the group, the numbers (`correlation.count`) and the completing event."""

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation

    def field(self, name: str) -> Read | Constant:
        if name in self._correlation.group_by:
            return lambda fired: fired.firing.group.get(name)
        if name == f"{_OURS}timespan":
            return Constant(lapse(self._correlation.timespan))
        if name.startswith(_OURS):
            metric = name.removeprefix(_OURS)
            return lambda fired: fired.firing.metrics.get(metric)
        return lambda fired: event_value(fired.event, name)


def event_value(event: Any, name: str) -> Any:
    """A field of a record or of a flat document by its ECS name; None where it has none."""
    if isinstance(event, dict):
        return event.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    shape = shapes()[type(event)]
    if name == "event.action":
        return shape.action
    attribute = shape.attributes.get(name)
    return None if attribute is None else getattr(event, attribute.name)
