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
from normalizer.events.market import OrderPlaced, Trade, TradeBusted, TradeCorrected
from tests.cli.command_line import ROOT
from tests.detections.cap_table.movements import Log, at
from tests.detections.correlators import test_cancel_rates as rates
from tests.detections.correlators import test_cross_market as cross
from tests.detections.correlators import test_flipping as flips
from tests.detections.correlators import test_improbable_prices as far
from tests.detections.correlators import test_inferred_cross_market as dealt
from tests.detections.correlators import test_inferred_pinging as small
from tests.detections.correlators import test_inferred_reversal as turns
from tests.detections.correlators import test_inter_venue_layering as elsewhere
from tests.detections.correlators import test_oracle_manipulation as oracle
from tests.detections.correlators import test_pinging as pings
from tests.detections.correlators import test_pump_and_dump as pump
from tests.detections.correlators import test_vacuuming as vacuums
from tests.detections.correlators import test_wash_turnover as turnover
from tests.detections.samples import HEADER, START, Tape, correlator, transfer
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


def rule_of(name: str, parameters: str = "{}") -> RuleSet:
    level = correlators()[name].highest_level or "high"
    return correlator(name, parameters, HEADER.replace("level: high", f"level: {level}"))


def until_found(name: str, events: list[Any], parameters: str = "{}") -> list[Any]:
    """Those up to the one at which it is found."""
    engine = Engine(rule_of(name, parameters))
    for place, event in enumerate(events):
        if engine.process([event]):
            return events[: place + 1]
    raise AssertionError(f"{name} finds nothing")


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
    made = until_found("wash_turnover", events, parameters)
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


def flipped() -> Case:
    tape = Tape()
    events = [*flips.book(tape), *flips.flip(tape, bought=60)[:-1]]
    more = flips.flip(tape, bought=60, pause=50, trade_id="more")[-2]
    return Case("flipping", "{}", [*events, more], events[-1:])


def vacuumed() -> Case:
    tape = Tape()
    events = [*vacuums.book(tape), *vacuums.vacuum(tape, sold=60)]
    more = vacuums.vacuum(tape, sold=40, pause=500)[-1]
    return Case("vacuuming", "{}", [*events, more], events[-1:])


def layered_elsewhere() -> Case:
    tape = elsewhere.tape_of_acme()
    events = [*elsewhere.market(tape), *elsewhere.layered(tape)]
    events = until_found("inter_venue_layering", events)
    return Case(
        "inter_venue_layering", "{}", events, [one for one in events if hasattr(one, "trade_id")]
    )


def turned_around() -> Case:
    events = until_found("inferred_reversal", turns.scene(), "{minimum_turns: 1}")
    return Case("inferred_reversal", "{minimum_turns: 1}", events, events[-5:-2])


def dealt_both_ways() -> Case:
    events = until_found("inferred_cross_market", dealt.scene())
    return Case("inferred_cross_market", "{}", events, events[-3:-1])


def pinged_by_nobody() -> Case:
    events = small.pinged(11)
    took = msgspec.structs.replace(
        small.pinged(trade={"trade_id": "took"})[-1],
        id="took",
        quantity=1.0,
        timestamp=events[-1].timestamp - 4_000 * 1_000_000,
    )
    return Case("inferred_pinging", "{}", [*events[:-1], took, events[-1]], [took])


def lent_on_a_pushed_answer() -> Case:
    events = [one for one in oracle.push() if getattr(one, "instrument", "") != "X-PERP"]
    lent = transfer(
        9, timestamp=START + 140 * oracle.MINUTE * 1_000_000, token_id="usdc", amount=9_000.0,
        destination_address="p", source_address="lender",
    )  # fmt: skip
    mine = [one for one in events if getattr(one, "buyer_account", None) == "p"]
    return Case("oracle_manipulation", "{}", [*events, lent], mine[1:])


def held_what_an_answer_made_dearer() -> Case:
    events = oracle.push()
    (held,) = [one for one in events if getattr(one, "instrument", "") == "X-PERP"]
    return Case("oracle_manipulation", "{}", events, [held])


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
        flipped,
        vacuumed,
        layered_elsewhere,
        turned_around,
        dealt_both_ways,
        pinged_by_nobody,
        lent_on_a_pushed_answer,
        held_what_an_answer_made_dearer,
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
    rules = rule_of(case.rule, case.parameters)
    (alert,) = last_alerts(rules, case.events)
    assert {one.trade_id for one in case.busted} & set(alert.evidence_trades)
    assert last_alerts(rules, [*case.events[:-1], *busts(case), case.events[-1]]) == []
    never = [one for one in case.events if one not in case.busted]
    assert last_alerts(rules, never) == [], "nor is it without the trade"


@pytest.mark.parametrize("name", CASES)
def test_a_restart_between_the_bust_and_what_comes_makes_no_difference(name: str) -> None:
    case = CASES[name]()
    rules = rule_of(case.rule, case.parameters)
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


def test_who_was_hit_by_a_trade_that_was_taken_back_got_rid_of_nothing() -> None:
    tape = Tape()
    hit = tape.trade(
        900, 1824.0, 300, side="buy", trade_id="hit", buyer_account="acct-3",
        seller_account="acct-7", seller_id="INV-0007",
    )  # fmt: skip
    before, (*flipped, last, _) = flips.book(tape), flips.flip(tape)
    rules = rule_of("flipping")
    assert last_alerts(rules, [*before, hit, *flipped, last]) == []
    busted = revised(TradeBusted, hit, 50)
    (alert,) = last_alerts(rules, [*before, hit, busted, *flipped, last])
    assert "hit" not in alert.evidence_trades
    little = revised(TradeCorrected, hit, 50, quantity=90.0)
    assert len(last_alerts(rules, [*before, hit, little, *flipped, last])) == 1


def test_a_purchase_that_was_taken_back_makes_no_far_offer_worse() -> None:
    tape = Tape()
    orders = [*far.book(tape), *far.far(tape)]
    bought = tape.trade(20_000, 101, 1, buyer_account="acct-7", buyer_id="INV-0007", side="buy")
    events = sorted([*orders, bought], key=lambda one: one.timestamp)
    rules = rule_of("improbable_prices")
    (alert,) = last_alerts(rules, events)
    assert alert.metrics["trades_on_other_side"] == 1
    busted = revised(TradeBusted, bought, 1)
    (alert,) = last_alerts(rules, [*events[:-1], busted, events[-1]])
    assert alert.metrics["trades_on_other_side"] == 0
    assert bought.trade_id not in alert.evidence_trades


def test_whether_an_order_would_have_traded_is_told_by_a_price_that_stands() -> None:
    tape = Tape()
    auction = {"phase": "closing-auction", "reference_purpose": "close"}
    trades = [
        tape.trade(at, price, 1, phase="continuous", trade_id=f"t{at}")
        for at, price in ((0, 10.5), (1, 9.9))
    ]

    def bid(at: float, make: Any, *values: Any) -> Any:
        offset = round((at - 600_000) * 1e6)
        return make(at, *values, reference_offset=offset, **auction)

    placed = [bid(10, tape.placed, f"o{n}", "buy", 10.0, 5.0) for n in range(2)]
    gone = bid(595_000, tape.cancelled, "o0")
    rules = rule_of("auction_orders", "{minimum_orders: 1}")
    over = tape.placed(661_000, "later", "buy", 9.0, 1.0, phase="post-close")
    assert len(last_alerts(rules, [*trades, *placed, gone, over])) == 1
    busts = [revised(TradeBusted, one, 20) for one in trades]
    assert last_alerts(rules, [*trades, *placed, busts[1], gone, over]) == []
    assert len(last_alerts(rules, [*trades, *placed, *busts, gone, over])) == 1, "no price is known"
    engine = Engine(rules)
    engine.process([*trades, *placed, *busts])
    engine.snapshot()
    (entry,) = engine.book.correlators
    assert entry.correlator.state.prices == {}


def test_a_push_of_which_most_stands_is_told_without_the_rest() -> None:
    case = lent_on_a_pushed_answer()
    (plain,) = last_alerts(rule_of(case.rule), case.events)
    last, gone = case.busted[-1], case.busted[3:5]
    rules = rule_of(case.rule)
    for kept in (False, True):
        events = case.events if kept else [one for one in case.events if one not in gone]
        busted = [revised(TradeBusted, one, 1) for one in gone] if kept else []
        (alert,) = last_alerts(rules, [*events[:-1], *busted, events[-1]])
        assert alert.metrics["share"] == pytest.approx(plain.metrics["share"])
        assert {one.trade_id for one in gone}.isdisjoint(alert.evidence_trades)
        assert last.trade_id in alert.evidence_trades


@pytest.mark.parametrize(("name", "orders"), [("flipping", False), ("auction_orders", True)])
def test_only_those_that_make_something_anew_are_asked_before_each_order(
    name: str, orders: bool
) -> None:
    book = Engine(rule_of(name)).book
    assert book.renewal is not None
    asked = {
        record: book.renewal.before in [observe for observe, _ in meeting.at_once + meeting.in_turn]
        for record in (OrderPlaced, Trade)
        if (meeting := book.of_record(record))
    }
    assert asked == {OrderPlaced: orders, Trade: True}


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
