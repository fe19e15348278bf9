"""Tests beside rules as they are run, and what came of them."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from detections.explanation.model import Part
from detections.rules.model import Rule
from detections.sigma.documents import Document
from normalizer.events import Alert, Record
from pipeline.problems import Location


class Sample(Struct, frozen=True, kw_only=True):
    """One event of a test, whole."""

    id: str
    timestamp: int
    event: Record | Document
    """A record of ours, or a flat document of others."""
    written: Mapping[str, Any]
    """What the author wrote for this event alone, without the defaults and what was filled in."""


class ExpectedAlert(Struct, frozen=True, kw_only=True):
    """The fields of an alert that matter."""

    location: Location
    fields: Mapping[str, Any]
    rule: str | None = None
    """The rule that it comes from, as written."""
    rules: frozenset[str] = frozenset()
    """The rule's id, or several where a title is of several; empty: of any."""


class RuleTest(Struct, frozen=True, kw_only=True):
    """One test, ready to run."""

    name: str
    location: Location
    samples: tuple[Sample, ...]
    """In the order in which they come first: by time, or as written with an allowed lateness."""
    expected: tuple[ExpectedAlert, ...]
    about: frozenset[str]
    """Ids of the rules whose alerts are looked at."""
    start: int
    """Event time at which the test begins."""
    until: int | None = None
    """Event time that is reached at the end, without an event."""
    allowed_lateness: int = 0
    exceptions: bool = False
    """Whether exceptions are in force."""


class FieldDifference(Struct, frozen=True):
    """A field that isn't what was expected. `came` is None where the alert doesn't have it."""

    name: str
    expected: Any
    came: Any


class Unmet(Struct, frozen=True, kw_only=True):
    """An expected alert that didn't come."""

    expected: ExpectedAlert
    number: int
    """Its place in the list, from 1."""
    nearest: Alert | None = None
    """The one most like it, of those that came and weren't expected."""
    differences: tuple[FieldDifference, ...] = ()


class Comparison(Struct, frozen=True, kw_only=True):
    """Expected alerts against those that came."""

    met: tuple[tuple[ExpectedAlert, Alert], ...] = ()
    unmet: tuple[Unmet, ...] = ()
    unexpected: tuple[Alert, ...] = ()
    """Those that are nearest to no expected one."""


Way = Literal["reversed", "shuffled", "twice", "batches"]


class Replay(Struct, frozen=True, kw_only=True):
    """Another way for a test's events to come."""

    way: Way
    batch: int
    """Events that come together."""
    seed: int | None = None
    """What the order was drawn from, where it was."""

    def __str__(self) -> str:
        together = "one by one" if self.batch == 1 else f"{self.batch} at a time"
        match self.way:
            case "reversed":
                return f"the last first, {together}"
            case "shuffled":
                return f"shuffled with seed {self.seed}, {together}"
            case "twice":
                return f"every event twice, shuffled with seed {self.seed}, {together}"
            case "batches":
                return f"in order, {together}"


class ReplayDifference(Struct, frozen=True, kw_only=True):
    """The same events, come in another way, gave other alerts."""

    replay: Replay
    order: tuple[str, ...]
    """Ids of the events as they came."""
    missing: tuple[Alert, ...] = ()
    """Came the first time only."""
    added: tuple[Alert, ...] = ()
    """Came this time only."""
    failed: tuple[str, ...] = ()
    """What a rule failed with this time only."""


class NearMiss(Struct, frozen=True, kw_only=True):
    """What a rule made of a test's events."""

    rule: Rule
    event_id: str | None = None
    """Of a Sigma rule that matched no event: the one that came nearest."""
    lacking: tuple[Part, ...] = ()
    """What that one lacks."""
    counted: tuple[tuple[str, int], ...] = ()
    """Of a correlation: its Sigma rules by title, and how many events each matched."""


class Result(Struct, frozen=True, kw_only=True):
    """How one test went."""

    test: RuleTest
    comparison: Comparison
    alerts: tuple[Alert, ...]
    """All that came and is looked at, in order."""
    failed: tuple[str, ...] = ()
    """Rules that couldn't deal with an event, and why."""
    replayed: ReplayDifference | None = None
    """The first other way of coming that gave something else."""
    replays: int = 0
    """Other ways that were tried."""
    covered: frozenset[str] = frozenset()
    """Ids of the exceptions that covered an alert."""
    misses: tuple[NearMiss, ...] = ()
    """Where nothing came in place of an expected alert: what the rules lacked."""

    @property
    def passed(self) -> bool:
        return not (
            self.comparison.unmet
            or self.comparison.unexpected
            or self.failed
            or self.replayed is not None
        )
