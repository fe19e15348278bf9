"""A busted trade is part of nothing that a detection finds later, whichever it is."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest

from detections.correlators.base import correlators
from detections.engine.engine import Engine
from detections.markets.revised_trades import REVISIONS
from detections.rules.loading import RuleSet
from normalizer.events import Alert, Record
from normalizer.events.market import TradeBusted, TradeCorrected
from tests.cli.command_line import ROOT
from tests.detections.cap_table.movements import Log, at
from tests.detections.correlators import test_cancel_rates as rates
from tests.detections.correlators import test_cross_market as cross
from tests.detections.correlators import test_pinging as pings
from tests.detections.correlators import test_pump_and_dump as pump
from tests.detections.correlators import test_wash_turnover as turnover
from tests.detections.samples import HEADER, START, Tape, correlator
from tests.detections.test_correlator_states import parameter_choices
from tests.detections.test_layering import layers, pulled, sale
from tests.detections.test_revised_trades import revised
from tests.detections.test_spoofing import honest, spoof


class Case(NamedTuple):
    """What is found at the last event, unless some trades are busted before it."""

    rule: str
    parameters: str
    events: list[Any]
    busted: list[Any]


def pushed() -> Case:
    events = cross.scheme()
    return Case("cross_market", "{}", events, events[2:4])


def moved_together() -> Case:
    events = cross.two((1, 0, 10.5, 200), (0, 20, 10.4, 200))
    return Case("correlated_moves", "{}", events, [events[-2]])


def spoofed() -> Case:
    events = [*honest(tape := Tape(), investor_account="acct-1"), *spoof(tape)]
    return Case("spoofing", "{}", events, [events[-2]])


def layered() -> Case:
    tape = Tape()
    events = [*layers(tape), sold := sale(tape), *pulled(tape)]
    return Case("layering", "{}", events, [sold])


def pinged() -> Case:
    tape = Tape()
    rests = tape.placed(-1, "rests", "sell", 10.0, 1_000, investor_account="other")
    probes = pings.pinged(tape, kind="taken", number=5, large=150)[:-1]
    last = tape.trade(18_000, 10.01, 150, taker_order_id="large", **pings.BUYS)
    events = [rests, *pings.market(tape), *probes[:5], last]
    return Case("pinging", "{}", events, [probes[2]])


def cancelled_much() -> Case:
    events = rates.trading()
    (traded, *_) = [one for one in events if hasattr(one, "trade_id")]
    return Case("cancel_rates", "{}", events, [traded])


def turned_over() -> Case:
    tape = Tape()
    deals = sorted([*turnover.market(), *turnover.turned_over()])
    events = [
        tape.trade(at * 1_000, price, size, seller_account=seller, buyer_account=buyer)
        for at, seller, buyer, size, price in deals
    ]
    parameters = "{minimum_trades: 40}"
    engine, made = Engine(correlator("wash_turnover", parameters)), list[Any]()
    for event in events:
        made.append(event)
        if engine.process([event]):
            break
    hub = [one for one in made[:-1] if "hub" in (one.buyer_account, one.seller_account)]
    return Case("wash_turnover", parameters, made, hub[:12])


def distributed() -> Case:
    tape = Tape()
    bought = [
        tape.trade(
            2 * pump.HOUR + n * pump.MIN, 10, 160, side="buy", buyer_account="x",
            seller_account="s-3",
        )
        for n in range(10)
    ]  # fmt: skip
    quiet = sorted([*pump.usual(tape), *bought], key=lambda one: one.timestamp)
    sold = tape.trade(
        3 * pump.HOUR + 10 * pump.S, 10.9, 900, side="sell", seller_account="x",
        buyer_account="b-9",
    )  # fmt: skip
    events = [*quiet, *pump.rush(tape, 3 * pump.HOUR), sold]
    return Case("pump_and_dump", "{finds: distribution}", events, bought)


CASES: dict[str, Callable[[], Case]] = {
    one.__name__: one
    for one in (
        pushed,
        moved_together,
        spoofed,
        layered,
        pinged,
        cancelled_much,
        turned_over,
        distributed,
    )
}


def as_read(events: list[Any]) -> list[Any]:
    """As they come from a stream, with floats where ours have integers."""
    return [msgspec.json.decode(msgspec.json.encode(one), type=Record) for one in events]


def last_alerts(rules: RuleSet, events: list[Any]) -> list[Alert]:
    """What the last event completes."""
    engine = Engine(rules)
    engine.process(as_read(events[:-1]))
    found = engine.process(as_read(events[-1:]))
    assert engine.take_problems() == []
    return found


def busts(case: Case) -> list[Any]:
    """Right before the last event."""
    before = case.events[-2].timestamp
    return [revised(TradeBusted, one, (before - one.timestamp) / 1e6) for one in case.busted]


@pytest.mark.parametrize("name", CASES)
def test_what_rested_on_it_is_not_found_any_more(name: str) -> None:
    case = CASES[name]()
    rules = correlator(case.rule, case.parameters)
    (alert,) = last_alerts(rules, case.events)
    assert {one.trade_id for one in case.busted} & set(alert.evidence_trades)
    assert last_alerts(rules, [*case.events[:-1], *busts(case), case.events[-1]]) == []
    never = [one for one in case.events if one not in case.busted]
    assert last_alerts(rules, never) == [], "nor is it without the trade"


@pytest.mark.parametrize("name", CASES)
def test_a_restart_between_the_bust_and_what_comes_makes_no_difference(name: str) -> None:
    case = CASES[name]()
    rules = correlator(case.rule, case.parameters)
    first, second = Engine(rules), Engine(rules)
    first.process(as_read([*case.events[:-1], *busts(case)]))
    assert second.restore(first.snapshot()) == []
    last = as_read(case.events[-1:])
    assert second.process(last) == first.process(last) == []
    assert second.snapshot() == first.snapshot()


def test_one_that_is_corrected_counts_with_what_it_was_corrected_to() -> None:
    case = spoofed()
    rules = correlator("spoofing", case.parameters)
    (trade,) = case.busted
    corrected = revised(TradeCorrected, trade, 1, price=10.06, quantity=200.0)
    (alert,) = last_alerts(rules, [*case.events[:-1], corrected, case.events[-1]])
    assert "while selling 200 at 10.06" in alert.reason
    case = pushed()
    corrected = revised(TradeCorrected, case.busted[1], 1, price=10.06)
    rules = correlator("cross_market", "{minimum_push: 0.2%}")
    (alert,) = last_alerts(rules, [*case.events[:-1], corrected, case.events[-1]])
    assert alert.metrics["pushed"] == pytest.approx(0.006)


def test_a_volume_that_was_not_traded_allows_an_affiliate_nothing() -> None:
    log = Log()
    trade = Tape(venue="ats", token_id="acme").trade(
        (at("2026-01-10") - START) / 1e6, 10.0, 1_600.0
    )
    rules = correlator("rule_144_volume", "{volume_venues: [ats]}")
    sold = log.moved("a", "b", 400, "2026-02-03", source_labels=("insider",))
    trade.token_id = sold.token_id
    events = [log.issued("a", 10_000, "2026-01-02"), trade, sold]
    assert last_alerts(rules, events) == []
    (alert,) = last_alerts(rules, [*events[:2], revised(TradeBusted, trade, 1), sold])
    assert alert.metrics["weekly_volume"] == 0


def test_sizes_of_a_day_are_those_of_trades_that_stand() -> None:
    tape = Tape()
    parameters = "{minimum_trades: 10, minimum_magnitudes: 1, minimum_odd_share: 0}"
    rules = correlator("wash_statistics", parameters)
    trades = [tape.trade(n, 10.0, 71.3 + n / 10) for n in range(11)]
    (alert,) = last_alerts(rules, trades[:10])
    assert alert.metrics["trades"] == 10
    busted = [revised(TradeBusted, one, 20) for one in trades[:1]]
    assert last_alerts(rules, [*trades[:9], *busted, trades[9]]) == []
    (alert,) = last_alerts(rules, [*trades[:9], *busted, *trades[9:]])
    assert alert.metrics["trades"] == 10, "with the next one there are as many"


def test_a_mistake_in_the_size_makes_no_account_look_strange() -> None:
    tape = Tape()
    engine = Engine(
        correlator(
            "novelty", "{pattern: account, period: 1h}",
            header=HEADER.replace("level: high", "level: medium"),
        )
    )  # fmt: skip
    who = {"buyer_account": "a", "seller_account": "b"}
    trades = [tape.trade(n, 10.0, size, **who) for n, size in enumerate((5.0, 1e6, 2.0))]
    engine.process([*trades, revised(TradeBusted, trades[1], 10), tape.trade(20, 10.0, 1.0, **who)])
    (entry,) = engine.book.correlators
    now = entry.correlator.state.entities["a"].now
    assert (now.trades, now.bought, now.largest, now.others) == (3, 80.0, 50.0, {"b": 80.0})
    assert trades[1].id not in {one.id for one in now.witnesses}


def test_who_goes_on_with_a_busted_trade_is_in_the_limits() -> None:
    limits = (ROOT / "docs" / "limits.md").read_text()
    sentence = limits.partition("go on with a busted trade")[0].rpartition("\n- ")[2]
    going_on = [
        name
        for name, kind in correlators().items()
        if any("trade" in kind(one).actions for one in parameter_choices(kind))
        and not kind.uses_trades
        and not any(kind(one).actions >= REVISIONS for one in parameter_choices(kind))
    ]
    assert re.findall(r"`(\w+)`", sentence) == going_on
