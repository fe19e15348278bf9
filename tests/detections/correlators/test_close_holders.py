"""Who holds a position and makes the last price before a reference time."""

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from tests.detections.correlators.closes import (
    FIXING,
    S,
    after,
    as_rebuilt,
    found,
    shifted,
    stamped,
    usual,
)
from tests.detections.samples import Tape


def held(tape: Tape, *, position: float = 200, price: float = 10.006, **more: Any) -> list[Any]:
    """Bought before, and three more just before the fixing, a little above the average."""
    bought = tape.trade(0, 10, position, side="buy", buyer_account="x", seller_account="s-9")
    last = [
        tape.trade(
            FIXING - 60 * S + n * 20 * S, price, 80,
            **{"side": "buy", "buyer_account": "x", "seller_account": "s-9", **more},
        )
        for n in range(3)
    ]  # fmt: skip
    return [bought, *usual(tape), *last, *after(tape)]


def small_holder(tape: Tape) -> list[Any]:
    events = held(tape)
    for event in events[-4:-1]:
        event.quantity = 60.0
    return events


def sold_before(tape: Tape) -> Any:
    return tape.trade(0, 10, 300, side="sell", buyer_account="o", seller_account="x")


def test_who_holds_a_position_and_trades_last_needs_no_far_move() -> None:
    events = stamped(held(Tape()))
    assert found(events) == []
    (finding,) = found(events, finds="holder")
    assert finding.entities == ("x",)
    assert finding.metrics["position_before"] == 200
    assert "it holds 200 more" in finding.reason


def test_a_holder_is_told_of_whether_or_not_the_rule_on_far_moves_is_there() -> None:
    far = stamped(held(Tape(), price=10.2))
    assert len(found(far)) == len(found(far, finds="holder")) == 1


@pytest.mark.parametrize(
    ("why", "events"),
    [
        ("it holds nothing", lambda t: held(t)[1:]),
        ("a small quantity", small_holder),
        ("it ended below the average", lambda t: held(t, price=10.001)),
        ("it rests, and others come in", lambda t: held(t, side="sell")),
        (
            "another traded last",
            lambda t: [
                *held(t)[:-1],
                t.trade(FIXING - S, 10.006, 30, side="buy", buyer_account="o", seller_account="s"),
                *after(t),
            ],
        ),
        ("it sold what it held", lambda t: [sold_before(t), *held(t)]),
    ],
)
def test_what_no_holder_did(why: str, events: Any) -> None:
    assert found(stamped(events(Tape())), finds="holder") == [], why


def test_what_sums_of_floats_leave_over_is_no_position() -> None:
    chance = Random(7)
    for _ in range(20):
        tape = Tape()
        both = [
            tape.trade(
                FIXING - 60 * S + n * S, 10.006, round(chance.uniform(*sizes), 2), side=side,
                buyer_account=buyer, seller_account=seller,
            )
            for n in range(16)
            for side, buyer, seller, sizes in [
                ("buy", "x", "s-9", (20, 90)) if n % 2 else ("sell", "s-9", "x", (1, 5))
            ]
        ]  # fmt: skip
        assert found(stamped([*usual(tape), *both, *after(tape)]), finds="holder") == []


def test_what_two_feeds_of_a_venue_tell_of_one_trade_is_no_position() -> None:
    tape = Tape()
    events = held(tape, position=1)[1:]  # nothing was bought before
    copies = [replace(event, id=f"{event.id}-copy", provider="drop-copy") for event in events]
    both = [event for pair in zip(events, copies, strict=True) for event in pair]
    assert found(stamped(both), finds="holder") == []


def test_a_rebuilt_state_knows_who_bought_long_ago() -> None:
    tape = Tape()
    purchase, *rest = held(tape)
    events = stamped([purchase, *shifted(rest, 28)])
    (finding,) = found(events, finds="holder")
    assert finding.metrics["position_before"] == 200
    assert as_rebuilt(events, finds="holder") == [finding]
