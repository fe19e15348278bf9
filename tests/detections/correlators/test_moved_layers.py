"""Orders of nobody who is named that are moved together, again and again."""

from typing import Any

from detections.rules import RuleSet
from normalizer.events import Alert
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import HEADER, Tape, alerts, correlator


def rule(parameters: str = "{}") -> RuleSet:
    return correlator("moved_layers", parameters, HEADER.replace("high", "medium"))


def found(events: list[Any], parameters: str = "{}") -> list[Alert]:
    return alerts(rule(parameters), events)


def ladder(
    tape: Tape, at: float, number: int, size: float, nearest: float, side: str = "sell"
) -> list[Any]:
    """Four offers, or bids, a cent apart, of one size."""
    away = 0.01 if side == "sell" else -0.01
    return [
        tape.placed(
            at + place, f"{side}{number}-{place}", side, round(nearest + away * place, 2), size
        )
        for place in range(4)
    ]


def pulled(tape: Tape, at: float, number: int, side: str = "sell") -> list[Any]:
    return [tape.cancelled(at + place, f"{side}{number}-{place}", side) for place in range(4)]


def moving(
    moves: int,
    *,
    every: float = 10_000,
    size: float = 1000,
    grows: float = 0,
    nearest: float = 10.05,
    after: float = 5,
    both: bool = False,
    **common: Any,
) -> list[Any]:
    """A ladder of offers that is moved up and down by a cent."""
    tape = Tape(**common)
    events: list[Any] = [
        tape.placed(0, "b1", "buy", 10.0, 9000),
        tape.placed(0, "b2", "buy", 9.99, 4000),
        tape.placed(0, "a1", "sell", 10.02, 4000),
        tape.placed(0, "a2", "sell", 10.03, 4000),
    ]
    sides = ("sell", "buy") if both else ("sell",)
    middles = {"sell": nearest, "buy": 9.9}
    for side in sides:
        events += ladder(tape, 10, 0, size, middles[side], side)
    for number in range(1, moves + 1):
        at = number * every
        for side in sides:
            events += pulled(tape, at, number - 1, side)
        for side in sides:
            much, price = size + grows * number, middles[side] + 0.01 * (number % 2)
            events += ladder(tape, at + after, number, much, price, side)
    return [*events, tape.trade((moves + 1) * every, 10.02, 1, side="buy")]


def test_a_ladder_that_is_moved_five_times_is_a_pattern() -> None:
    (alert,) = found(moving(5))
    assert alert.reason == (
        "4 offers on demo-venue, together 4,000 ACME-USD and 33% of their side, were moved at once "
        "5 times within 50 s, last away from 10.05 to 10.08, all but unfilled and never at the "
        "touch, while the other side stood (the feed names no accounts)"
    )
    assert alert.tags == ("inferred", "anonymous")
    assert alert.confidence == 0.3
    # Of each move its orders' coming, going and coming again; and the event that settles it.
    assert len(alert.evidence_events) == 4 + 5 * 8 + 1


def test_four_times_is_none() -> None:
    assert found(moving(4)) == []
    assert len(found(moving(4), "{minimum_moves: 4}")) == 1


def test_it_is_told_again_when_it_is_twice_as_much() -> None:
    assert [one.metrics["times"] for one in found(moving(19, every=5000))] == [5, 10]
    assert [one.metrics["times"] for one in found(moving(20, every=5000))] == [5, 10, 20]


def test_so_is_what_happens_too_seldom() -> None:
    assert found(moving(5, every=59_000), "{window: 3m}") == []
    assert len(found(moving(5, every=59_000))) == 1


def test_what_is_only_cancelled_was_not_moved() -> None:
    assert found(moving(5, after=260)) == []
    assert len(found(moving(5, after=240))) == 1


def test_the_quantity_stays_the_same() -> None:
    assert found(moving(5, grows=60)) == []
    assert len(found(moving(5, grows=5))) == 1


def test_what_is_small_is_no_layer() -> None:
    assert found(moving(5, size=352)) == []  # 1,408 of 9,408
    assert len(found(moving(5, size=353))) == 1


def test_who_stands_at_the_touch_wants_to_trade() -> None:
    assert found(moving(5, nearest=10.01)) == []


def test_makers_move_both_sides() -> None:
    assert found(moving(5, both=True)) == []


def test_of_named_accounts_nothing_is_said_here() -> None:
    assert found(moving(5, investor_account="acct-1")) == []


def test_over_a_gap_nothing_is_known() -> None:
    events = moving(5)
    for place in range(len(events) - 6, 8, -8):
        moment = events[place].timestamp
        events.insert(place, Tape().gap(0, timestamp=moment, id=f"gap-{place}"))
    assert found(events) == []


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    assert_the_same_after_a_restart(rule(), moving(12, every=5000))
