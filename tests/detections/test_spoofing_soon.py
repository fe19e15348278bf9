"""Large orders that go as soon as the small one has traded, and mostly wait in vain (Coscia)."""

from typing import Any

import pytest

from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import Tape, correlator
from tests.detections.spoofing_samples import SOLD, SPOOFER, found

MAKER = {"investor_account": "acct-1"}


def attempts(
    number: int = 8, soon: float = 30, large: float = 900, pause: float = 750
) -> list[Any]:
    """A small offer, three large bids a moment later, and all gone after a third of a second; in
    the last attempt since the small one has traded, so many milliseconds before."""
    tape = Tape()
    events = [
        tape.placed(0, "b1", "buy", 10.00, 10_000, **MAKER),
        tape.placed(0, "a1", "sell", 10.06, 10_000, **MAKER),
        # It trades without any large order now and then.
        *(tape.trade(1_000 + 40_000 * one, 10.05, 75, **SOLD) for one in range(5)),
    ]
    for step in range(number):
        at = 200_000 + step * (350 + pause)
        small = f"small-{step}"
        bids = [f"large-{step}-{price}" for price in range(3)]
        events.append(tape.placed(at, small, "sell", 10.05, 75, **SPOOFER))
        events += [
            tape.placed(at + 10 + 10 * price, name, "buy", 10.00 + price / 100, large, **SPOOFER)
            for price, name in enumerate(bids)
        ]
        last = step == number - 1
        if last:
            events.append(tape.trade(at + 350 - soon, 10.05, 75, maker_order_id=small, **SOLD))
        events += [tape.cancelled(at + 350, name, remaining=large) for name in bids]
        if not last:
            events.append(tape.cancelled(at + 350, small, remaining=75.0))
    return events


def orders(alerts: list[Alert]) -> list[str]:
    return sorted({one for alert in alerts for one in alert.evidence_orders if "large" in one})


def test_who_waits_in_vain_and_takes_all_off_as_soon_as_he_has_traded() -> None:
    alerts = found(attempts(large=1100))
    assert orders(alerts) == ["large-7-0", "large-7-1", "large-7-2"]
    assert all(alert.metrics["chance"] < 0.01 for alert in alerts)


def test_a_trade_that_chance_may_have_brought_proves_nothing() -> None:
    assert found(attempts(large=1100, soon=320)) == []


def test_large_orders_of_one_party_are_large_together() -> None:
    assert orders(found(attempts(number=1))) == ["large-0-1", "large-0-2"]
    assert found(attempts(number=1, large=300)) == []
    assert orders(found(attempts(number=1, large=350))) == ["large-0-2"]


def alone(*own: float, size: float) -> list[Alert]:
    """A spoof on a side on which only its own party shows anything."""
    tape = Tape()
    events = [
        tape.placed(0, "a1", "sell", 10.05, 900, **MAKER),
        *(
            tape.placed(10 + place, f"own-{place}", "buy", 10.00 - place / 100, quantity, **SPOOFER)
            for place, quantity in enumerate(own)
        ),
        tape.placed(1_000, "large", "buy", 9.99, size, **SPOOFER),
        tape.trade(1_500, 10.05, 0.01, **SOLD),
        tape.cancelled(1_840, "large", remaining=size),
    ]
    return found(events)


def test_what_a_sum_of_floats_leaves_over_is_nothing_that_others_show() -> None:
    (alert,) = alone(0.1, 0.1, 0.1, size=1.3)
    assert alert.metrics["depth_before"] == pytest.approx(0.3)
    assert alone(0.1, 0.7, 1.1, size=0.11) == []


@pytest.mark.parametrize(("size", "times"), [(280, 6), (1_400, 6), (1_500, 0)])
def test_only_what_is_about_as_large_is_there_in_its_stead(size: float, times: int) -> None:
    tape = Tape()
    events = [
        tape.placed(0, "b1", "buy", 10.00, 10_000, **MAKER),
        tape.placed(0, "a1", "sell", 10.06, 10_000, **MAKER),
    ]
    for n in range(6):
        at, small, large, other = 1_000 + n * 60_000, f"small-{n}", f"large-{n}", f"other-{n}"
        events += [
            tape.placed(at, small, "sell", 10.05, 75, **SPOOFER),
            tape.placed(at + 10, large, "buy", 10.00, 3_000, **SPOOFER),
            tape.trade(at + 300, 10.05, 75, maker_order_id=small, **SOLD),
            tape.placed(at + 301, other, "buy", 10.00, size, **SPOOFER),
            tape.cancelled(at + 310, large, remaining=3_000.0),
            tape.cancelled(at + 320, other, remaining=size),
        ]
    assert len([one for one in orders(found(events)) if one.startswith("large")]) == times


def test_what_is_gone_for_longer_than_it_was_there_is_not_replaced() -> None:
    assert found(attempts(large=1100, pause=400)) != []
    assert found(attempts(large=1100, pause=200)) == []


def test_a_restart_changes_nothing() -> None:
    assert_the_same_after_a_restart(correlator("spoofing"), attempts(large=1100))
