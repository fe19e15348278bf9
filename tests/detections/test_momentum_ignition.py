"""When a run through prices and what follows it are called momentum ignition, and when not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.correlators.momentum_ignition import MomentumIgnition, Parameters
from detections.markets.price_runs import MOST_TRADES
from normalizer.events import Alert
from tests.detections.samples import Tape, alerts, correlator

SECOND = 1_000.0
MINUTE = 60 * SECOND


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(correlator("momentum_ignition", parameters), events)


def run(
    tape: Tape,
    at: float = 0,
    *,
    prices: int = 5,
    step: float = 0.02,
    quantity: float = 10,
    account: str = "acct-1",
    **more: Any,
) -> list[Any]:
    """Purchases at so many prices, a second apart, each for more than the last."""
    return [
        tape.trade(
            at + n * SECOND,
            round(10 + n * step, 8),
            quantity,
            side="buy",
            **{"buyer_account": account, "seller_account": "acct-9", **more},
        )
        for n in range(prices)
    ]


def sale(
    tape: Tape, at: float = MINUTE, price: float = 10.1, quantity: float = 25, **more: Any
) -> Any:
    fields = {"seller_account": "acct-1", "buyer_account": "acct-5", "side": "sell", **more}
    return tape.trade(at, price, quantity, **fields)


def test_it_says_what_was_run_through_and_what_was_traded_back_with_the_evidence() -> None:
    tape = Tape()
    (alert,) = found([*run(tape, buyer_id="INV-1"), sale(tape, seller_id="INV-1")])
    assert alert.reason == (
        "acct-1 (INV-1) bought 50 ACME-USD on demo-venue at 5 prices from 10 to 10.08 within 4 s, "
        "100% of all that was traded, and sold 25 within 56 s after, on average for 0.6% more"
    )
    assert alert.entities == ("acct-1", "INV-1")
    assert alert.evidence_events == tuple(f"event-{n}" for n in range(1, 7))
    assert alert.metrics["gain_notional"] == pytest.approx(25 * (10.1 - 10.04))


def test_downwards_it_is_the_same() -> None:
    tape = Tape()
    fall = [
        tape.trade(n * SECOND, 10 - n / 50, 10, side="sell", seller_account="acct-1")
        for n in range(5)
    ]
    back = tape.trade(MINUTE, 9.9, 50, side="sell", buyer_account="acct-1", seller_account="b")
    (alert,) = found([*fall, back])
    assert "sold 50 ACME-USD" in alert.reason
    assert "bought 50" in alert.reason
    assert alert.reason.endswith("less")


@pytest.mark.parametrize(
    ("what", "events"),
    [
        ("too few prices", lambda tape: [*run(tape, prices=4, step=0.05), sale(tape, price=11)]),
        ("too short a way", lambda tape: [*run(tape, step=0.01), sale(tape, price=11)]),
        ("too slow", lambda tape: [*run(tape)[:1], *run(tape, 61 * SECOND)[1:], sale(tape, 2e5)]),
        (
            "given back too late",
            lambda tape: [*run(tape), sale(tape, 4 * SECOND + 10 * MINUTE + 1)],
        ),
        ("too little given back", lambda tape: [*run(tape), sale(tape, quantity=24.9)]),
        ("at a loss", lambda tape: [*run(tape), sale(tape, price=10.04)]),
        ("another sold", lambda tape: [*run(tape), sale(tape, seller_account="acct-2")]),
        ("before the run", lambda tape: [sale(tape, 0), *run(tape, SECOND)]),
        (
            "it made the market, and took nothing",
            lambda tape: [
                *run(tape, buyer_account="x", seller_account="acct-1"),
                sale(tape, price=11),
            ],
        ),
    ],
)
def test_what_is_none(what: str, events: Any) -> None:
    assert found(events(Tape())) == [], what


def test_a_part_of_a_busy_market_is_no_run() -> None:
    def events(others: float) -> list[Any]:
        tape = Tape()
        crowd = tape.trade(0, 10, others, side="buy", buyer_account="a", seller_account="b")
        return [crowd, *run(tape, SECOND), sale(tape)]

    assert len(found(events(116))) == 1
    assert found(events(117)) == []


def test_accounts_of_one_cluster_are_one_party() -> None:
    tape = Tape()
    there = run(tape, buyer_cluster="CL-1")
    back = sale(tape, seller_account="acct-7", seller_cluster="CL-1")
    (alert,) = found([*there, back])
    assert alert.entities == ("acct-7", "CL-1")


def test_a_run_that_goes_on_counts_whole() -> None:
    tape = Tape()
    (alert,) = found([*run(tape, prices=9), sale(tape, price=11, quantity=45)])
    assert alert.metrics["prices"] == 9
    assert alert.metrics["quantity"] == 90


def test_one_alert_for_each_run() -> None:
    tape = Tape()
    first = [*run(tape), sale(tape), sale(tape, MINUTE + 1), sale(tape, MINUTE + 2)]
    again = [*run(tape, 5 * MINUTE), sale(tape, 6 * MINUTE)]
    one, two = found([*first, *again])
    assert (one.metrics["times_in_an_hour"], two.metrics["times_in_an_hour"]) == (1, 2)


def test_a_run_that_is_over_hides_no_new_one() -> None:
    tape = Tape()
    over = [*run(tape), sale(tape, quantity=5)]  # too little was given back
    (alert,) = found([*over, *run(tape, 20 * MINUTE), sale(tape, 21 * MINUTE)])
    assert "bought 50 ACME-USD on demo-venue at 5 prices" in alert.reason


def test_what_is_bought_long_after_a_run_makes_it_no_longer() -> None:
    tape = Tape()
    later = tape.trade(20 * MINUTE, 10.2, 10, side="buy", buyer_account="acct-1")
    assert found([*run(tape), later, sale(tape, 21 * MINUTE, price=10.3, quantity=60)]) == []


def test_a_label_can_be_left_out() -> None:
    tape = Tape()
    labels = ("market_maker",)
    events = [*run(tape, buyer_labels=labels), sale(tape, seller_labels=labels)]
    assert len(found(events)) == 1
    assert found(events, "{exempt_labels: [market_maker]}") == []


def test_memory_is_bounded() -> None:
    watching, tape = MomentumIgnition(Parameters()), Tape()
    for event in run(tape, prices=5_000, step=0.001):
        event.timestamp = 1_000_000_000
        watching.observe(event)
    (market,) = watching.state.tapes.values()
    up = market.traders["acct-1"].up
    assert up is not None
    assert len(up.taken) <= 2 * MOST_TRADES + 64
    assert up.run is not None
    assert len(up.run.taken) == MOST_TRADES


@given(
    st.lists(
        st.tuples(st.integers(0, 20_000), st.integers(1, 6), st.sampled_from(["a", "b"])),
        max_size=80,
    )
)
def test_prices_of_the_window_are_counted_exactly(steps: list[tuple[int, int, str]]) -> None:
    watching, tape = MomentumIgnition(Parameters(minimum_prices=200)), Tape()
    told: list[tuple[int, int, str]] = []
    at = 0
    for later, price, who in steps:
        at += later
        watching.observe(tape.trade(at, price, 2, side="buy", buyer_account=who))
        told.append((at, price, who))
        inside = [one for one in told if one[0] >= at - MINUTE]
        (market,) = watching.state.tapes.values()
        assert market.traded == 2 * len(inside)
        mine = [one for one in inside if one[2] == who]
        up = market.traders[who].up
        assert up is not None
        assert up.quantity == 2 * len(mine)
        assert set(up.prices) == {one[1] for one in inside if one[2] == who}


def quick(tape: Tape, at: float = 0, *, back_prices: int = 5, side: str = "sell") -> list[Any]:
    """A run that goes a short way, and is taken back at as many prices, for a little less."""
    back = [
        tape.trade(
            at + 20 * SECOND + n * SECOND, 9.999 - n / 1_000, 10, side=side,
            seller_account="acct-1", buyer_account="acct-8",
        )
        for n in range(back_prices)
    ]  # fmt: skip
    return [*run(tape, at, step=0.001), *back]


def test_a_short_run_that_is_taken_back_at_once_needs_no_gain_where_none_is_asked_for() -> None:
    (alert,) = found(quick(Tape()), "{minimum_gain: -100%}")
    assert "on average for 0.05" in alert.reason
    assert "% less" in alert.reason
    assert alert.risk_score is not None


@pytest.mark.parametrize(
    ("what", "events"),
    [
        ("a gain was asked for", None),
        ("at fewer prices", lambda tape: quick(tape, back_prices=4)),
        ("others came in", lambda tape: quick(tape, side="buy")),
        (
            "after more than two minutes",
            lambda tape: [*quick(tape)[:5], *quick(tape, 120 * SECOND)[5:]],
        ),
    ],
)
def test_what_is_no_quick_reversal(what: str, events: Any) -> None:
    parameters = "{}" if events is None else "{minimum_gain: -100%}"
    tape = Tape()
    assert found(quick(tape) if events is None else events(tape), parameters) == [], what


def test_where_prices_hardly_move_a_short_way_is_far() -> None:
    tape = Tape()
    calm = [
        tape.trade(n * MINUTE, 10 + (n % 2) / 10_000, 1, buyer_account="a", seller_account="b")
        for n in range(60)
    ]
    moving = [
        tape.trade(n * MINUTE, 10 + (n % 2) / 100, 1, buyer_account="a", seller_account="b")
        for n in range(60)
    ]
    at = 60 * MINUTE
    assert len(found([*calm, *run(tape, at, step=0.002), sale(tape, at + MINUTE)])) == 1
    assert found([*moving, *run(tape, at, step=0.002), sale(tape, at + MINUTE)]) == []


def tried(tape: Tape, *, through: int = 2, fall: float = 0.01) -> list[Any]:
    """Three purchases through so many prices while the market falls, given up for five bids."""
    bought = [
        tape.trade(
            n * SECOND, round(10 - n * fall + step / 1_000, 8), 10, side="buy",
            buyer_account="acct-1", seller_account="acct-9",
        )
        for n in range(3)
        for step in range(through + 1)
    ]  # fmt: skip
    sold = [
        tape.trade(
            (10 + n) * SECOND, 9.95 - n / 1_000, 20, side="sell",
            seller_account="acct-1", buyer_account="acct-8",
        )
        for n in range(5)
    ]  # fmt: skip
    return [*bought, *sold]


def test_who_ran_through_prices_against_a_market_that_fell_has_tried_as_well() -> None:
    (alert,) = found(tried(Tape()), "{minimum_gain: -100%}")
    assert "at 9 prices from 10 to 9.98" in alert.reason
    assert alert.confidence < 0.8


def test_who_bought_while_it_fell_and_ran_through_nothing_started_no_trend() -> None:
    single = tried(Tape(), through=0, fall=0.004)
    assert found([*tried(Tape(), through=1)], "{minimum_gain: -100%}") == [], "three further prices"
    assert found(single, "{minimum_gain: -100%}") == []


def filled_again(tape: Tape, *, orders: int = 5, back: int = 5) -> list[Any]:
    """Purchases through two offers each, at the same two prices since others fill the book again;
    then sales through two bids each, as it was taken."""
    bought = [
        tape.trade(
            n * SECOND, 10 + step / 1_000, 10, side="buy",
            buyer_account="acct-1", seller_account="acct-9",
        )
        for n in range(orders)
        for step in range(2)
    ]  # fmt: skip
    sold = [
        tape.trade(
            (20 + n) * SECOND, 9.98 - step / 1_000, 20, side="sell",
            seller_account="acct-1", buyer_account="acct-8",
        )
        for n in range(back)
        for step in range(2)
    ]  # fmt: skip
    return [*bought, *sold]


def test_who_ran_through_a_book_that_others_filled_again_has_tried_as_well() -> None:
    (alert,) = found(filled_again(Tape()), "{minimum_gain: -100%}")
    assert "bought 100 ACME-USD on demo-venue at 2 prices from 10 to 10.001" in alert.reason
    assert alert.confidence < 0.8


@pytest.mark.parametrize("fewer", [{"orders": 4}, {"back": 4}])
def test_fewer_orders_that_go_on_are_no_attempt(fewer: dict[str, int]) -> None:
    assert found(filled_again(Tape(), **fewer), "{minimum_gain: -100%}") == []
