"""What a firing rests on, as evidence of the correlations that refer to its rule.

Mostly nobody asks: a chain fires far more seldom than its parts do. So the events are looked for
only when it comes to an alert or a snapshot.
"""

from collections.abc import Sequence
from typing import cast

from msgspec import Struct

from detections.correlations.hits import Evidence
from detections.correlations.tallies import Payload

#: A firing hands on so many of its newest events to correlations that refer to its rule.
MOST_HANDED_ON = 1_000


class Chain(Struct, gc=False, eq=False):
    """The events that a firing rests on: of a window, or such as were found before."""

    entries: "Sequence[Entry]" = ()
    """Of a window, while nobody has asked. They must not change any more."""
    found: "Sequence[Happening] | None" = None

    @property
    def happenings(self) -> "Sequence[Happening]":
        """The newest of them, each once, by time."""
        found = self.found
        if found is None:
            entries = self.entries[-MOST_HANDED_ON:]
            found = self.found = happenings(entries)[-MOST_HANDED_ON:]
            self.entries = ()
        return found


#: Evidence of a hit: what is kept of the event; of another correlation's firing, what it rests on.
Kept = Evidence | Chain
#: What a window keeps of a hit: its time, its id, its evidence, and what it contributes.
Entry = tuple[int, str, Kept, Payload]
#: An event as evidence: its time, its id and what is kept of it. An entry of an event is one too.
Happening = tuple[int, str, Evidence] | tuple[int, str, Evidence, Payload]


def happenings(entries: Sequence[Entry]) -> Sequence[Happening]:
    """The events that entries rest on, each once, by time."""
    if not any(entry[2].__class__ is Chain for entry in entries):
        # An event is in a group once, so there is nothing to look for.
        return cast("Sequence[Happening]", entries)
    found: dict[str, Happening] = {}
    for time, id_, kept, _ in entries:
        for happening in kept.happenings if isinstance(kept, Chain) else ((time, id_, kept),):
            found.setdefault(happening[1], happening)
    return sorted(found.values(), key=_time)


def both(one: Kept, other: Kept) -> Kept:
    """The evidence of two hits of one event: a firing's, which has that event's in it."""
    if isinstance(one, Chain):
        if isinstance(other, Chain):
            return Chain(found=(*one.happenings, *other.happenings))
        return one
    return other


def _time(happening: Happening) -> int:
    return happening[0]
