"""Prices away from the oracle's: which answer counts, and what ends a series."""

from typing import Any

from detections.alerting.findings import Finding
from detections.correlators.oracle_deviation import OracleDeviation, Parameters
from detections.engine.engine import Engine
from normalizer.events.chain import OracleUpdate
from normalizer.events.market import TradeBusted
from pipeline.units import DAY, HOUR
from tests.detections.samples import MILLISECOND, START, Tape, correlator
from tests.detections.test_revised_trades import revised

SECONDS = 1_000


def answer(at: float, price: float, **more: Any) -> OracleUpdate:
    moment = START + round(at * MILLISECOND)
    fields: dict[str, Any] = {
        "id": f"answer-{at}",
        "timestamp": moment,
        "ingested": moment,
        "original": "RAW/0/0",
        "provider": "chain",
        "chain_id": 1,
        "block_number": 1,
        "block_hash": "0x" + "b" * 64,
        "feed": "ACME / USD",
        "answer_raw": "1",
        "round": "1",
        "updated": moment,
        "price": price,
        "currency": "USD",
        "token_id": "acme",
    }
    return OracleUpdate(**{**fields, **more})


def tape() -> Tape:
    return Tape(token_id="acme", currency="USD")


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    wanted: dict[str, Any] = {"pattern": "deviation", **parameters}
    detection = OracleDeviation(Parameters(**wanted))
    return [finding for event in events for finding in detection.observe(event)]


def test_a_trade_is_held_against_the_answer_of_its_time_even_if_it_comes_late() -> None:
    venue = tape()
    late = venue.trade(1 * SECONDS, 100, 5)
    events = [answer(0, 100), answer(2 * SECONDS, 120), late, venue.trade(3 * SECONDS, 120, 5)]
    assert found(events, minimum_trades=1) == []
    early = venue.trade(-1, 500, 5)
    assert found([answer(0, 100), early], minimum_trades=1) == []


def test_what_is_worth_little_is_told_in_dollars_whatever_it_is_traded_for() -> None:
    for currency, told in (("ETH", 1), ("USD", 0)):
        there = Tape(token_id="acme", currency=currency)
        events = [answer(0, 100, currency=currency), there.trade(SECONDS, 120, 0.5)]
        assert len(found(events, minimum_trades=1, minimum_notional=100.0)) == told, currency


def test_answers_that_come_in_the_wrong_order_are_put_right() -> None:
    trade = tape().trade(5 * SECONDS, 150, 5)
    (finding,) = found([answer(2 * SECONDS, 100), answer(0, 150), trade], minimum_trades=1)
    assert finding.metrics["oracle_price"] == 100


def test_an_answer_ages_from_when_the_oracle_agreed_on_it() -> None:
    old = answer(0, 100, updated=START - 2 * DAY)
    events = [old, tape().trade(SECONDS, 150, 5)]
    assert found(events, minimum_trades=1) == []
    (finding,) = found(events, pattern="stale")
    assert finding.metrics["age_seconds"] == 2 * 86_400 + 1
    assert found(events, pattern="stale", maximum_age=3 * DAY) == []


def test_each_answer_that_grew_old_is_told_once_on_all_markets_together() -> None:
    venue, other = tape(), Tape(token_id="acme", currency="USDC", instrument="ACME-USDC")
    day = 24 * 3_600 * SECONDS
    events = [
        answer(0, 100),
        *(market.trade(day + n, 100, 5) for n in range(3) for market in (venue, other)),
        answer(2 * day, 100),
        venue.trade(3 * day, 100, 5),
    ]
    assert len(found(events, pattern="stale", maximum_age=12 * HOUR)) == 2


def test_a_market_that_nobody_prices_and_a_price_that_none_can_be_are_left_out() -> None:
    venue = Tape(currency="USD")
    events = [
        answer(0, 100),
        venue.trade(1, 500, 5),
        tape().trade(2, -5, 5),
        tape().trade(3, float("inf"), 5),
    ]
    assert found(events, minimum_trades=1) == []


def test_a_series_keeps_a_bounded_number_of_trades_and_counts_all() -> None:
    venue = tape()
    events = [answer(0, 100), *(venue.trade(n, 150, 1) for n in range(1, 3_000))]
    last = found(events)[-1]
    assert last.metrics["trades"] == 1_536
    assert len(last.witnesses) == 1_001
    assert last.metrics["notional"] == 150 * 1_536


def test_the_limit_of_an_answer_is_its_feeds_heartbeat_and_the_grace() -> None:
    fresh = answer(0, 100, heartbeat=3_600.0)
    at_limit, beyond = (tape().trade(seconds * SECONDS, 150, 5) for seconds in (3_900, 3_901))
    assert found([fresh, at_limit], pattern="stale") == []
    (finding,) = found([fresh, beyond], pattern="stale")
    assert finding.metrics["age_seconds"] == 3_901
    # One without a heartbeat has the rule's own limit.
    assert found([answer(0, 100), beyond], pattern="stale") == []
    assert len(found([fresh, at_limit], minimum_trades=1)) == 1
    assert found([fresh, beyond], minimum_trades=1) == []


def test_an_answer_is_held_against_the_one_before_it_of_the_same_feed() -> None:
    """A second feed of the same token and currency, such as Pyth's, is another series."""
    pyth = {"feed": "pyth", "protocol": "pyth", "round": None}
    events = [answer(0, 100), answer(1, 50, **pyth), answer(2, 101), answer(3, 49, **pyth)]
    assert found(events, pattern="jump", minimum_deviation=0.2) == []
    (finding,) = found([*events, answer(4, 130, **pyth)], pattern="jump", minimum_deviation=0.2)
    assert finding.entities == ("pyth",)
    assert finding.metrics["price_before"] == 49


def test_a_heartbeat_that_none_can_be_is_not_believed() -> None:
    for heartbeat in (float("inf"), float("nan"), -1.0, 0.0, 1e300):
        events = [answer(0, 100, heartbeat=heartbeat), tape().trade(SECONDS, 150, 5)]
        assert len(found(events, minimum_trades=1)) == 1


def test_a_trade_near_the_oracles_price_that_was_busted_ended_no_series() -> None:
    venue = tape()
    far = [venue.trade(n * SECONDS, 150, 5) for n in (1, 2, 4)]
    near = venue.trade(3 * SECONDS, 100, 5)
    busted = revised(TradeBusted, near, 500)
    rules = correlator("oracle_deviation", "{pattern: deviation, minimum_trades: 3}")
    for events, count in (
        ([*far[:2], near, far[2]], 0),
        ([*far[:2], near, busted, far[2]], 1),
        ([*far[:2], revised(TradeBusted, far[1], 500), far[2]], 0),
    ):
        engine = Engine(rules)
        assert len(engine.process([answer(0, 100), *events])) == count
        assert engine.take_problems() == []


def test_of_a_long_series_what_is_not_known_any_more_still_counts() -> None:
    venue = tape()
    trades = [venue.trade(n * SECONDS, 150, 5) for n in range(1, 1_500)]
    engine = Engine(correlator("oracle_deviation", "{pattern: deviation}"))
    engine.process([answer(0, 100), *trades])
    (entry,) = engine.book.correlators
    (series,) = entry.correlator.state.series.values()
    before = series.count
    engine.process([revised(TradeBusted, trades[-1], 1), venue.trade(1_600 * SECONDS, 150, 5)])
    (series,) = entry.correlator.state.series.values()
    assert series.count == before
    assert trades[-1].id not in {one.witness.id for one in series.trades}
