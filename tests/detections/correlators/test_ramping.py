"""When steps of one party's purchases are a ramp, and when not."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.alerting.findings import Finding
from detections.correlators.ramping import Parameters, Ramping
from detections.markets.price_steps import MOST_STEPS, STRETCH, Traded
from tests.detections.samples import Tape

S = 1_000.0
MIN = 60 * S


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    detection = Ramping(Parameters(**parameters))
    return [finding for event in events for finding in detection.observe(event)]


def ramp(
    tape: Tape, at: float = 0, *, steps: int = 13, every: float = 30 * S, rise: float = 0.06,
    sign: int = 1, **more: Any,
) -> list[Any]:  # fmt: skip
    """One takes the offers a little higher each time; in between others sell at that price."""
    events: list[Any] = [tape.trade(at, 10, 5, side="sell", buyer_account="m", seller_account="o")]
    for n in range(steps):
        price = round(10 + sign * rise * (n + 1), 8)
        own = {"side": "buy", "buyer_account": "x", "seller_account": "m", **more}
        if sign < 0:
            own = {"side": "sell", "seller_account": "x", "buyer_account": "m", **more}
        events.append(tape.trade(at + n * every + S, price, 5, **own))
        events.append(
            tape.trade(at + n * every + 9 * S, price, 5, side="sell", buyer_account="m",
                       seller_account=f"o-{n}")
        )  # fmt: skip
    return events


def large(tape: Tape) -> list[Any]:
    events = ramp(tape)
    for event in events[1::2]:
        event.quantity = 8.0
    return events


def test_where_it_is_known_what_is_usual_a_shorter_way_is_far() -> None:
    tape = Tape()
    calm = [
        tape.trade(n * MIN, 10 + (n % 2) / 1_000, 5, side="sell", buyer_account="m",
                   seller_account="o")
        for n in range(120)
    ]  # fmt: skip
    assert len(found([*calm, *ramp(tape, 120 * MIN, rise=0.02)])) == 1
    for n, trade in enumerate(calm):
        trade.price = 10 + (n % 13) / 50
    assert found([*calm, *ramp(tape, 120 * MIN, rise=0.02)]) == []


def bouncing(tape: Tape, hours: int, chance: random.Random) -> list[Any]:
    """A market of a wide spread that goes nowhere: half trade at the bid, half at the offer."""
    return [
        tape.trade(n * 2 * MIN, 10 + chance.choice((-0.03, 0.03)), 5, side="sell",
                   buyer_account="m", seller_account=f"o-{n}")
        for n in range(hours * 30)
    ]  # fmt: skip


def test_what_bounces_between_bid_and_offer_hides_no_ramp() -> None:
    tape = Tape()
    before = bouncing(tape, 6, random.Random(11))
    slow = ramp(tape, 6 * 60 * MIN, every=6 * MIN, steps=13, rise=0.03)
    (finding,) = found([*before, *slow])
    assert finding.metrics["change"] < 0.05
    assert found([*before, *ramp(tape, 6 * 60 * MIN, every=6 * MIN, steps=13, rise=0.01)]) == []


def test_a_slow_ramp_does_not_make_itself_usual() -> None:
    """It goes seven times as far as usual, and three times as far as what is with it."""
    tape = Tape()
    before = bouncing(tape, 6, random.Random(11))
    slow = ramp(tape, 6 * 60 * MIN, every=6 * MIN, steps=13, rise=0.03)
    assert len(found([*before, *slow], minimum_usual_moves=6)) == 1


def test_a_few_orders_that_take_several_prices_each_are_no_ramp_unless_it_goes_far() -> None:
    tape = Tape()
    before = bouncing(tape, 6, random.Random(11))

    def sweeps(rise: float) -> list[Any]:
        """Four orders, each of which takes four offers at one time."""
        start, made = 6 * 60 * MIN, list[Any]()
        for n in range(16):
            at, price = start + (n // 4) * 2 * MIN, round(10 + rise * (n + 1), 3)
            own = {"side": "buy", "buyer_account": "x", "seller_account": "m"}
            made.append(tape.trade(at, price, 5, **own))
            if n % 4 == 3:
                others = {"side": "sell", "buyer_account": "m", "seller_account": f"o-{n}"}
                made.append(tape.trade(at + S, price, 20, **others))
        return made

    assert found([*before, *sweeps(0.029)]) == []
    assert len(found([*before, *sweeps(0.029)], minimum_steps=4)) >= 1
    assert len(found([*before, *sweeps(0.06)])) == 1


def test_it_says_how_many_steps_and_how_far_with_each_of_them() -> None:
    tape = Tape()
    events = ramp(tape)
    (finding,) = found(events)
    assert finding.entities == ("x",)
    assert finding.reason == (
        "x bought 60 ACME-USD on demo-venue within 5.5 min, 52% of all that was traded, in 12 "
        "steps that each took the price further: it rose by 7.2%, from 10 to 10.72, 100% of it by "
        "these trades"
    )
    assert [one.id for one in finding.witnesses] == [one.id for one in events[1:24:2]]


def test_downwards_it_is_the_same() -> None:
    (finding,) = found(ramp(Tape(), sign=-1))
    assert "x sold 60" in finding.reason
    assert "it fell by" in finding.reason


@pytest.mark.parametrize(
    ("why", "events"),
    [
        ("too few steps", lambda t: ramp(t, steps=11)),
        ("too short a way", lambda t: ramp(t, rise=0.03)),
        ("too fast", lambda t: ramp(t, every=7 * S)),
        ("over more than the window", lambda t: ramp(t, every=17 * MIN)),
        ("larger orders than others'", lambda t: large(t)),
        ("it rests, and others take", lambda t: ramp(t, side="sell")),
        (
            "a small part of what is traded",
            lambda t: sorted(
                [
                    *ramp(t),
                    *(
                        t.trade(n * 30 * S + 2 * S, 10 + 0.06 * (n + 1), 30, side="buy",
                                buyer_account=f"c-{n}", seller_account="m")
                        for n in range(13)
                    ),
                ],
                key=lambda one: one.timestamp,
            ),
        ),
        (
            "it works a large order where the price is",
            lambda t: [
                t.trade(n * 10 * S, 10 + 0.1 * (n // 8), 5, side="buy", buyer_account="x",
                        seller_account="m")
                for n in range(100)
            ],
        ),
        (
            "it gives back what it takes",
            lambda t: sorted(
                [
                    *ramp(t),
                    *(
                        t.trade(n * 30 * S + 5 * S, 10 + 0.06 * (n + 1), 4, side="sell",
                                buyer_account="m", seller_account="x")
                        for n in range(13)
                    ),
                ],
                key=lambda one: one.timestamp,
            ),
        ),
        (
            "the price wanders",
            lambda t: sorted(
                [
                    *ramp(t, every=5 * MIN),
                    *(
                        t.trade(n * 5 * MIN + k * 2 * MIN, price, 1, side="sell",
                                buyer_account="a", seller_account="b")
                        for n in range(13)
                        for k, price in ((1, 10 + 0.06 * (n + 1)), (2, 10.01 + n % 2 / 10))
                    ),
                ],
                key=lambda one: one.timestamp,
            ),
        ),
    ],
)  # fmt: skip
def test_what_is_no_ramp(why: str, events: Any) -> None:
    assert found(events(Tape())) == [], why


def test_nobody_in_an_honest_crowd_ramps() -> None:
    chance, tape = random.Random(3), Tape()
    price, events = 10.0, list[Any]()
    for n in range(4_000):
        buys = chance.random() < 0.52
        price = round(price + (0.01 if buys else -0.01) * chance.choice((0, 0, 1)), 2)
        events.append(
            tape.trade(
                n * S, price, chance.uniform(1, 20), side="buy" if buys else "sell",
                buyer_account=f"a-{chance.randrange(12)}",
                seller_account=f"b-{chance.randrange(12)}",
            )
        )  # fmt: skip
    assert found(events) == []


def test_it_alerts_again_when_the_steps_have_doubled_and_after_it_is_undone() -> None:
    tape = Tape()
    assert len(found(ramp(tape, steps=25))) == 2
    down = [tape.trade(20 * MIN, 9.9, 5, side="sell", buyer_account="m", seller_account="o")]
    back = [tape.trade(20 * MIN + S, 9.95, 5, side="buy", buyer_account="x", seller_account="m")]
    events = [*ramp(tape), *down, *back, *ramp(tape, 21 * MIN)]
    assert len(found(events)) == 2


def test_a_cluster_is_one_party_and_a_label_can_be_left_out() -> None:
    events = ramp(Tape(), buyer_cluster="CL")
    for n, event in enumerate(events[1::2]):
        event.buyer_account = f"x-{n}"
        event.buyer_labels = ("market_maker",)
    (finding,) = found(events)
    assert finding.entities == ("x-11", "CL")
    assert found(events, exempt_labels=("market_maker",)) == []


def test_without_accounts_nothing_is_said_and_nothing_kept() -> None:
    detection, tape = Ramping(Parameters()), Tape()
    for n in range(100):
        trade = tape.trade(n * 30 * S, 10 + n / 50, 5, side="buy")
        assert list(detection.observe(trade)) == []
    assert detection.state.markets == {}


def test_saved_and_restored_anywhere_it_finds_the_same() -> None:
    events = ramp(Tape())
    whole = found(events)
    for cut in range(len(events)):
        one, other = Ramping(Parameters()), Ramping(Parameters())
        before = [finding for event in events[:cut] for finding in one.observe(event)]
        other.restore(one.snapshot())
        assert [*before, *(f for e in events[cut:] for f in other.observe(e))] == whole


def test_memory_is_bounded() -> None:
    detection = Ramping(Parameters(minimum_share=1.0))
    for event in ramp(Tape(), steps=400, every=4 * S, rise=0.01):
        detection.observe(event)
    (market,) = detection.state.markets.values()
    assert len(market.up["x"].steps) == MOST_STEPS


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 9), st.integers(1, 9)), max_size=60),
    st.integers(0, 3_000),
)
def test_what_was_traded_since_a_time_is_exact(
    steps: list[tuple[int, int, int]], since: int
) -> None:
    traded, now = Traded(), 0
    told: list[tuple[int, int, int]] = []
    for later, price, quantity in steps:
        now += later
        told.append((now, price, quantity))
        traded.add(now, price, quantity, now - 1_000)
    since = max(since, now - 1_000)
    inside = [one for one in told if one[0] >= since]
    quantity, _, orders = traded.since(since)
    assert quantity == sum(one[2] for one in inside)
    assert orders == len({one[0] for one in inside})


def test_the_way_is_that_from_one_stretch_to_the_next() -> None:
    traded = Traded()
    for n, price in enumerate((10, 11, 10, 11, 12, 11, 12)):
        traded.add(n * STRETCH // 2, price, 1, 0)
    # What held when a stretch began: 10, 11, 11, 11; and 12 at last.
    assert traded.since(0)[1] == 2
