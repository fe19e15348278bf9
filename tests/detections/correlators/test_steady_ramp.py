"""A price that goes one way for hours, on a tape that names nobody."""

from collections.abc import Sequence
from typing import Any

import pytest

from detections.rules import RuleSet
from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import HEADER, START, Tape, alerts, correlator

MINUTES = 60_000
QUIET = 30
CLIMB = tuple(10.0 + 0.01 * step for step in range(1, 25))


def rule(parameters: str = "{}") -> RuleSet:
    return correlator("steady_ramp", parameters, HEADER.replace("high", "medium"))


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(rule(parameters), events)


def climbing(
    prices: Sequence[float] = CLIMB,
    *,
    right: int = 2,
    wrong: int = 1,
    every: int = 5,
    **common: Any,
) -> list[Any]:
    """Two hours and a half up and down by a cent, and then a price for each five minutes."""
    tape = Tape(**common)
    events = [
        tape.trade(5 * MINUTES * step, 10.0 + 0.01 * (step % 2), 10, side="sell")
        for step in range(QUIET)
    ]
    up = prices[-1] > 10.0
    at = 5 * MINUTES * QUIET + 1_000
    for price in prices:
        for number in range(right):
            side = "buy" if up else "sell"
            events.append(tape.trade(at + 1_000 * number, price, 10, side=side))
        for number in range(wrong):
            side = "sell" if up else "buy"
            events.append(tape.trade(at + 10_000 + number, price, 10, side=side))
        at += every * MINUTES
    return [*events, tape.trade(at + MINUTES, prices[-1], 10, side="sell")]


def test_a_price_that_climbs_by_a_cent_in_each_five_minutes() -> None:
    (alert,) = found(climbing())
    assert alert.reason == (
        "ACME-USD on demo-venue rose by 2.1% to 10.21 within 2 h, 4.4 times as far as usual and "
        "91% of all that it went up and down, without a jump; in 64% of 66 trades others bought "
        "(the feed names no accounts)"
    )
    assert alert.tags == ("inferred", "anonymous")
    assert 0.25 < alert.confidence < 0.4


def test_downwards_too() -> None:
    (alert,) = found(climbing([20.0 - one for one in CLIMB]))
    assert "ACME-USD on demo-venue fell by 2.1% to 9.8 " in alert.reason
    assert "others sold" in alert.reason


def test_a_jump_is_news() -> None:
    jumped = [10.0 + (0.01 * step if step < 12 else 0.08 + 0.01 * step) for step in range(1, 25)]
    assert found(climbing(jumped)) == []
    assert len(found(climbing(jumped), "{maximum_step: 50%}")) == 1


def test_what_wanders_is_not_steady() -> None:
    wandering = [10.0 + 0.012 * step + 0.03 * (step % 2) for step in range(1, 25)]
    assert found(climbing(wandering)) == []
    assert len(found(climbing(wandering), "{minimum_directness: 10%}")) == 1


def test_a_short_way_in_few_trades_or_with_many_against_it_is_nothing() -> None:
    assert found(climbing([10.0 + 0.008 * step for step in range(1, 25)])) == []
    assert found(climbing(right=1, wrong=0)) == []
    assert found(climbing(right=4, wrong=3)) == []


def test_of_a_day_that_has_just_begun_the_window_must_be_over() -> None:
    def opened_at(step: int, until: int) -> list[Any]:
        began = START + 5 * MINUTES * step * 1_000_000
        steep = [10.0 + 0.02 * step for step in range(1, until)]
        return climbing(steep, right=6, phase="continuous", phase_began=began)

    # It has gone far enough, and often enough, after ten steps of the day.
    assert found(opened_at(QUIET, 24)) == []
    (alert,) = found(opened_at(QUIET, 27))
    assert "within 2 h" in alert.reason


def test_it_is_told_again_when_it_has_gone_twice_as_far() -> None:
    steeper = [*CLIMB, *(10.24 + 0.025 * step for step in range(1, 25))]
    first, second = found(climbing(steeper))
    assert second.metrics["change"] >= 2 * first.metrics["change"]


def test_before_it_is_known_what_is_usual_nothing_is_said() -> None:
    assert found(climbing()[QUIET:]) == []


@pytest.mark.parametrize("name", ["buyer_account", "seller_id", "buyer_cluster"])
def test_of_who_is_named_nothing_is_said_here(name: str) -> None:
    named: dict[str, Any] = {name: "acct-1"}
    assert found(climbing(**named)) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    assert_the_same_after_a_restart(rule(), climbing())
