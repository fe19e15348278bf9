"""How often a party was found in a market before: who does it again is the surer to mean it."""

from msgspec import Struct

from detections.parties import Party
from detections.windows import Group, Key, SlidingGroups
from normalizer.events.market import MarketEvent
from pipeline.units import DAY, HOUR

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
#: What counts as before where it can be done once a day only, or once a month: more than a month.
DAYS_WINDOW = 35 * DAY
_days = SlidingGroups[Occurrence](DAYS_WINDOW, most_groups=20_000, most_items=100)


def times(found: Occurrences, party: Party, event: MarketEvent) -> int:
    """Which time in the window it is that this party is found here; 1 if it has no name."""
    if not party.known:
        return 1
    key = (event.venue, event.instrument, party.key)
    return len(_groups.add(found, key, Occurrence(event.timestamp)).items)


def days(found: Occurrences, party: Party, event: MarketEvent, at: int) -> int:
    """At how many different times in the last weeks a party was found here; `at` is one of them."""
    key = (event.venue, event.instrument, party.key)
    return len({one.timestamp for one in _days.add(found, key, Occurrence(at)).items})


def repeated(times: int) -> float:
    """How much the repetition says, from 0 to 1."""
    return min(1.0, (times - 1) / _FULL)
