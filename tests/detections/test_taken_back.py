"""After a bust or correction of a trade, what is found is what would be found without it."""

from collections.abc import Callable
from typing import Any

import pytest

from detections.correlators.ramping import Ramping
from detections.engine.engine import Engine
from detections.markets.recent_trades import RecentTrades
from detections.rules.loading import RuleSet
from normalizer.events.market import Trade, TradeBusted, TradeCorrected
from tests.detections.correlators import test_insider_dealing as insider
from tests.detections.correlators import test_pump_and_dump as pump
from tests.detections.correlators.closes import MIN, mark, stamped, usual
from tests.detections.correlators.test_ramping import ramp
from tests.detections.samples import HEADER, Tape, alerts, correlator
from tests.detections.test_momentum_ignition import run, sale
from tests.detections.test_revised_trades import revised

HOUR = 60 * MIN


def busted(trade: Trade, at: float) -> TradeBusted:
    """At so many milliseconds since the tape's beginning."""
    return revised(TradeBusted, trade, at - _at(trade))


def _at(trade: Trade) -> float:
    return (trade.timestamp - 1_767_225_600_000_000_000) / 1e6


def prices(tape: Tape) -> list[Any]:
    """A trade a minute at 10, but for the first, which was a mistake."""
    return [tape.trade(n * MIN, 10.0 if n else 20.0, 10.0, buyer_account="b") for n in range(5)]


def spike(tape: Tape) -> tuple[list[Any], int, int]:
    """Events; the first and how many of them are busted, before the last one comes."""
    return prices(tape)[:2], 0, 1


def runs(tape: Tape) -> tuple[list[Any], int, int]:
    return [*run(tape), sale(tape)], 2, 3


def ramped(tape: Tape) -> tuple[list[Any], int, int]:
    events = ramp(tape, steps=12)[:-1]
    return events, len(events) - 5, 4


def marked(tape: Tape) -> tuple[list[Any], int, int]:
    first = usual(tape)
    end = tape.trade(56 * MIN, 10, 10, side="sell", buyer_account="b", seller_account="s")
    return stamped([*first, *mark(tape, 54 * MIN), end]), len(first), 5


def gathered(tape: Tape) -> tuple[list[Any], int, int]:
    events = [
        tape.trade(n * MIN, 10.0, 10.0, buyer_account=f"b{n % 9}", seller_account=f"s{n % 9}")
        for n in range(100)
    ]
    large = [
        tape.trade((100 + n) * MIN, 10.0, 200.0, buyer_account="big", seller_account="s1")
        for n in range(2)
    ]
    return [*events, *large], 100, 1


def pumped(tape: Tape) -> tuple[list[Any], int, int]:
    quiet = pump.usual(tape)
    detection = pump.PumpAndDump(pump.Parameters())
    events: list[Any] = []
    for event in [*quiet, *pump.rush(tape, 3 * pump.HOUR)]:
        events.append(event)
        if detection.observe(event):
            break
    return events, len(quiet), len(events) - len(quiet) - 1


CASES: dict[str, tuple[str, Callable[[Tape], tuple[list[Any], int, int]]]] = {
    "price_move": ("{window: 1h, minimum_change: 40%, direction: down}", spike),
    "momentum_ignition": ("{}", runs),
    "ramping": ("{}", ramped),
    "marking_the_close": ("{}", marked),
    "pump_and_dump": ("{}", pumped),
    "accumulation": ("{pattern: volume, minimum_share: 0.2}", gathered),
}


def last_alerts(rules: RuleSet, events: list[Any]) -> list[str]:
    """What the last event completes."""
    return [one.reason for one in alerts(rules, events) if one.evidence_events[-1] == events[-1].id]


@pytest.mark.parametrize("name", CASES)
def test_what_rested_on_a_busted_trade_is_not_found_any_more(name: str) -> None:
    parameters, make = CASES[name]
    rules = correlator(name, parameters)
    events, first, many = make(Tape())
    before, last = events[:-1], events[-1]
    gone = events[first : first + many]
    busts = [busted(one, _at(before[-1]) + 1 + n) for n, one in enumerate(gone)]
    assert last_alerts(rules, events), "it alerts where nothing was busted"
    without = [one for one in events if one not in gone]
    assert last_alerts(rules, [*before, *busts, last]) == last_alerts(rules, without) == []


def test_a_corrected_price_is_the_price() -> None:
    tape = Tape()
    events = prices(tape)
    rules = correlator("price_move", "{window: 1h, minimum_change: 40%, direction: down}")
    assert len(alerts(rules, events)) == 1
    corrected = revised(TradeCorrected, events[0], 30_000, price=10.2, quantity=9.0)
    assert alerts(rules, [events[0], corrected, *events[1:]]) == []
    (alert,) = alerts(
        rules, [events[0], busted(events[0], 1), *events[1:], tape.trade(6 * MIN, 5.0, 1.0)]
    )
    assert "fell by 50%" in alert.reason


def test_who_has_not_traded_after_all_has_not_dealt_before_the_news() -> None:
    market = insider.Market()
    insider.insider(market)
    market.jump(0.11)
    market.news()
    events = sorted(market.events, key=lambda one: one.timestamp)
    rules = correlator("insider_dealing")
    (alert,) = alerts(rules, events)
    *before, news = events[: [one.id for one in events].index(alert.evidence_events[-1]) + 1]
    own = [one for one in before if getattr(one, "buyer_account", None) == "tipped"]
    busts = [busted(one, _at(news)) for one in own]
    after = events[len(before) :]
    assert alerts(rules, [*before, *busts, *after]) == []
    smaller = [
        revised(TradeCorrected, one, _at(news) - _at(one), quantity=0.9 * one.quantity)
        for one in own
    ]
    (alert,) = alerts(rules, [*before, *smaller, *after])
    assert alert.reason.startswith("tipped bought 1,350 acme")


def test_the_trades_are_known_after_a_restart() -> None:
    tape = Tape()
    rules = correlator("price_move", "{window: 1h, minimum_change: 40%, direction: down}")
    events = prices(tape)
    first = Engine(rules)
    first.process(events[:1])
    saved = first.snapshot()
    second = Engine(rules)
    assert second.restore(saved) == []
    assert second.snapshot() == saved
    assert second.process([busted(events[0], 1), *events[1:]]) == []


def test_what_many_busts_in_a_row_make_anew_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    renewed = Ramping.renewed

    def counted(self: Any, market: Any, revisions: Any) -> None:
        made.append(len(revisions))
        renewed(self, market, revisions)

    monkeypatch.setattr(Ramping, "renewed", counted)
    tape = Tape()
    events = prices(tape)
    engine = Engine(correlator("ramping", "{}"))
    engine.process([*events, *(busted(one, 5 * MIN) for one in events[:3])])
    assert made == []
    engine.process([tape.trade(6 * MIN, 10.0, 1.0)])
    assert made == [3]


def test_who_fails_at_it_is_told_and_keeps_nobody_else_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: Any) -> None:
        raise ValueError("a mistake of ours")

    monkeypatch.setattr(Ramping, "renewed", fails)
    tape = Tape()
    events = prices(tape)
    ours = correlator("ramping", "{}").correlators
    price_move = "{window: 1h, minimum_change: 40%, direction: down}"
    header = HEADER.replace("f4be2c9b0aa", "f4be2c9b0ff")
    others = correlator("price_move", price_move, header=header).correlators
    engine = Engine(RuleSet(correlators=(*ours, *others)))
    engine.process([*events[:3], busted(events[0], 5 * MIN), tape.trade(6 * MIN, 10.0, 1.0)])
    (problem,) = engine.take_problems()
    assert problem.endswith("ValueError: a mistake of ours")
    (state,) = [one.correlator.state for one in engine.book.correlators if one.name == "price_move"]
    ((_, market),) = state.markets.items()
    assert market.history.trades == 3


def test_trades_between_two_times_are_found_though_some_came_late() -> None:
    trades, tape = RecentTrades(4), Tape()
    made = [tape.trade(at, 10.0, 1.0) for at in (0, 10, 5, 20, 15, 30)]
    for one in made:
        trades.add(one)
    market = ("demo", "demo-venue", "ACME-USD")
    begin, end = made[2].timestamp, made[3].timestamp
    assert trades.between(market, begin, end) == [made[1], made[2], made[4]]
    assert list(trades.until(market, begin)) == [made[0]]
    assert trades.before(made[2]) is made[1]
    assert trades.behind(made[4]) is made[5]
    trades.revise(busted(made[2], 40))
    assert trades.between(market, begin, end) == [made[1], made[4]]
    assert trades.before(made[3]) is made[1]


def test_what_came_late_is_found_though_what_it_came_behind_was_busted() -> None:
    tape, known = Tape(), RecentTrades()
    early, newest, late = (tape.trade(at, 10, 1) for at in (1_000, 3_000, 2_000))
    for one in (early, newest, late):
        known.add(one)
    market = (early.provider, early.venue, early.instrument)
    end = newest.timestamp
    assert list(known.until(market, end)) == [early], (
        "what came behind the end is looked at no more"
    )
    known.revise(busted(newest, 4_000))
    restored = RecentTrades()
    restored.restore(known.save())
    assert list(known.until(market, end)) == list(restored.until(market, end)) == [late, early]


def test_the_oldest_trades_are_forgotten_and_it_knows_since_when() -> None:
    trades, tape = RecentTrades(4), Tape()
    made = [tape.trade(n, 10.0, 1.0) for n in range(11)]
    for one in made:
        trades.add(one)
    assert list(trades.of(("demo", "demo-venue", "ACME-USD"))) == made[4:]
    assert not trades.reach(made[3].timestamp)
    assert trades.reach(made[4].timestamp)
    assert trades.find(busted(made[1], 20)) is None
    trades.revise(busted(made[5], 20))
    assert trades.find(busted(made[5], 20)) is None
    kept = RecentTrades(4)
    kept.restore(trades.save())
    assert kept.save() == trades.save()


def test_restored_trades_are_forgotten_when_those_that_went_on_are() -> None:
    trades, kept, tape = RecentTrades(4), RecentTrades(4), Tape()
    first, *others = [
        tape.trade(n, 10.0, 1.0, instrument="B" if n in (1, 4) else "A") for n in range(12)
    ]
    trades.add(first)
    trades.add(others[0])
    trades.add(others[0])
    trades.revise(busted(first, 20))
    kept.restore(trades.save())
    for one in others[1:]:
        trades.add(one)
        kept.add(one)
        assert kept.save() == trades.save()
