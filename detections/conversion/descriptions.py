"""What a converted rule says of itself to the people who find it in Kibana or Splunk."""

from collections.abc import Sequence
from datetime import UTC, datetime

from detections.conversion.convert import AnyRule
from detections.conversion.known_fields import field_type
from detections.conversion.losses import Loss
from detections.rules import CorrelationRule, ExceptionRule, SigmaRule
from detections.rules.reason import Reason

_SECOND = 10**9


def description(one: AnyRule, losses: Sequence[Loss], exceptions: Sequence[ExceptionRule]) -> str:
    """The rule's own, what the query leaves alone until when, and where it isn't the engine's."""
    rule = one.rule
    parts = [" ".join((rule.description or rule.title).split())]
    parts += [
        f"Left alone until {_day(one.expires)}: {' '.join(one.reason.split())} ({one.owner})."
        for one in exceptions
    ]
    said = dict.fromkeys(loss.message for loss in losses)
    parts += [f"Not the same as in Tapewatch: {message}." for message in said]
    return " ".join(parts)


def reason_fields(one: AnyRule) -> list[str]:
    """The fields that the rule's sentence names: those to look at first."""
    reason: Reason | None = one.reason if isinstance(one, (SigmaRule, CorrelationRule)) else None
    names = reason.fields if reason is not None else ()
    return [name for name in dict.fromkeys(names) if field_type(name) is not None]


def _day(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // _SECOND, UTC).date().isoformat()
