"""What is known of the habits of parties (see `detections.books.coincidence`), book by book."""

from detections.books.coincidence import Crowd, Habits, habits
from detections.books.order_book import MOST_BOOKS
from detections.idlest import latest
from normalizer.events.market import MarketEvent

#: Parties, in all books, of which it is known what they usually do; the idlest go first.
MOST_HABITS = 100_000


def habits_of(
    known: dict[tuple[str, str, str], Habits],
    crowds: dict[tuple[str, str], Crowd],
    event: MarketEvent,
    name: str,
) -> Habits:
    """A party's in the event's book, by venue, instrument and widest name; one that is new counts
    among those of the book from now on."""
    key = (event.venue, event.instrument, name)
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
    found = crowds.pop(key, None)
    if found is not None:  # the same
        crowds[key] = found
        return found
    return latest(crowds, key, MOST_BOOKS, lambda: Crowd(event.timestamp))
