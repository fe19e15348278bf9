"""Numbers as no honest venue sends them, within the bounds of the decoders."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.engine.engine import Engine
from normalizer.events import Alert
from tests.detections.samples import Tape, swap, transfer
from tests.fixtures.shipped_rules import shipped_rules

RULES = shipped_rules()
ODD = st.sampled_from([0.0, 5e-324, 1e-300, 1e-18, 0.1, 1.0, 1e15, 1e18]) | st.floats(0, 1e18)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["place", "change", "trade", "cancel", "swap", "transfer"]),
        st.booleans(),
        st.integers(0, 3),
        ODD,
        ODD,
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_they_make_no_rule_fail_and_no_alert_that_cannot_be_read(
    steps: list[tuple[str, bool, int, float, float]],
) -> None:
    tape, events = Tape(), list[Any]()
    for at, (what, buy, number, price, quantity) in enumerate(steps):
        side, order = "buy" if buy else "sell", f"order-{number}"
        who = {"investor_account": f"acct-{number % 2}"}
        both = {"buyer_account": "acct-0", "seller_account": f"acct-{number % 2}"}
        match what:
            case "place":
                events.append(tape.placed(at, order, side, price, quantity, **who))
            case "change":
                events.append(tape.changed(at, order, quantity, side, price=price))
            case "trade":
                events.append(tape.trade(at, price, quantity, maker_order_id=order, **both))
            case "cancel":
                events.append(tape.cancelled(at, order, side))
            case "swap":
                events.append(
                    swap(at, side=side, quantity=quantity, notional=price, transaction_from="0xa")
                )
            case _:
                events.append(transfer(at, amount=quantity))
    engine = Engine(RULES)
    alerts = engine.process(events)
    assert engine.take_problems() == []
    for alert in alerts:
        assert msgspec.json.decode(msgspec.json.encode(alert), type=Alert) == alert
        assert len(alert.reason) < 1_000


def test_a_ratio_without_bounds_is_left_out_of_the_metrics() -> None:
    tape = Tape()
    who = {"investor_account": "acct-1"}
    events = [
        tape.placed(0, "dust", "buy", 10.0, 5e-324, investor_account="acct-2"),
        tape.placed(1, "huge", "buy", 9.99, 1e18, **who),
        tape.trade(2, 10.01, 1, buyer_account="acct-3", seller_account="acct-1"),
        tape.cancelled(3, "huge"),
    ]
    (alert,) = Engine(RULES).process(events)
    assert "depth_share" not in alert.metrics
    assert msgspec.json.decode(msgspec.json.encode(alert), type=Alert) == alert
    assert "(more than a million times the bid depth)" in alert.reason


@pytest.mark.parametrize("prices", [(1e18, 5e-324), (1e-200,), (5e-324,)])
def test_they_make_no_rule_fail_hours_later_either(prices: tuple[float, ...]) -> None:
    """What is learnt of a market, is learnt some minutes later."""
    tape, minute = Tape(), 60_000
    events = [
        tape.trade(
            number * minute, prices[number // 7 % len(prices)], 1e-200,
            side="buy", buyer_account=f"acct-{number % 3}", seller_account=f"acct-{number % 3 + 1}",
        )
        for number in range(130)
    ]  # fmt: skip
    engine = Engine(RULES)
    engine.process(events)
    assert engine.take_problems() == []
