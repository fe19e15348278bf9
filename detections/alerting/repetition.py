"""How often a party was found in a market before: who does it again is the surer to mean it."""

from msgspec import Struct

from detections.parties import Party
from detections.windows import Group, Key, SlidingGroups
from normalizer.events.market import MarketEvent
from pipeline.units import HOUR

#: What counts as before.
REPETITION_WINDOW = HOUR
#: The fifth time within the window is as sure as it gets.
_FULL = 4


class Occurrence(Struct, frozen=True):
    """That a party was found once."""

    timestamp: int


#: Who was found, by market and the widest name of the party.
Occurrences = dict[Key, Group[Occurrence]]
_groups = SlidingGroups[Occurrence](REPETITION_WINDOW, most_items=_FULL + 1)


def times(found: Occurrences, party: Party, event: MarketEvent) -> int:
    """Which time in the window it is that this party is found here; 1 if it has no name."""
    if not party.known:
        return 1
    key = (event.venue, event.instrument, party.key)
    return len(_groups.add(found, key, Occurrence(event.timestamp)).items)


def repeated(times: int) -> float:
    """How much the repetition says, from 0 to 1."""
    return min(1.0, (times - 1) / _FULL)
