"""Orders that meet by arrangement: each condition just missed, and honest look-alikes."""

import random
from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.wash_matched_orders import Parameters, WashMatchedOrders
from tests.detections.samples import Tape

SECOND = 1_000.0


class Market:
    """Trades of orders, with when the resting order was placed; by time."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, int, dict[str, Any]]] = []

    def add(
        self, at: float, maker: str, taker: str, *, age: float, size: float,
        shown: float | None = None, side: str = "buy", price: float = 100.0,
    ) -> None:  # fmt: skip
        """`side` is the taker's."""
        order = f"order-{len(self.steps)}"
        rests = "sell" if side == "buy" else "buy"
        placed = {"order": order, "side": rests, "price": price, "quantity": shown or size}
        self.steps.append((at - age, 0, {**placed, "investor_account": maker}))
        names = {"buyer_account": taker, "seller_account": maker}
        if side == "sell":
            names = {"buyer_account": maker, "seller_account": taker}
        made = {"price": price, "quantity": size, "maker_order_id": order, "side": side, **names}
        self.steps.append((at, 1, {**made, "taker_order_id": f"take-{order}"}))

    def honest(self, count: int, makers: int = 3, takers: int = 30, seed: int = 1) -> None:
        """Makers quote both sides anew each second or so; takers take a part, or all."""
        chance, at = random.Random(seed), 0.0
        for _ in range(count):
            at += chance.expovariate(1 / 5)
            maker, taker = f"maker-{chance.randrange(makers)}", f"taker-{chance.randrange(takers)}"
            shown = chance.choice((1.0, 2.0, 5.0))
            size = chance.choice((shown, shown, shown / 2))
            side = chance.choice(("buy", "sell"))
            age = chance.uniform(0, 2)
            self.add(at, maker, taker, age=age, size=size, shown=shown, side=side)

    def arranged(self, count: int, *, every: float = 20, age: float = 0.2, **more: Any) -> None:
        for number in range(count):
            self.add(100 + every * number, "acct-1", "acct-2", age=age, size=7.0, **more)

    def events(self) -> list[Any]:
        tape = Tape()
        return [
            tape.trade(at * SECOND, **fields) if trade else tape.placed(at * SECOND, **fields)
            for at, trade, fields in sorted(self.steps, key=lambda step: step[:2])
        ]


def found(market: Market, **parameters: Any) -> list[Finding]:
    correlator = WashMatchedOrders(Parameters(**parameters))
    findings: list[Finding] = []
    for event in market.events():
        correlator.books.move(event)
        findings += correlator.observe(event)
    return findings


def test_orders_that_keep_meeting_are_found_with_them() -> None:
    market = Market()
    market.honest(300)
    market.arranged(12)
    findings = found(market)
    assert findings
    first = findings[0]
    assert first.entities[:2] == ("acct-1", "acct-2")
    assert first.metrics["matched_share"] == 1
    assert all(len(one.orders) == 2 for one in first.witnesses)
    told = [w.id for one in findings for w in one.witnesses]
    assert len(told) == len(set(told))
    assert 0.6 < first.confidence <= 0.95


def test_young_orders_of_fast_makers_are_hit_by_anybody() -> None:
    for makers, takers in ((1, 4), (2, 3), (3, 30), (1, 1)):
        market = Market()
        market.honest(500, makers, takers)
        assert found(market) == []


@pytest.mark.parametrize("named", [True, False])
def test_who_takes_several_orders_at_once_has_met_their_owner_once(named: bool) -> None:
    market = Market()
    market.honest(300)
    for sweep in range(4):  # five quotes each time, that a maker has just renewed
        for level in range(5):
            at = 100 + 20 * sweep
            market.add(at, "acct-1", "acct-2", age=0.2, size=7.0 + level, price=101.0 + level)
            taken = market.steps[-1][2]
            taken["taker_order_id"] = f"sweep-{sweep}" if named else None
    assert found(market) == []
    assert len(found(market, minimum_matches=4)) == 1


def test_an_old_order_that_is_taken_first_hides_no_match() -> None:
    market = Market()
    market.honest(300)
    for number in range(6):
        at, taker = 100 + 20.0 * number, f"both-{number}"
        for age, size in ((60.0, 1.0), (0.2, 7.0)):
            market.add(at, "acct-1", "acct-2", age=age, size=size)
            market.steps[-1][2]["taker_order_id"] = taker
    assert len(found(market)) == 1


def test_an_order_that_rested_for_long_was_there_for_all() -> None:
    market = Market()
    market.honest(300)
    market.arranged(12, age=1.1)
    assert found(market) == []


def test_part_of_an_order_is_no_match() -> None:
    market = Market()
    market.honest(300)
    market.arranged(12, shown=8.0)
    assert found(market) == []


def test_four_are_too_few() -> None:
    market = Market()
    market.honest(300)
    market.arranged(4)
    assert found(market) == []


def test_over_a_longer_time_they_do_not_count_together() -> None:
    market = Market()
    market.honest(300)
    market.arranged(12, every=30_000)
    assert found(market) == []


def test_it_does_not_matter_which_way_they_go() -> None:
    market, sizes = Market(), random.Random(3)
    market.honest(300)
    for number in range(8):
        side, size = ("buy", "sell")[number % 2], float(sizes.randint(60, 300))
        market.add(100 + 20.0 * number, "acct-1", "acct-2", age=0.2, size=size, side=side)
    findings = found(market)
    assert findings
    assert findings[0].metrics["net_share"] < 0.5


def test_two_who_are_most_of_their_market_need_more() -> None:
    few, many = Market(), Market()
    few.honest(4)
    few.arranged(15)
    many.honest(4)
    many.arranged(25)
    assert found(few) == []
    assert found(many)


def test_without_accounts_or_orders_nothing_can_be_said() -> None:
    market = Market()
    market.honest(300)
    market.arranged(12)
    correlator = WashMatchedOrders(Parameters())
    for event in market.events():
        if event.__class__.__name__ == "Trade":
            correlator.books.move(event)
            assert list(correlator.observe(event)) == []


def test_saved_and_restored_it_goes_on() -> None:
    market = Market()
    market.honest(200)
    market.arranged(12)
    straight, broken = WashMatchedOrders(Parameters()), WashMatchedOrders(Parameters())
    expected: list[Finding] = []
    came: list[Finding] = []
    for number, event in enumerate(market.events()):
        straight.books.move(event)
        expected += straight.observe(event)
        if number % 60 == 59:
            state, books = broken.snapshot(), broken.books
            broken = WashMatchedOrders(Parameters())
            broken.books = books
            broken.restore(state)
        broken.books.move(event)
        came += broken.observe(event)
    assert expected
    assert came == expected
