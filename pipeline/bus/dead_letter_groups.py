"""Which dead letters are meant, and how they are put together by reason."""

import re
from collections.abc import Collection, Iterable

import msgspec
from msgspec import Struct

from pipeline.bus.dead_letters import State, StoredLetter

#: What differs from letter to letter though the reason is the same: numbers, hashes, addresses.
_VARYING = re.compile(r"0x[0-9a-fA-F]+|\d[\d,.]*")


class Wanted(Struct, frozen=True, kw_only=True):
    """Which letters are meant: those that are all of this. Times: nanoseconds since the epoch."""

    numbers: frozenset[int] = frozenset()
    stage: str | None = None
    source: str | None = None
    reason: str | None = None
    """A part of the reason, in any case of letters."""
    since: int | None = None
    until: int | None = None
    states: Collection[State] = ("open", "replayed", "failed")

    @property
    def everything(self) -> bool:
        """Whether no letter is left out but by its state."""
        return not self.numbers and all(
            part is None for part in (self.stage, self.source, self.reason, self.since, self.until)
        )

    def holds(self, stored: StoredLetter) -> bool:
        """Whether a letter is meant."""
        letter = stored.letter
        return (
            (not self.numbers or stored.sequence in self.numbers)
            and self.stage in (None, letter.stage)
            and self.source in (None, letter.source)
            and (self.reason is None or self.reason.lower() in letter.reason.lower())
            and (self.since is None or letter.received >= self.since)
            and (self.until is None or letter.received <= self.until)
            and stored.state in self.states
        )


class ReasonGroup(Struct):
    """Letters of one stage, source, field and reason."""

    stage: str
    source: str
    field: str | None
    reason: str
    """That of the newest."""
    count: int = 0
    open: int = 0
    first: int = 0
    """When the frame or document of the first was received, in nanoseconds since the epoch."""
    last: int = 0
    newest: int = 0
    """The number of the newest letter."""
    positions: list[str] = msgspec.field(default_factory=list[str])
    """Of the newest few, the newest last."""


#: Positions that a group names.
MOST_POSITIONS = 5


def by_reason(letters: Iterable[StoredLetter]) -> list[ReasonGroup]:
    """The groups, the one with the newest letter last. Letters come in their order."""
    groups: dict[tuple[str, str, str | None, str], ReasonGroup] = {}
    for stored in letters:
        letter = stored.letter
        shape = _VARYING.sub("#", letter.reason)
        where = _VARYING.sub("#", letter.field) if letter.field is not None else None
        key = (letter.stage, letter.source, where, shape)
        group = groups.pop(key, None)
        if group is None:
            group = ReasonGroup(
                letter.stage, letter.source, letter.field, letter.reason, first=letter.received
            )
        groups[key] = group  # behind all others
        group.reason, group.newest = letter.reason, stored.sequence
        group.count += 1
        group.open += stored.state == "open"
        group.first = min(group.first, letter.received)
        group.last = max(group.last, letter.received)
        group.positions = [*group.positions, letter.position][-MOST_POSITIONS:]
    return list(groups.values())


def newest_of_each(found: Iterable[StoredLetter]) -> list[StoredLetter]:
    """What died, was sent again and died again has several letters: one of them will do."""
    newest = {
        (
            stored.letter.stage,
            stored.letter.source,
            stored.letter.position,
            stored.letter.field,
            stored.letter.payload,
        ): stored
        for stored in found
    }
    return sorted(newest.values(), key=lambda stored: stored.sequence)
