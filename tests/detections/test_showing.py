"""Correlators that look at no book see many events at a time; what is told is as if one by one."""

import random
from collections.abc import Callable, Sequence

import pytest

from benchmarks.market_tape import MarketTape
from detections.alerting.findings import Finding, witness
from detections.correlators.base import correlators
from detections.engine.engine import Engine
from detections.rules import RuleSet
from normalizer.events import Alert, Record
from normalizer.events.market import FeedGap, OrderCancelled, OrderPlaced, Trade, TradeBusted
from tests.detections.correlators import closes
from tests.detections.samples import HEADER, Tape, correlator
from tests.detections.test_revised_trades import revised
from tests.fixtures.shipped_rules import shipped_rules

SHIPPED = shipped_rules()


def in_parts(rules: RuleSet, events: Sequence[Record], size: int, lateness: int) -> list[Alert]:
    engine, found = Engine(rules, allowed_lateness=lateness), list[Alert]()
    for first in range(0, len(events), size):
        found += engine.process(events[first : first + size])
    found += engine.finish()
    assert engine.failures == 0
    return found


def with_gaps(events: list[Record], chance: random.Random) -> list[Record]:
    """Now and then a gap, and a trade that is taken back."""
    mixed: list[Record] = []
    for event in events:
        mixed.append(event)
        dice = chance.random()
        if dice < 0.001:
            mixed.append(
                FeedGap(
                    id=f"gap-{event.id}", timestamp=event.timestamp, ingested=event.ingested,
                    original="RAW/0/0", provider="venue", venue="venue",
                    instrument=f"TOKEN{chance.randrange(4)}-USD",
                )
            )  # fmt: skip
        elif dice < 0.03 and isinstance(event, Trade):
            mixed.append(revised(TradeBusted, event, 0))
    return mixed


@pytest.mark.parametrize("lateness", [0, 10_000_000])
def test_alerts_are_those_of_events_one_by_one_and_in_their_order(lateness: int) -> None:
    events = list(MarketTape(books=4, accounts=10, resting=40).events(4_000))
    events = with_gaps(events, random.Random(5))
    rules = RuleSet(correlators=SHIPPED.correlators)
    apart = in_parts(rules, events, 1, lateness)
    assert in_parts(rules, events, len(events), lateness) == apart
    assert in_parts(rules, events, 61, lateness) == apart
    assert len({one.rule_name for one in apart}) > 4


def self_trades(rule_id: str) -> RuleSet:
    header = HEADER.replace("7d0f3a6e", rule_id).replace("typology: spoofing", "")
    header += "typology: wash_trading\n"
    return correlator("wash_trading", "{pattern: self_trade, minimum_trades: 1}", header)


@pytest.mark.parametrize("rule_id", ["00000000", "ffffffff"])
def test_what_is_found_on_one_event_is_told_by_rule(
    rule_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not the correlator looks at books; here both find something on each trade."""
    rules = (*correlator("spoofing").correlators, *self_trades(rule_id).correlators)
    engine, tape = Engine(RuleSet(correlators=rules)), Tape()

    def find(event: Trade) -> list[Finding]:
        return [Finding(entities=("x",), reason="It is so.", witnesses=(witness(event),))]

    def observer(record: type[Trade]) -> Callable[[Trade], list[Finding]]:
        return find

    for entry in engine.book.correlators:
        monkeypatch.setattr(entry.correlator, "observer", observer)
    told = engine.process([tape.trade(n, 10, 1) for n in range(3)])
    assert [one.rule_id for one in told] == sorted(one.rule.id for one in rules) * 3


def test_one_that_fails_on_an_event_sees_the_next_and_keeps_no_other_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tape = Tape()
    trades = [
        tape.trade(n, 10, 1, buyer_account="x", seller_account="x", trade_id=f"t-{n}")
        for n in range(3)
    ]
    rules = RuleSet(
        correlators=(*self_trades("00000000").correlators, *self_trades("ffffffff").correlators)
    )
    engine = Engine(rules)
    failing = engine.book.correlators[0].correlator
    observe = failing.observe

    def once(event: Trade) -> object:
        if event.trade_id == "t-1":
            raise ValueError("no such thing")
        return observe(event)

    monkeypatch.setattr(failing, "observe", once)
    found = engine.process(trades)
    assert engine.failures == 1
    assert engine.take_problems()[0].endswith("event event-2: ValueError: no such thing")
    assert {one.rule_id[:8] for one in found} == {"00000000", "ffffffff"}


def orders(tape: Tape, at: float, count: int) -> list[Record]:
    """Orders that come and go, a second apart."""
    placed = [
        tape.placed(at + 2 * n * closes.S, f"o-{at}-{n}", "buy", 9.9, 1, investor_account="o")
        for n in range(count)
    ]
    gone = [
        tape.cancelled(at + (2 * n + 1) * closes.S, f"o-{at}-{n}", "buy", investor_account="o")
        for n in range(count)
    ]
    return [*placed, *gone]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_one_that_is_asleep_is_roused_within_its_turn(size: int) -> None:
    """By a trade; then an order tells it that the close is over, before anybody trades again."""
    tape = Tape()
    close = closes.FIXING - 30 * closes.S
    events = closes.stamped(
        sorted(
            [
                *closes.usual(tape),
                *closes.mark(tape, close),
                *orders(tape, closes.MIN / 2, 20),
                *orders(tape, close, 100),
            ],
            key=lambda one: one.timestamp,
        )
    )
    rules = correlator("marking_the_close", header=HEADER.replace("spoofing", "marking_the_close"))
    expected = [len(closes.found(events[: n + 1])) for n in range(len(events))]
    told = expected.index(1)
    assert events[told].timestamp < events[-1].timestamp
    assert isinstance(events[told], OrderPlaced | OrderCancelled)
    assert len(in_parts(rules, events[:told], size, 0)) == 0
    (alert,) = in_parts(rules, events, size, 0)
    assert alert.timestamp == events[told].timestamp


def test_who_is_asleep_minds_nothing_but_what_may_rouse_it() -> None:
    """So that it makes no difference whether it is shown the rest."""
    events = list(MarketTape(books=4, accounts=10, resting=40).events(500))
    asleep = 0
    for one in SHIPPED.correlators:
        detection = correlators()[one.correlator](one.parameters)
        for event in events if detection.roused_by else ():
            if detection.asleep and type(event) not in detection.roused_by:
                before = detection.snapshot()
                assert not list(detection.observe(event))
                assert detection.snapshot() == before
                asleep += 1
    assert asleep > len(events)
