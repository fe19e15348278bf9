"""What is known of the habits of parties (see `detections.books.coincidence`), book by book."""

from detections.books.coincidence import Crowd, Habits, habits
from detections.books.order_book import MOST_BOOKS
from detections.idlest import latest
from detections.parties import Party
from normalizer.events.market import MarketEvent

#: Parties, in all books, of which it is known what they usually do; the idlest go first.
MOST_HABITS = 100_000


def habits_of(
    known: dict[tuple[str, str, str], Habits],
    crowds: dict[tuple[str, str], Crowd],
    event: MarketEvent,
    party: Party,
) -> Habits:
    """A party's in the event's book, by venue, instrument and party; one that is new counts among
    those of the book from now on."""
    key = (event.venue, event.instrument, party.key)
    found = known.pop(key, None)
    if found is not None:  # as `latest` does, without a call for each side of each trade
        known[key] = found
        return found

    def begin() -> Habits:
        crowd_of(crowds, event).parties += 1
        return habits(event.timestamp)

    return latest(known, key, MOST_HABITS, begin)


def crowd_of(crowds: dict[tuple[str, str], Crowd], event: MarketEvent) -> Crowd:
    """What the parties of the event's book usually do, by venue and instrument."""
    key = (event.venue, event.instrument)
    return latest(crowds, key, MOST_BOOKS, lambda: Crowd(event.timestamp))
