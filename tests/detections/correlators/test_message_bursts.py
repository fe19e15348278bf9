"""Bursts of messages on feeds that name nobody: each condition, and what is no stuffing."""

from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.message_bursts import MessageBursts, Parameters
from normalizer.events.market import OrderReceived
from pipeline.units import SECOND
from tests.detections.samples import START, Tape

NOBODY: dict[str, Any] = {"investor_account": None, "investor_id": None}


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    detection = MessageBursts(Parameters(minimum_messages=100, **parameters))
    return [finding for event in events for finding in detection.observe(event)]


def usual(tape: Tape, windows: int = 8, each: int = 5) -> list[Any]:
    """A few orders in every five seconds."""
    return [
        tape.placed(5_000 * window + 100 * number, f"u{window}-{number}", "buy", 10, 1, **NOBODY)
        for window in range(windows)
        for number in range(each)
    ]


def burst(
    tape: Tape, start: float = 40_000, orders: int = 60, *, stay: int = 0, **who: Any
) -> list[Any]:
    """Orders that come and go, but for those that stay."""
    events: list[Any] = []
    for number in range(orders):
        at, order = start + 20 * number, f"b{number}"
        events.append(tape.placed(at, order, "buy", 9.9, 1, **(NOBODY | who)))
        if number >= stay:
            events.append(tape.cancelled(at + 5, order, **(NOBODY | who)))
    return events


def test_it_says_how_many_against_what_is_usual_and_that_nobody_is_named() -> None:
    tape = Tape()
    (finding,) = found([*usual(tape), *burst(tape)])
    assert finding.reason == (
        "100 messages about orders of ACME-USD came on demo-venue within 0.985 s, 20 times what is "
        "usual, 100% of the orders gone again, with no trade; the feed doesn't say whose they are"
    )
    assert finding.tags == ("anonymous",)
    assert finding.confidence < 0.6
    assert len(finding.witnesses) == 100


def test_a_burst_that_goes_on_tells_when_it_has_doubled() -> None:
    tape = Tape()
    metrics = [one.metrics for one in found([*usual(tape), *burst(tape, orders=110)])]
    assert [one["messages"] for one in metrics] == [100, 200]
    assert [one["alert_of_series"] for one in metrics] == [1, 2]


@pytest.mark.parametrize(
    ("windows", "how"),
    [(5, {}), (8, {"orders": 49}), (8, {"stay": 30}), (8, {"investor_account": "acct-1"})],
    ids=["little known", "one less", "half stay", "of a named account"],
)
def test_each_condition_just_missed(windows: int, how: dict[str, Any]) -> None:
    tape = Tape()
    assert found([*usual(tape, windows), *burst(tape, **how)]) == []


def test_where_as_much_is_usual_it_is_none() -> None:
    tape = Tape()
    assert found([*usual(tape, each=16), *burst(tape)]) == []
    busy = Tape()
    once = burst(busy, 20_000)
    events = [*usual(busy, 4), *once, *usual(busy)[20:]]
    # What comes now and then in such a market is no more than twice the most of it.
    assert found(sorted([*events, *burst(busy)], key=lambda one: one.timestamp)) == []


def test_one_order_that_names_an_account_hides_no_burst_of_later() -> None:
    tape = Tape()
    named = tape.placed(50, "named", "buy", 10, 1, investor_account="acct-1")
    events = [*usual(tape, 9)[:40], *burst(tape, 40_000)]
    assert len(found([named, *events])) == 1
    named = tape.placed(40_001, "named", "buy", 10, 1, investor_account="acct-1")
    assert found(sorted([named, *events], key=lambda one: one.timestamp)) == []


def test_news_makes_trades_too() -> None:
    tape = Tape()
    trades = [tape.trade(40_000 + 10 * number, 10, 1) for number in range(5)]
    events = sorted([*usual(tape), *burst(tape), *trades], key=lambda one: one.timestamp)
    assert found(events) == []


def test_a_maker_who_takes_all_his_old_orders_off_stuffs_nothing() -> None:
    tape = Tape()
    events = usual(tape, 9, each=14)
    pulled = [tape.cancelled(45_001 + n, one.order_id, **NOBODY) for n, one in enumerate(events)]
    new = tape.placed(45_000, "new", "buy", 10, 1, **NOBODY)
    assert found([*events, new, *pulled]) == []


@pytest.mark.parametrize("every", [1, 5])
def test_what_comes_again_and_again_is_usual_then(every: int) -> None:
    tape = Tape()
    quiet = usual(tape, 400)
    bursts = [
        event
        for window in range(8, 400, every)
        for event in burst(tape, 5_000 * window + 2_000, orders=70)
    ]
    larger = [one for part in range(5) for one in burst(tape, 5_000 * 400 + part, orders=200)]
    events = sorted([*quiet, *bursts], key=lambda one: one.timestamp)
    assert len(found(events)) == 7
    larger.sort(key=lambda one: one.timestamp)
    assert len(found([*events, *larger])) > 7


def test_an_order_that_is_told_twice_counts_once() -> None:
    tape = Tape()
    events = [*usual(tape), *burst(tape)]
    doubled = [
        one
        for event in events
        for one in ((_received(event), event) if "Placed" in type(event).__name__ else (event,))
    ]
    assert [one.metrics["messages"] for one in found(doubled)] == [100]


def _received(event: Any) -> Any:
    names = OrderReceived.__struct_fields__
    values = {name: getattr(event, name) for name in event.__struct_fields__ if name in names}
    return OrderReceived(**{**values, "id": event.id + "r"})


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    tape = Tape()
    events = [*usual(tape), *burst(tape, orders=110)]
    expected = found(events)
    for cut in range(0, len(events), 40):
        parameters = Parameters(minimum_messages=100)
        first, second = MessageBursts(parameters), MessageBursts(parameters)
        before = [one for event in events[:cut] for one in first.observe(event)]
        second.restore(first.snapshot())
        assert before + [one for event in events[cut:] for one in second.observe(event)] == expected


def test_what_came_right_before_or_after_a_burst_belongs_to_it_and_is_not_usual() -> None:
    """The clock parts a burst where it likes: its smaller part would hide the next one."""
    tape = Tape()
    bursts = [
        burst(tape, 40_000 - 20 * 45, orders=160),  # 90 messages before the clock strikes
        burst(tape, 80_000 - 20 * 85, orders=170),  # 170 on each side of it
        burst(tape, 120_000 - 20 * 115, orders=160),  # and 90 behind it
        burst(tape, 160_000 - 20 * 85, orders=170),
    ]
    events = sorted(
        [*usual(tape, 40), *(one for some in bursts for one in some)],
        key=lambda one: one.timestamp,
    )
    told = [round((one.witnesses[-1].timestamp - START) / (40 * SECOND)) for one in found(events)]
    assert sorted(set(told)) == [1, 2, 3, 4]
