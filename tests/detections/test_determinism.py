"""The same events give the same alerts, byte for byte, however they come in batches, and again."""

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.recording import decode_header, decode_line, open_lines
from detections.engine.engine import Engine
from normalizer.events import Record
from normalizer.normalize import Normalizer
from normalizer.reference_files import load_reference
from pipeline.frames import FrameBatch
from tests.detections.samples import Tape
from tests.fixtures.shipped_rules import shipped_rules

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "demo" / "recorded"
RULES = shipped_rules()
HOUR = 3_600_000


@pytest.fixture(scope="module")
def recorded() -> list[Record]:
    """The recorded session as it is on the bus: encoded, and decoded again."""
    normalizer = Normalizer(load_reference([RECORDED / "reference.yaml"]), {"venue": "demo-venue"})
    events: list[Record] = []
    with open_lines(RECORDED / "session.jsonl.gz") as file:
        header = decode_header(file.readline(), "session")
        for number, line in enumerate(file):
            place, frame = decode_line(line, len(header.sources))
            source = header.sources[place]
            batch = FrameBatch(source.name, source.protocol, [frame])
            result = normalizer.normalize(number, batch)
            assert result.dead == []
            events += result.events
    encoded = [msgspec.json.encode(event) for event in events]
    return [msgspec.json.decode(line, type=Record) for line in encoded]


def alerts_of(events: list[Record], cuts: list[int]) -> list[bytes]:
    engine = Engine(RULES)
    bounds = sorted({0, len(events), *(cut % len(events) for cut in cuts)})
    found: list[bytes] = []
    for first, last in pairwise(bounds):
        found += [msgspec.json.encode(alert) for alert in engine.process(events[first:last])]
    assert engine.take_problems() == []
    return found


@pytest.fixture(scope="module")
def once(recorded: list[Record]) -> list[bytes]:
    """Its alerts, when all of it comes in one batch."""
    found = alerts_of(recorded, [])
    # What was planted, with what follows from it: a frozen wallet's attempt, and a second hop.
    assert len(found) == 24
    assert len({msgspec.json.decode(alert)["event.id"] for alert in found}) == len(found)
    return found


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 10_000), max_size=100))
def test_batches_make_no_difference(
    recorded: list[Record], once: list[bytes], cuts: list[int]
) -> None:
    assert alerts_of(recorded, cuts) == once


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 50)), max_size=30))
def test_events_that_come_again_make_no_difference(
    recorded: list[Record], once: list[bytes], again: list[tuple[int, int]]
) -> None:
    """Each of some events comes again, so many events later, as after a reconnect."""
    events = list(recorded)
    for place, later in again:
        at = place % len(recorded)
        events.insert(min(len(events), events.index(recorded[at]) + 1 + later), recorded[at])
    assert alerts_of(events, []) == once


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 45), st.randoms(use_true_random=False))
def test_a_wash_series_alerts_as_documented_in_whatever_order_its_trades_come(
    count: int, chance: object
) -> None:
    tape = Tape(buyer_account="acct-7", seller_account="acct-7")
    trades = [tape.trade(number * HOUR / 60, 10, 5) for number in range(count)]
    chance.shuffle(trades)  # type: ignore[attr-defined]
    # What comes before its time looks like a silence before it, of which other rules tell.
    alerts = [a for a in Engine(RULES).process(trades) if a.typology == "wash_trading"]
    # At each of the first five, then each time that it has a quarter more; with all until then.
    told = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 27, 33, 41)
    expected = [number for number in told if number <= count]
    assert [alert.metrics["trades"] for alert in alerts] == expected
    for alert in alerts:
        came = trades[: int(alert.metrics["trades"])]
        assert set(alert.evidence_events) == {trade.id for trade in came}
        assert set(alert.evidence_originals) == {trade.original for trade in came}
        assert alert.created == min(trade.timestamp for trade in came)
        assert alert.ended == max(trade.timestamp for trade in came)
