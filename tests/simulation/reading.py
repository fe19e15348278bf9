"""Sessions read for tests."""

from normalizer.events import Record
from simulation.normalizing import normalized
from simulation.session import Session


def events_of(session: Session) -> tuple[list[Record], int]:
    """All events of a session, and how many frames were dead letters."""
    events: list[Record] = []
    dead = 0
    for some, letters in normalized(session):
        events += some
        dead += letters
    return events, dead
