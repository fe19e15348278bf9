"""When a rise is a pump, its fall a dump, and a sale a distribution; and when they are not."""

import random
from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.pump_and_dump import Parameters, PumpAndDump
from detections.markets.pump_tape import CHUNK, MOST_WITNESSES
from pipeline.units import MINUTE
from tests.detections.samples import Tape, swap

MS = 1
S = 1_000 * MS
MIN = 60 * S
HOUR = 60 * MIN


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    detection = PumpAndDump(Parameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def usual(tape: Tape, hours: float = 3, *, every: float = 20 * S, **more: Any) -> list[Any]:
    """Honest trades around 10, by chance."""
    chance = random.Random(7)
    trades: list[Any] = []
    for n in range(round(hours * HOUR / every)):
        fields = {
            "side": chance.choice(("buy", "sell")),
            "buyer_account": f"b-{chance.randrange(20)}",
            "seller_account": f"s-{chance.randrange(20)}",
            **more,
        }
        price = 10 + chance.choice((-0.01, 0, 0.01))
        trades.append(tape.trade(n * every, price, chance.uniform(5, 15), **fields))
    return trades


def rush(
    tape: Tape, at: float, *, orders: int = 10, to: float = 11.0, quantity: float = 30, **more: Any
) -> list[Any]:
    """Orders two a second, each through two prices, from 10 up."""
    trades: list[Any] = []
    for n in range(orders):
        low = 10 + (to - 10) * (n + 0.5) / orders
        high = 10 + (to - 10) * (n + 1) / orders
        for price in (low, high):
            fields = {"side": "buy", "buyer_account": f"r-{n}", "seller_account": "s-1", **more}
            trades.append(tape.trade(at + n * S / 2, price, quantity, **fields))
    return trades


def fall(tape: Tape, at: float, price: float, *, trades: int = 8, **more: Any) -> list[Any]:
    fields = {"side": "sell", "buyer_account": "b-1", "seller_account": "s-2", **more}
    return [tape.trade(at + n * 5 * S, price, 10, **fields) for n in range(trades)]


def test_a_rush_is_found_within_seconds_with_its_trades_as_evidence() -> None:
    tape = Tape()
    (finding,) = found([*usual(tape), *rush(tape, 3 * HOUR)])
    assert finding.metrics["rush_orders"] >= 5
    assert 0.05 <= finding.metrics["change"] < 0.12
    assert finding.metrics["window"] == 50
    assert finding.witnesses[-1].timestamp - finding.witnesses[-10].timestamp < 6 * 10**9
    assert finding.entities == ("ACME-USD",)
    assert 0.5 < finding.confidence <= 1


@pytest.mark.parametrize(
    ("why", "events"),
    [
        ("a listing has no usual", lambda t: rush(t, 0, orders=100, to=40)),
        ("too little known", lambda t: [*usual(t, 0.7), *rush(t, 0.7 * HOUR)]),
        ("it hardly rose", lambda t: [*usual(t), *rush(t, 3 * HOUR, to=10.4)]),
        ("little was bought", lambda t: [*usual(t), *rush(t, 3 * HOUR, quantity=0.5)]),
        ("few orders", lambda t: [*usual(t), *rush(t, 3 * HOUR, orders=4, to=10.9)]),
        (
            "they were sold",
            lambda t: [*usual(t), *rush(t, 3 * HOUR, side="sell", to=11)],
        ),
        (
            "it rose over hours",
            lambda t: [
                *usual(t),
                *(t.trade(3 * HOUR + n * MIN, 10 + n / 120, 10, side="buy") for n in range(240)),
            ],
        ),
        (
            "it made up what it had lost by a mistake",
            lambda t: [
                *usual(t),
                *fall(t, 3 * HOUR, 8.6),
                *(
                    t.trade(3 * HOUR + 9 * MIN + n * S, 8.6 + n * 0.05, 60, side="buy")
                    for n in range(29)
                ),
            ],
        ),
        (
            "a token with a trade an hour",
            lambda t: [t.trade(n * HOUR, 10 * 1.15**n, 100, side="buy") for n in range(20)],
        ),
        (
            "one order through a thin book",
            lambda t: [
                *usual(t),
                *(t.trade(3 * HOUR, 10 + n / 10, 50, side="buy") for n in range(15)),
            ],
        ),
    ],
)
def test_what_is_no_pump(why: str, events: Any) -> None:
    assert found(events(Tape())) == [], why


def test_a_market_where_such_bursts_are_usual_has_none() -> None:
    tape = Tape()
    busy = [one for n in range(240) for one in rush(tape, n * MIN, to=10.6)]
    assert found([*busy, *rush(tape, 4 * HOUR, to=10.7)]) == []


def test_what_was_found_is_not_learnt_so_the_next_is_found_as_well() -> None:
    tape = Tape()
    detection = PumpAndDump(Parameters())
    events = [*usual(tape), *rush(tape, 3 * HOUR)]
    events += [*fall(tape, 3 * HOUR + 4 * MIN, 10), *rush(tape, 3 * HOUR + 40 * MIN)]
    alerts = 0
    for event in events:
        found_now = list(detection.observe(event))
        alerts += len(found_now)
    (market,) = detection.state.markets.values()
    assert alerts == 1  # the second one is within the hour of the first
    before = market.tape.rush.mean
    later = [tape.trade(5 * HOUR + n * MIN, 10, 10, side="buy") for n in range(10)]
    again = rush(tape, 6 * HOUR)
    alerts += sum(len(list(detection.observe(event))) for event in (*later, *again))
    assert alerts == 2
    assert before < 0.01


def test_without_sides_the_tick_test_tells_them() -> None:
    tape = Tape()
    events = [*usual(tape, side=None), *rush(tape, 3 * HOUR, side=None)]
    assert len(found(events)) == 1


def test_an_order_that_is_named_is_one_however_long_it_takes() -> None:
    tape = Tape()
    events = usual(tape)
    for n, event in enumerate(rush(tape, 3 * HOUR)):
        event.taker_order_id = f"order-{n // 2}"
        event.timestamp += n * 40_000_000
        events.append(event)
    (finding,) = found(events)
    assert finding.metrics["rush_orders"] >= 5


def test_swaps_of_one_block_are_no_rush_but_a_burst_counts() -> None:
    def at(number: int, seconds: float, price: float, quantity: float) -> Any:
        moment = 1_767_225_600_000_000_000 + round(seconds * 1e9)
        wallet = "0x" + f"{number % 7:040x}"
        return swap(
            number, timestamp=moment, price=price, quantity=quantity, side="buy",
            notional=price * quantity, investor_address=wallet,
        )  # fmt: skip

    calm = [at(n, 30 * n, 10, 10) for n in range(400)]
    few = [at(400 + n, 12_000, 10 + n / 15, 60) for n in range(12)]
    many = [at(400 + n, 12_000 + 12 * (n // 5), 10 + n / 20, 60) for n in range(25)]
    assert found([*calm, *few]) == []
    (finding,) = found([*calm, *many])
    assert finding.metrics["rush_orders"] == 0
    assert finding.metrics["window"] == 300


def test_the_fall_is_said_once_when_it_lasts() -> None:
    tape = Tape()
    bounce = fall(tape, 3 * HOUR + 10 * S, 10.1)
    last = fall(tape, 3 * HOUR + 4 * MIN, 10.2)
    (finding,) = found([*usual(tape), *rush(tape, 3 * HOUR), *bounce, *last], finds="fall")
    assert finding.metrics["given_back"] == pytest.approx(0.8, abs=0.02)
    assert finding.witnesses[-1].id == last[0].id
    assert "gave back 79% of the rise" in finding.reason


def test_news_that_holds_does_not_fall() -> None:
    tape = Tape()
    held = fall(tape, 3 * HOUR + 4 * MIN, 10.8, trades=200)
    assert found([*usual(tape), *rush(tape, 3 * HOUR), *held], finds="fall") == []


def test_a_cluster_that_accumulated_is_one_party() -> None:
    tape = Tape()
    bought = [
        tape.trade(
            2 * HOUR + n * MIN, 10, 160, side="buy", buyer_account=f"x-{n}", buyer_cluster="CL-1",
            seller_account="s-3",
        )
        for n in range(10)
    ]  # fmt: skip
    sold = [
        tape.trade(
            3 * HOUR + (10 + n) * S, 10.9, 200, side="sell", seller_account=f"x-{n}",
            seller_cluster="CL-1", buyer_account="b-9",
        )
        for n in range(6)
    ]  # fmt: skip
    quiet = sorted([*usual(tape), *bought], key=lambda one: one.timestamp)
    (finding,) = found([*quiet, *rush(tape, 3 * HOUR), *sold], finds="distribution")
    assert finding.entities[:2] == ("x-3", "CL-1")
    assert finding.metrics["accumulated"] == pytest.approx(1_600)
    assert finding.metrics["sold"] == 800
    assert {one.id for one in bought} <= {one.id for one in finding.witnesses}
    assert {one.id for one in sold[:4]} <= {one.id for one in finding.witnesses}
    exempt = [one for one in sold if not setattr(one, "seller_labels", ("market_maker",))]
    labels = ("market_maker",)
    events = [*quiet, *rush(tape, 3 * HOUR), *exempt]
    assert found(events, finds="distribution", exempt_labels=labels) == []


def test_who_sold_for_what_he_paid_gained_nothing() -> None:
    tape = Tape()
    bought = tape.trade(
        3 * HOUR - MIN, 10.9, 2_000, side="buy", buyer_account="x", seller_account="s"
    )
    sold = tape.trade(
        3 * HOUR + 9 * S, 10.9, 2_000, side="sell", seller_account="x", buyer_account="b"
    )
    events = [*usual(tape), bought, *rush(tape, 3 * HOUR, to=13, quantity=60), sold]
    assert found(events, finds="distribution") == []


def test_what_is_back_within_the_same_block_is_no_pump() -> None:
    tape = Tape()
    block = 3 * HOUR
    up = [tape.trade(block, 10 + n / 10, 60, side="buy") for n in range(1, 30)]
    back = [tape.trade(block, 10, 60, side="sell")]
    later = fall(tape, block + 3 * MIN, 10)
    found_in = {"finds": "fall", "minimum_history": 5 * MINUTE}
    assert len(found([*usual(tape), *up, *later], **found_in)) == 1
    assert found([*usual(tape), *up, *back, *later], **found_in) == []


def test_who_carries_from_one_market_to_another_has_accumulated_nothing() -> None:
    def market(*, sells_elsewhere: bool) -> list[Any]:
        tape = Tape(token_id="acme")
        there = {"instrument": "ACME-EUR", "token_id": "acme"}
        quiet = usual(tape)
        x = {"buyer_id": "X", "seller_account": "s-1", "side": "buy"}
        bought = [tape.trade(2.5 * HOUR + n * S, 10, 400, **x) for n in range(4)]
        other = [
            tape.trade(2.5 * HOUR + n * S, 10.1, 400, seller_id="X", side="sell", **there)
            for n in range(4 if sells_elsewhere else 0)
        ]
        y = {"seller_id": "X", "buyer_account": "b-1", "side": "sell"}
        sold = [tape.trade(3 * HOUR + 20 * S + n * S, 11, 400, **y) for n in range(3)]
        return sorted(
            [*quiet, *bought, *other, *rush(tape, 3 * HOUR), *sold], key=lambda one: one.timestamp
        )

    (finding,) = found(market(sells_elsewhere=False), finds="distribution")
    assert "X" in finding.entities
    assert found(market(sells_elsewhere=True), finds="distribution") == []


@pytest.mark.parametrize("finds", ["rise", "fall", "distribution"])
def test_saved_and_restored_anywhere_it_finds_the_same(finds: Any) -> None:
    tape = Tape()
    events = usual(tape, 1.5)
    events.append(
        tape.trade(1.5 * HOUR, 10, 2_000, side="buy", buyer_account="x", seller_account="s-1")
    )
    events += rush(tape, 1.5 * HOUR + S)
    events.append(
        tape.trade(
            1.5 * HOUR + 9 * S, 10.8, 1_500, side="sell", seller_account="x", buyer_account="b-1"
        )
    )
    events += fall(tape, 1.5 * HOUR + 3 * MIN, 10)
    whole = found(events, finds=finds)
    assert len(whole) == 1
    for cut in range(len(events) - 40, len(events), 3):
        first, second = (PumpAndDump(Parameters(finds=finds)) for _ in range(2))
        before = [one for event in events[:cut] for one in first.observe(event)]
        second.restore(first.snapshot())
        after = [one for event in events[cut:] for one in second.observe(event)]
        assert [*before, *after] == whole


def test_memory_is_bounded() -> None:
    detection, tape = PumpAndDump(Parameters(finds="distribution")), Tape()
    for event in usual(tape, 1, every=250 * MS):
        detection.observe(event)
    (market,) = detection.state.markets.values()
    assert len(market.tape.chunks) <= 13
    assert len(market.tape.bars) <= 12
    assert len(market.tape.witnesses) < 2 * MOST_WITNESSES
    assert all(len(stake.purchases) <= 16 for stake in detection.state.stakes.values())
    assert market.tape.history >= 50 * MINUTE - 12 * CHUNK


def test_prices_that_are_none_are_passed_over() -> None:
    tape = Tape()
    for price, quantity in ((0, 1), (-1, 1), (float("inf"), 1), (float("nan"), 1), (1, 0)):
        assert found([tape.trade(0, price, quantity)]) == []
    assert found([swap(1, price=None, quantity=None)]) == []
