"""Frames recorded from QuickFIX, and from servers that speak as INX's and Archax's documents do."""

from collections import Counter

import msgspec
import pytest

from collectors.recording import read_header
from tests.normalizer.record_venues import GOLDEN, NAMES, events_of


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_gives_the_events_that_were_read_and_found_right(name: str) -> None:
    events = (GOLDEN / f"{name}_events.ndjson").read_bytes()
    assert events_of(name) == events
    assert events_of(name) == events, "as often as it is read"


def test_the_recordings_have_all_that_matters() -> None:
    events = [msgspec.json.decode(line) for name in NAMES for line in events_of(name).splitlines()]
    actions = Counter(event["event.action"] for event in events)
    assert len({event["event.id"] for event in events}) == len(events)
    assert actions == {
        **{"order-placed": 2, "trade": 4, "order-filled": 1, "order-changed": 1},
        **{"order-cancelled": 1, "order-rejected": 1, "trade-busted": 1},
        **{"book-snapshot": 3, "book-update": 2, "trading-status": 2},
    }


def test_the_trade_of_two_reports_has_both_accounts() -> None:
    assert read_header(GOLDEN / "drop_copy.jsonl").sources[0].venue == "acme-ats"
    (trade,) = [
        found
        for line in events_of("drop_copy").splitlines()
        if (found := msgspec.json.decode(line))["event.action"] == "trade"
    ]
    assert trade["investor.buyer.account"] == "B-3"
    assert trade["investor.seller.account"] == "A-7"
    assert trade["market.trade.aggressor_side"] == "buy"
