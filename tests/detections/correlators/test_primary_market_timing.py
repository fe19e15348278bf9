"""Dealing at a NAV that the market has left: beyond the tests of the rules."""

import random
from copy import copy
from typing import Any

import pytest

from detections.correlators.primary_market_timing import Parameters, PrimaryMarketTiming
from detections.engine.engine import Engine
from detections.markets.primary_lots import Lot, put, take
from normalizer.events.market import TradeBusted, TradeCorrected
from normalizer.events.reference import CorporateEvent
from pipeline.units import HOUR
from tests.detections.samples import START, Tape, correlator, swap, transfer
from tests.detections.test_revised_trades import revised

NOBODY = "0x" + "0" * 40


def nav(number: int, hour: float, value: float) -> CorporateEvent:
    moment = START + round(hour * HOUR)
    return CorporateEvent(
        id=f"nav-{number}", timestamp=moment, ingested=moment, original="RAW/1/0",
        provider="reference:fund", token_id="fund", corporate_id=f"nav-{number}",
        corporate_type="nav", change="added", announced=moment, value=str(value), currency="USD",
    )  # fmt: skip


def primary(number: int, hour: float, who: str, quantity: float, *, mint: bool) -> Any:
    ends = (NOBODY, who) if mint else (who, NOBODY)
    return transfer(
        number, timestamp=START + round(hour * HOUR), token_id="fund", amount=quantity,
        transfer_type="mint" if mint else "burn", source_address=ends[0],
        destination_address=ends[1],
    )  # fmt: skip


def deal(number: int, hour: float, who: str, side: str, quantity: float, price: float) -> Any:
    return swap(
        number, timestamp=START + round(hour * HOUR), token_id="fund", side=side,
        quantity=quantity, price=price, currency="USDC", investor_address=who,
    )  # fmt: skip


def found(correlator: Any, events: list[Any]) -> list[Any]:
    return [one for event in events for one in correlator.observe(event)]


@pytest.mark.parametrize("pattern", ["round_trip", "ahead_of_nav"])
def test_honest_investors_at_random_times_are_not_found(pattern: Any) -> None:
    chance, value = random.Random(4), 10.0
    events: list[Any] = [nav(0, 0, value)]
    for day in range(60):
        for _ in range(4):
            number, hour = len(events), 24 * day + chance.uniform(1, 23)
            who = f"0x{chance.randrange(30):040x}"
            events.append(primary(number, hour, who, 50.0, mint=chance.random() < 0.5))
            events.append(deal(number, hour, who, "sell", 5.0, value * chance.gauss(1, 0.004)))
        value *= 1 + chance.gauss(0, 0.004)
        events.append(nav(day + 1, 24 * day + 24, round(value, 4)))
    events.sort(key=lambda one: one.timestamp)
    assert found(PrimaryMarketTiming(Parameters(pattern=pattern)), events) == []


@pytest.mark.parametrize("pattern", ["round_trip", "ahead_of_nav"])
def test_saved_in_the_middle_it_finds_the_same(pattern: Any) -> None:
    events: list[Any] = [nav(0, 0, 10.0), deal(1, 1, "0xm", "buy", 1.0, 10.5)]
    for day in range(9):
        number = 10 * day
        mint = day % 2 == 0
        events.append(primary(number, 24 * day + 22, "0xa", 400.0, mint=mint))
        events.append(deal(number + 1, 24 * day + 23, "0xa", "sell", 400.0, 11.0))
        events.append(nav(day + 1, 24 * day + 24, 10.5 if mint else 10.0))
    first = PrimaryMarketTiming(Parameters(pattern=pattern))
    second = PrimaryMarketTiming(Parameters(pattern=pattern))
    straight = found(first, events)
    rest = found(second, events[:9])
    second.restore(second.snapshot())
    rest += found(second, events[9:])
    assert rest == straight
    assert straight
    assert first.snapshot() == second.snapshot()


def test_a_change_of_the_nav_by_just_as_much_as_is_asked_for_counts() -> None:
    events: list[Any] = [nav(0, 0, 2.7)]
    for day in range(80):
        if day % 4 == 0:  # 2.727 / 2.7 - 1 is a little less than 1%
            events.append(primary(day, 24 * day + 22, "0xa", 4_000.0, mint=True))
        events.append(nav(day + 1, 24 * day + 24, (2.727, 2.6, 2.5, 2.7)[day % 4]))
    for least, alerts in ((0.01, 1), (0.0101, 0)):
        parameters = Parameters(pattern="ahead_of_nav", minimum_change=least)
        assert len(found(PrimaryMarketTiming(parameters), events)) == alerts


def test_who_only_guesses_is_hardly_ever_found_however_long_he_does() -> None:
    chance, value, guessers = random.Random(8), 10.0, 100
    events: list[Any] = [nav(0, 0, value)]
    for day in range(150):
        for one in range(guessers):
            mint = chance.random() < 0.5
            events.append(primary(len(events), 24 * day + 22, f"0x{one}", 100.0, mint=mint))
        value *= 1 + 0.01 * (-1) ** chance.randrange(2)
        events.append(nav(day + 1, 24 * day + 24, round(value, 6)))
    findings = found(PrimaryMarketTiming(Parameters(pattern="ahead_of_nav")), events)
    assert len({one.entities[0] for one in findings}) <= guessers * 0.05


def always_right(days: int, quantity: float = 400.0) -> list[Any]:
    events: list[Any] = [nav(0, 0, 10.0)]
    for day in range(days):
        mint = day % 2 == 0
        events.append(primary(day, 24 * day + 22, "0xa", quantity, mint=mint))
        events.append(nav(day + 1, 24 * day + 24, 10.5 if mint else 10.0))
    return events


def test_who_goes_on_is_told_of_again_whenever_the_gain_has_doubled() -> None:
    findings = found(PrimaryMarketTiming(Parameters(pattern="ahead_of_nav")), always_right(30))
    assert [one.metrics["right"] for one in findings] == [8, 16]


def test_a_nav_that_is_told_again_with_another_time_is_not_one_more() -> None:
    events: list[Any] = []
    for one in always_right(9):
        events.append(one)
        if isinstance(one, CorporateEvent):
            events.append(copy(one))
            events[-1].timestamp = events[-1].announced = one.announced + HOUR
    findings = found(PrimaryMarketTiming(Parameters(pattern="ahead_of_nav")), events)
    assert [one.metrics["right"] for one in findings] == [8]


def test_who_lost_more_than_he_won_is_not_told_of() -> None:
    events = [*always_right(6), primary(6, 24 * 6 + 22, "0xa", 10_000.0, mint=True)]
    events += [nav(7, 24 * 7, 9.5), *always_right(14)[15:]]
    findings = found(PrimaryMarketTiming(Parameters(pattern="ahead_of_nav")), events)
    assert findings == []


def test_who_saves_in_a_fund_that_rises_month_by_month_knows_nothing() -> None:
    month, value = 30 * 24, 10.0
    events: list[Any] = [nav(0, 0, value)]
    for number in range(1, 60):
        events.append(primary(number, number * month - 24, "0xa", 2_000.0, mint=True))
        value *= 1.007
        events.append(nav(number, number * month, round(value, 4)))
    assert found(PrimaryMarketTiming(Parameters(pattern="ahead_of_nav")), events) == []


def small(events: list[Any], day: int, times: int, quantity: float, *, mint: bool) -> None:
    number = 1_000 * (day + 1)
    events += (
        primary(number + one, 24 * day + 22.5 + one / 100, "0xa", quantity, mint=mint)
        for one in range(times)
    )


def test_many_small_dealings_do_not_hide_a_large_one() -> None:
    events: list[Any] = [nav(0, 0, 10.0)]
    for day in range(9):
        mint = day % 2 == 0
        events.append(primary(day, 24 * day + 22, "0xa", 400.0, mint=mint))
        small(events, day, 50, 0.01, mint=not mint)
        events.append(nav(day + 1, 24 * day + 24, 10.5 if mint else 10.0))
    findings = found(PrimaryMarketTiming(Parameters(pattern="ahead_of_nav")), events)
    assert [one.metrics["right"] for one in findings] == [8]
    assert abs(findings[0].metrics["quantity"]) == pytest.approx(399.5)


def test_a_large_dealing_does_not_hide_smaller_ones_for_long() -> None:
    events = always_right(40)
    events[1] = primary(0, 22, "0xa", 100 * 400.0, mint=True)
    (finding,) = found(PrimaryMarketTiming(Parameters(pattern="ahead_of_nav")), events)
    assert finding.metrics["right"] == 25


def test_small_wrong_dealings_do_not_hide_large_ones_that_were_right() -> None:
    events: list[Any] = [nav(0, 0, 10.0)]
    for day in range(18):
        mint = day % 2 == 0
        if day % 3 == 2:
            small(events, day, 1, 0.5, mint=not mint)
        else:
            events.append(primary(day, 24 * day + 22, "0xa", 400.0, mint=mint))
        events.append(nav(day + 1, 24 * day + 24, 10.5 if mint else 10.0))
    findings = found(PrimaryMarketTiming(Parameters(pattern="ahead_of_nav")), events)
    assert [one.metrics["right"] for one in findings] == [8]


def test_navs_in_two_currencies_do_not_rise_and_fall_by_turns() -> None:
    events: list[Any] = [nav(0, 0, 10.0)]
    for day in range(40):
        events.append(primary(day, 24 * day + 22, "0xa", 4_000.0, mint=day % 2 == 0))
        told = nav(day + 1, 24 * day + 24, 10.0 if day % 2 else 10.5)
        told.currency = "USD" if day % 2 else "EUR"
        events.append(told)
    assert found(PrimaryMarketTiming(Parameters(pattern="ahead_of_nav")), events) == []


def test_lots_go_out_in_the_order_in_which_they_came_in() -> None:
    lots: list[Lot] = []
    seen: Any = None
    for time, quantity in ((1, 5.0), (2, 3.0), (3, 4.0)):
        put(lots, Lot(time, quantity, 1.0, 0.0, seen))
    assert [(some, lot.timestamp) for some, lot in take(lots, 6.0, 2)] == [(3.0, 2), (3.0, 3)]
    assert [(lot.timestamp, lot.quantity) for lot in lots] == [(3, 1.0)]


def test_a_price_that_was_busted_was_no_market_above_the_nav() -> None:
    tape = Tape(token_id="fund", currency="USD")
    price, slip = tape.trade(0, 10.0, 1), tape.trade(1, 12.0, 1)
    after = [
        primary(1, 1, "0xa", 400.0, mint=True),
        deal(2, 2, "0xa", "sell", 400.0, 11.0),
    ]
    for events, alerts in (
        ([nav(0, 0, 10.0), price, slip, *after], 1),
        ([nav(0, 0, 10.0), price, slip, revised(TradeBusted, slip, 1), *after], 0),
        ([nav(0, 0, 10.0), slip, revised(TradeBusted, slip, 1), *after], 0),
    ):
        engine = Engine(correlator("primary_market_timing", "{pattern: round_trip}"))
        assert len(engine.process(events)) == alerts
        assert engine.take_problems() == []


def test_what_was_bought_by_a_busted_trade_is_not_redeemed() -> None:
    tape = Tape(token_id="fund", currency="USD", buyer_account="0xa")
    bought = tape.trade(1, 9.0, 400)
    redeemed = primary(1, 1, "0xa", 400.0, mint=False)
    for events, alerts in (
        ([nav(0, 0, 10.0), bought, redeemed], 1),
        ([nav(0, 0, 10.0), bought, revised(TradeBusted, bought, 1), redeemed], 0),
    ):
        engine = Engine(correlator("primary_market_timing", "{pattern: round_trip}"))
        assert len(engine.process(events)) == alerts


def test_what_was_bought_by_a_corrected_trade_is_held_against_the_nav_as_corrected() -> None:
    tape = Tape(token_id="fund", currency="USD", buyer_account="0xa")
    bought = tape.trade(1, 9.0, 400)
    nothing = revised(TradeCorrected, bought, 1, quantity=0.0)
    dearer = revised(TradeCorrected, bought, 1, price=9.5)
    other = tape.trade(2, 9.5, 400)
    redeemed = primary(1, 1, "0xa", 400.0, mint=False)
    for events, evidence in (([dearer], bought), ([nothing, other], other)):
        engine = Engine(correlator("primary_market_timing", "{pattern: round_trip}"))
        (alert,) = engine.process([nav(0, 0, 10.0), bought, *events, redeemed])
        assert "while the market was 5% below the NAV" in alert.reason
        assert list(alert.evidence_events) == ["nav-0", evidence.id, redeemed.id]


@pytest.mark.parametrize("price", [9.9, 10.1])
def test_what_was_bought_near_the_nav_as_corrected_is_no_round_trip(price: float) -> None:
    tape = Tape(token_id="fund", currency="USD", buyer_account="0xa")
    bought = tape.trade(1, 9.0, 400)
    fixed = revised(TradeCorrected, bought, 1, price=price)
    engine = Engine(correlator("primary_market_timing", "{pattern: round_trip}"))
    redeemed = primary(1, 1, "0xa", 400.0, mint=False)
    assert engine.process([nav(0, 0, 10.0), bought, fixed, redeemed]) == []


def test_who_subscribes_and_sells_again_long_after_begins_another_series() -> None:
    events: list[Any] = [nav(0, 0, 10.0)]
    for number, day in enumerate((0, 10)):
        events += [
            deal(10 * number + 1, 24 * day + 1, "0xm", "buy", 1.0, 11.0),
            primary(10 * number + 2, 24 * day + 2, "0xa", 400.0, mint=True),
            deal(10 * number + 3, 24 * day + 3, "0xa", "sell", 400.0 / (1 + number), 11.0),
        ]
    alerts = found(PrimaryMarketTiming(Parameters(pattern="round_trip")), events)
    assert [one.metrics["gain"] for one in alerts] == pytest.approx([400.0, 200.0])
