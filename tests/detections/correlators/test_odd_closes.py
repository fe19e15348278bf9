"""Markets of nobody who is named that go oddly before a reference time."""

from typing import Any

import pytest

from detections.correlators.marking_the_close import MarkingTheClose, Parameters
from tests.detections.correlators.closes import FIXING, S, after, found, mark, stamped, usual
from tests.detections.samples import Tape


def test_a_market_without_accounts_is_odd_at_most() -> None:
    tape = Tape()
    nobody: dict[str, Any] = {"buyer_account": None, "seller_account": None}
    events = usual(tape)
    for event in events:
        event.buyer_account = event.seller_account = None
    events += [*mark(tape, FIXING - 30 * S, **nobody), *mark(tape, FIXING - 9 * S, **nobody)]
    events += after(tape)
    assert found(stamped(events)) == []
    (finding,) = found(events, finds="market")
    assert finding.entities == ("ACME-USD",)
    assert finding.confidence < 0.5


def run_through(
    *, at: float = FIXING - 120 * S, times: int = 6, against: float = 0, **more: Any
) -> list[Any]:
    """Of nobody who is named: purchases at ever higher prices before the fixing, and one sale."""
    tape = Tape()
    nobody: dict[str, Any] = {"buyer_account": None, "seller_account": None}
    events = usual(tape)
    for event in events:
        event.buyer_account = event.seller_account = None
    told = {"side": "buy", **nobody, **more}
    for n in range(times):
        events.append(tape.trade(at + 10 * n * S, 10.02 + n / 100, 120 / times, **told))
        if n == 2 and against:
            sale = {**nobody, "side": "sell"}
            events.append(tape.trade(at + (10 * n + 5) * S, 10.01, against, **sale))
    events.append(tape.trade(FIXING - 20 * S, 10.0, 5, **{**told, "side": "sell"}))
    return stamped([*events, *after(tape)])


ONE_SIDED: dict[str, Any] = {
    "finds": "market",
    "minimum_move": 0.001,
    "minimum_usual_moves": 0.5,
    "minimum_side_share": 0.75,
    "minimum_volume": 2.0,
}


def test_a_price_run_through_by_one_side_is_odd_though_others_push_it_back() -> None:
    (finding,) = found(run_through(), **ONE_SIDED)
    assert finding.reason == (
        "in the last 5 min before fixing others bought 120 ACME-USD on demo-venue at 6 times, 100% "
        "of all that was traded meanwhile, and but for the largest 2.1 times the quantity that is "
        "usual; the price rose by 0.5% to 10.07, and ended at 10"
    )
    assert found(run_through(), **{**ONE_SIDED, "minimum_side_share": None}) == []


def test_a_run_of_one_side_is_far_more_than_usual_at_several_times_and_goes_far() -> None:
    least = {**ONE_SIDED, "minimum_volume": 2.0}
    assert len(found(run_through(), **least)) == 1
    assert found(run_through(), **{**ONE_SIDED, "minimum_volume": 2.1}) == []
    assert len(found(run_through(times=4), **{**ONE_SIDED, "minimum_volume": 1})) == 1
    assert found(run_through(times=3), **{**ONE_SIDED, "minimum_volume": 1}) == []
    assert found(run_through(), **{**ONE_SIDED, "minimum_move": 0.0026}) == []


@pytest.mark.parametrize("slip", [5.0, 20.0])
def test_one_price_far_off_all_others_runs_nothing_through(slip: float) -> None:
    events = run_through()
    *_, fourth, _, _, _, _ = events
    fourth.price = slip
    (finding,) = found(events, **ONE_SIDED)
    assert finding.metrics["change"] == pytest.approx(10.07 / 10.02 - 1)


def test_what_came_before_the_last_minutes_is_no_part_of_the_run() -> None:
    least = {**ONE_SIDED, "minimum_volume": 0.9}
    assert len(found(run_through(at=FIXING - 330 * S, times=7), **least)) == 1
    assert found(run_through(at=FIXING - 331 * S, times=7), **least) == []


def test_who_comes_in_on_both_sides_runs_nothing_through() -> None:
    assert len(found(run_through(against=40), **ONE_SIDED)) == 1
    assert found(run_through(against=41), **ONE_SIDED) == []


@pytest.mark.parametrize(("began", "told"), [(30, False), (240, False), (301, True)])
def test_of_a_feed_that_began_just_before_nobody_knows_what_is_usual(
    began: float, told: bool
) -> None:
    """A recording began 46 seconds before the window, in which 6 times as much was traded."""
    tape = Tape()
    first = FIXING - 300 * S - began * S
    events: list[Any] = [
        tape.trade(first + n * began * S / 20, 10 + (n % 2) / 100, 1, side="buy") for n in range(20)
    ]
    events += [
        tape.trade(FIXING - 290 * S + n * 10 * S, 10.02 + n / 100, 20, side="buy")
        for n in range(20)
    ]
    assert bool(found(stamped([*events, *after(tape)]), **ONE_SIDED)) is told


def test_what_is_usual_is_that_of_the_time_that_was_seen() -> None:
    """A market that opened half an hour before, at the same pace all the time."""
    tape = Tape()
    events: list[Any] = [
        tape.trade(FIXING - 1805 * S + n * 10 * S, 10 + n / 500, 10, side="buy") for n in range(180)
    ]
    events = stamped([*events, *after(tape)])
    told = {**ONE_SIDED, "minimum_usual_moves": 0}
    assert found(events, **{**told, "minimum_volume": 0.9}) != []
    assert found(events, **{**told, "minimum_volume": 1.1}) == []


def test_where_the_feed_does_not_tell_who_came_in_there_is_no_run() -> None:
    assert found(run_through(side=None), **ONE_SIDED) == []


def test_a_run_of_one_side_goes_on_after_a_restart() -> None:
    events, told = run_through(), Parameters(**ONE_SIDED)
    whole = found(events, **ONE_SIDED)
    assert len(whole) == 1
    for cut in range(len(events) - 12, len(events)):
        one, other = MarkingTheClose(told), MarkingTheClose(told)
        before = [finding for event in events[:cut] for finding in one.observe(event)]
        other.restore(one.snapshot())
        assert [*before, *(f for e in events[cut:] for f in other.observe(e))] == whole
