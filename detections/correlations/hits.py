"""What goes into the correlations, and what comes out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from detections.alerting.findings import Witness

#: What a window keeps of an event for the alert's evidence: a `Witness`, or the event's line of
#: NDJSON, which is read again only if it comes to an alert.
Evidence = Witness | bytes


class Hit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A match of a Sigma rule that a correlation refers to."""

    rule: str
    """The matching rule's id."""
    id: str
    """`event.id`."""
    timestamp: int
    """Event time, nanoseconds."""
    values: Mapping[str, Any]
    """By field, at least those in `Correlations.needs[rule]` that the event has a value for.

    A value is a text, number or boolean, or a list or tuple of them.
    """
    evidence: Evidence
    event: Any
    """The event as the engine has it. The correlations only pass it on, in `Firing.completing`."""


class Hearing(msgspec.Struct, frozen=True):
    """How matches of a rule are taken of which only the newest matters (see `Silence.hear`)."""

    rule: str
    """The rule's id."""
    key: Callable[[Any], tuple[str, ...] | None]
    """An event's group; None where what it has in a field that groups are made of is no text."""
    hit: Callable[[Any], Hit]
    """The hit that an event is."""


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """A correlation that holds for a group."""

    rule: str
    """The correlation rule's id."""
    timestamp: int
    """When it came true: the completing event's time, or the time at which its window closed.

    Where a late event completes it, the time of the newest event that it took to come true.
    """
    group: Mapping[str, str]
    """The group's values, by the names in `group-by`, as text."""
    completing: Hit
    """The last event that it rests on, in the order in which events were processed."""
    evidence: Sequence[Evidence]
    """Of each event, by event time; the newest, where there are more than are kept."""
    metrics: Mapping[str, float]
    """`count`, and for value types `value`, of the window; of the series: `events`, `span_seconds`
    and `alert_of_series`."""
    sentence: str
    """Why it fired, in words with numbers, for a rule that has no reason of its own."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one correlation rule may hold. Beyond it the oldest goes, and is counted."""

    most_groups: int = 100_000
    """Groups; the one longest without news goes first."""
    most_events: int = 10_000
    """Events of a group; the oldest goes first. A rule that asks for more gets as many as it asks
    for."""
    most_held: int = 1_000_000
    """Events of all groups together; the group longest without news goes first."""
