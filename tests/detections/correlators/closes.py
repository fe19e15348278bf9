"""Trades around a fixing and a close, with a calendar that has both, and what is found of them."""

from typing import Any

from detections.alerting.findings import Finding
from detections.correlators.marking_the_close import MarkingTheClose, Parameters
from normalizer.reference_book import ReferenceBook
from normalizer.session_stamps import SessionStamps
from pipeline.reference_changes import change_of
from pipeline.reference_records import Venue
from pipeline.venue_sessions import ReferenceTime, Session
from tests.detections.samples import Tape

S = 1_000.0
MIN = 60 * S
HOUR = 60 * MIN
#: START is midnight; the venue closes at one o'clock, after an auction of five minutes.
CLOSE = HOUR
VENUE = Venue(
    id="demo-venue",
    sessions=(
        Session(phase="continuous", start="00:00", end="00:55", days=("thu", "fri")),
        Session(phase="closing-auction", start="00:55", end="01:00", days=("thu", "fri")),
    ),
    references=(
        ReferenceTime(name="fixing", at="00:55", days=("thu", "fri")),
        ReferenceTime(name="close", at="01:00", purpose="close", days=("thu", "fri")),
    ),
)
FIXING = 55 * MIN


def stamped(events: list[Any], venue: Venue = VENUE) -> list[Any]:
    book = ReferenceBook()
    book.put("files", change_of(venue), venue)
    stamps = SessionStamps(book)
    stamps.settle()
    stamps.stamp(events)
    return events


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    detection = MarkingTheClose(Parameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def usual(tape: Tape, until: float = 49 * MIN) -> list[Any]:
    """A trade a minute, one cent up, one down, among many."""
    return [
        tape.trade(
            n * MIN, 10 + (n % 2) / 100, 10, side="buy" if n % 2 else "sell",
            buyer_account=f"b-{n % 7}", seller_account=f"s-{n % 5}",
        )
        for n in range(round(until / MIN))
    ]  # fmt: skip


def mark(tape: Tape, at: float, *, account: str = "x", to: float = 10.1, **more: Any) -> list[Any]:
    """Five purchases in as many seconds, up to a price."""
    return [
        tape.trade(
            at + n * S, 10.01 + (to - 10.01) * (n + 1) / 5, 20,
            **{"side": "buy", "buyer_account": account, "seller_account": "s-9", **more},
        )
        for n in range(5)
    ]  # fmt: skip


def after(tape: Tape, at: float = FIXING) -> list[Any]:
    return [tape.trade(at + MIN, 10, 10, side="sell", buyer_account="b", seller_account="s")]


def shifted(events: list[Any], days: int) -> list[Any]:
    for event in events:
        event.timestamp += days * 24 * 3_600 * 10**9
    return events


def as_rebuilt(events: list[Any], **parameters: Any) -> list[Finding]:
    """What comes of the last day, where the state is lost before it and rebuilt."""
    began = events[-1].timestamp - 2 * 3_600 * 10**9
    reach = MarkingTheClose(Parameters(**parameters)).horizon
    since = [one for one in events if one.timestamp >= began - reach]
    return found(since, **parameters)[-1:]
