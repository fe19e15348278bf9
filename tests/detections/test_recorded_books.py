"""The order book of the detections against the replica that Coinbase's steps describe.

Real frames of the demo's matching engine, decoded by the normalizer, on the one side; the engine's
own messages, applied by code that shares nothing with ours, on the other.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from collectors.recording import decode_header, decode_line, open_lines
from demo.venue.load_feed import LoadFeed
from demo.venue.messages import Event, OrderBook, Side
from demo.venue.replica import Replica
from detections.books.order_books import OrderBooks
from normalizer.events.market import MarketEvent
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import Frame, FrameBatch

RECORDED = Path(__file__).parents[2] / "demo" / "recorded" / "session.jsonl.gz"
EMPTY = b'{"sequence":0,"bids":[],"asks":[],"time":"2027-01-15T08:00:00.000000Z"}'


def recorded_frames() -> Iterator[Frame]:
    with open_lines(RECORDED) as file:
        header = decode_header(file.readline(), "session")
        for line in file:
            place, frame = decode_line(line, len(header.sources))
            if header.sources[place].protocol == "coinbase":
                yield frame


def load_frames() -> Iterator[Frame]:
    feed = LoadFeed(cycle=6_000)
    received = 1_800_000_000_000_000_000
    yield Frame("0", received, EMPTY, "snapshot", "ACME-USD")
    # More than a cycle: a book must be right after the templates begin again.
    time = "2027-01-15T08:00:00.000000Z"
    for number, payload in enumerate(feed.next_frames(7_500, time, operator=True)):
        yield Frame(str(number + 1), received, payload)


SIDES: tuple[Side, Side] = ("buy", "sell")


@pytest.mark.parametrize("frames", [recorded_frames, load_frames])
def test_books_agree_all_the_way(frames: Callable[[], Iterator[Frame]]) -> None:
    normalizer = Normalizer(Reference(), {"venue": "demo-venue"})
    books, replica, compared = OrderBooks(), Replica(), 0
    events = msgspec.json.Decoder(Event, strict=False)
    for number, frame in enumerate(frames()):
        if frame.kind == "snapshot":
            replica = Replica(msgspec.json.decode(frame.payload, type=OrderBook))
        elif b'"sequence"' in frame.payload and b'"subscriptions"' not in frame.payload:
            try:
                replica.apply(events.decode(frame.payload))
            except msgspec.ValidationError:
                continue  # a heartbeat, which moves no book
        result = normalizer.normalize(number, FrameBatch("venue", "coinbase", [frame]))
        assert result.dead == []
        for event in result.events:
            assert isinstance(event, MarketEvent)
            book = books.of(event)
            books.apply(event, book)
            if number % 7:
                continue
            compared += 1
            for side, ours in zip(SIDES, (book.bids, book.asks), strict=True):
                # A filled order stands in the replica, with nothing, until it is said to be done.
                rows = [row for row in replica.rows(side) if row[1]]
                levels: dict[float, Decimal] = {}
                for price, size, _ in rows:
                    levels[float(price)] = levels.get(float(price), Decimal(0)) + size
                assert [key * ours.sign for key in reversed(ours.keys)] == list(levels)
                for price, total in levels.items():
                    assert ours.quantities[price * ours.sign] == pytest.approx(float(total))
            resting = {row[2] for side in SIDES for row in replica.rows(side) if row[1]}
            assert set(book.orders) == resting
    assert compared > 50
