"""What a round with a venue is for: a frame, a gap, a book or a mark that is wrong is told."""

import json
from typing import Any

import msgspec
import pytest

from demo.venue.facts import PRODUCT
from demo.venue.messages import OrderBook
from normalizer.events import Record
from pipeline.frames import Frame, GapNotice
from tests.chaos.venue import unmarked, untold, wrong
from tests.detections.samples import Tape

SECOND = 1_000_000_000


def message(sequence: int) -> Frame:
    """An order that comes to rest, told by this frame alone."""
    said = {
        "type": "open",
        "product_id": PRODUCT.id,
        "sequence": sequence,
        "order_id": f"order-{sequence}",
        "side": "buy",
        "price": "99.50",
        "remaining_size": "2",
    }
    return Frame(f"1.{sequence:012d}", 0, json.dumps(said).encode())


def gap(expected: int, received: int) -> Frame:
    notice = GapNotice(PRODUCT.id, "messages are missing", expected, received)
    return Frame("1.gap", 0, msgspec.json.encode(notice), "gap", PRODUCT.id)


def book(sequence: int) -> OrderBook:
    """All that rests after so many frames."""
    bids = [("99.50", "2", f"order-{one}") for one in range(1, sequence + 1)]
    return OrderBook(bids=bids, asks=[], sequence=sequence, time="2026-01-01T00:00:00.000000Z")


def snapshot(sequence: int) -> Frame:
    return Frame("1.book", 0, msgspec.json.encode(book(sequence)), "snapshot", PRODUCT.id)


WHOLE = [message(1), message(2), gap(3, 5), message(5), snapshot(5), message(6)]


@pytest.mark.parametrize(
    ("frames", "error"),
    [
        (WHOLE, ""),
        ([*WHOLE[:2], gap(3, 5), snapshot(5), message(6)], ""),
        ([*WHOLE[:2], *WHOLE[3:]], "no gap says so"),
        ([*WHOLE[:4], snapshot(4), message(6)], "out of place"),
        ([*WHOLE[:4], message(6)], "not the venue's"),
        (WHOLE[:-1], "not the venue's"),
        ([message(1), *WHOLE], "no gap says so"),
    ],
)
def test_frames_have_to_lead_to_the_venues_book(frames: list[Frame], error: str) -> None:
    assert (error in wrong(frames, book(6))) if error else not wrong(frames, book(6))


@pytest.mark.parametrize(
    ("frames", "error"),
    [
        (WHOLE, ""),
        ([*WHOLE[:2], gap(3, 5), snapshot(5), message(6)], ""),
        ([*WHOLE[:2], gap(4, 5), *WHOLE[3:]], "frame 3 did not come"),
        ([*WHOLE[:2], gap(2, 5), *WHOLE[3:]], "frame 2, which came"),
        (WHOLE[:-1], "frame 6 did not come"),
    ],
)
def test_each_frame_came_or_is_told_by_a_gap(frames: list[Frame], error: str) -> None:
    assert (error in untold(frames, 6)) if error else not untold(frames, 6)


def placed(identifier: str, seconds: int) -> Record:
    return Tape(provider="venue").placed(seconds * 1_000, identifier, "buy", 1, 1, id=identifier)


def feed_gap(seconds: int) -> Record:
    return Tape(provider="venue").gap(seconds * 1_000, id="gap")


def alert(*rests_on: str, typology: str = "wash_trading", tags: tuple[str, ...] = ()) -> Any:
    return {
        "event": {"id": "alert"},
        "surveillance": {"typology": typology, "evidence": {"event_ids": list(rests_on)}},
        "tags": tags,
    }


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (alert("before", "after"), True),
        (alert("before", "after", tags=("unsure",)), False),
        (alert("before", "gap", typology="data_quality"), False),
        (alert("early", "before"), False),
        (alert("after"), False),
    ],
)
def test_an_alert_over_a_gap_has_to_say_so(found: dict[str, Any], told: bool) -> None:
    events = [placed("early", 1), placed("before", 2), feed_gap(4), placed("after", 5)]

    assert bool(unmarked(events, [found])) == told
