"""What a replay tells: plain records, the same for the same streams, for JSON and terminals.

Times are RFC 3339 texts; nothing in here is of the wall clock.
"""

from msgspec import Struct

from detections.backtest.result import Change, Count, Example
from detections.replay.amendments import Amended


class Unmatched(Struct, frozen=True, kw_only=True):
    """An alert that only one side has."""

    alert: Example
    why: str | None = None
    """Why the other side hasn't it, where that is known."""


class RuleAgreement(Struct, frozen=True, kw_only=True):
    """Alerts of one rule: of the replay, and those that hold of the live ones."""

    id: str
    title: str
    live: int
    replayed: int
    same: int
    changed: int
    missing_live: int
    """Only the replay gives them."""
    only_live: int
    """Only the live run gave them."""
    reasons: tuple[Count, ...] = ()
    """Why, as far as it is known, of those that only one side has."""
    changes: tuple[Change, ...] = ()
    """The first few: live before, replayed after."""
    missing_examples: tuple[Unmatched, ...] = ()
    live_examples: tuple[Unmatched, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether both sides gave the same."""
        return not (self.changed or self.missing_live or self.only_live)


class RuleSwitch(Struct, frozen=True, kw_only=True):
    """A change of rules within what was replayed."""

    sequence: int
    """The message of EVENTS that said so."""
    rules: str
    """The rule set's hash."""
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    """Ids of rules."""
    rebuilt: tuple[str, ...] = ()
    """Ids of rules whose state was rebuilt, or began anew where nothing of the past was left."""
    reason: str | None = None


class Replay(Struct, frozen=True, kw_only=True):
    """All of it."""

    source: str
    first: int
    last: int
    """Messages of the range; `first` behind `last` where it is empty."""
    events: int
    """Events of the range's messages."""
    warm_up: int
    """Events before it, which filled the windows."""
    duplicates: int
    """Events that came again, and counted once."""
    orphaned: int
    """Events of blocks that a reorganisation left behind, which were left out."""
    rules: str
    """Which rules: `in force then`, or whose."""
    switches: tuple[RuleSwitch, ...]
    live: int
    """Alerts that were given live, and hold."""
    replayed: int
    same: int
    changed: int
    missing_live: int
    only_live: int
    retracted: int
    """Live alerts that were taken back, which count for nothing."""
    amended: Amended
    """What busts and corrections of trades say of alerts that both sides gave."""
    unread: int
    """Alerts on events that the live detections haven't read yet: they are no difference."""
    failures: int
    """Times that a rule failed on an event."""
    by_rule: tuple[RuleAgreement, ...]
    """Those that differ first."""
    notes: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether the replay gave what was alerted live."""
        return not (self.changed or self.missing_live or self.only_live or self.amended.differing)
