"""Listed persons who trade when they may not."""

from typing import Any

from detections.correlators.closed_period import ClosedPeriod, Parameters
from normalizer.events.market import Trade
from normalizer.events.reference import CorporateEvent
from pipeline.units import DAY
from tests.detections.samples import START, swap


def trade(number: int, time: int, **more: Any) -> Trade:
    fields: dict[str, Any] = {
        "buyer_account": "a",
        "buyer_labels": ("insider",),
        "token_id": "acme",
        **more,
    }
    return Trade(
        id=f"t{number}", timestamp=START + time, ingested=START + time, original="RAW/1/0",
        provider="v", venue="v", instrument="ACME-USD", trade_id=f"t{number}", price=10.0,
        quantity=5.0, **fields,
    )  # fmt: skip


def results(time: int, announced: int, **more: Any) -> CorporateEvent:
    fields: dict[str, Any] = {"corporate_type": "financial-results", "change": "added", **more}
    return CorporateEvent(
        id=f"n{time}", timestamp=START + time, ingested=START + time, original="RAW/2/0",
        provider="reference:x", token_id="acme", corporate_id="q", announced=START + announced,
        **fields,
    )  # fmt: skip


def test_a_day_that_is_moved_moves_the_closed_period() -> None:
    found = ClosedPeriod(Parameters(pattern="closed_period"))
    assert not list(found.observe(results(0, 40 * DAY)))
    assert not list(found.observe(results(DAY, 80 * DAY)))
    assert not list(found.observe(trade(1, 20 * DAY)))
    (finding,) = found.observe(trade(2, 60 * DAY))
    assert finding.metrics["hours_before"] == 20 * 24


def test_results_that_a_calendar_has_for_months_are_found_from_as_far_back_as_it_reaches() -> None:
    found = ClosedPeriod(Parameters(pattern="closed_period"))
    events = [results(0, 200 * DAY), trade(1, 190 * DAY)]
    since = events[-1].timestamp - found.horizon
    (finding,) = (f for e in events if e.timestamp >= since for f in found.observe(e))
    assert finding.metrics["hours_before"] == 10 * 24


def test_saved_in_the_middle_it_finds_the_same() -> None:
    for pattern in ("closed_period", "before_news"):
        first = ClosedPeriod(Parameters(pattern=pattern))  # type: ignore[arg-type]
        second = ClosedPeriod(Parameters(pattern=pattern))  # type: ignore[arg-type]
        events = [
            results(0, 20 * DAY),
            trade(1, 10 * DAY),
            swap(2, timestamp=START + 18 * DAY, token_id="acme", side="sell", quantity=2.0,
                 price=9.0, investor_address="0xa", investor_labels=("issuer_affiliate",)),
            results(30 * DAY, 19 * DAY),
        ]  # fmt: skip
        straight = [one for event in events for one in first.observe(event)]
        rest = [one for event in events[:2] for one in second.observe(event)]
        second.restore(second.snapshot())
        rest += [one for event in events[2:] for one in second.observe(event)]
        assert rest == straight
        assert straight


def test_persons_are_bounded_and_told_once() -> None:
    found = ClosedPeriod(Parameters(pattern="before_news"))
    for number in range(10_100):
        list(found.observe(trade(number, number, buyer_account=f"a{number}")))
    assert found.state.persons == 10_000
    assert len(list(found.observe(results(DAY, DAY)))) == 10_000
    assert not list(found.observe(results(2 * DAY, 2 * DAY)))
    assert found.state.persons == 0
    assert found.state.trades == {}
