"""As much taken the other way right after, on a tape that names nobody."""

from random import Random
from typing import Any

import pytest

from detections.alerting.findings import Witness
from detections.correlators.inferred_reversal import InferredReversal, Parameters
from detections.markets.side_tape import Print, SideTape
from detections.rules import RuleSet
from normalizer.events import Alert
from pipeline.units import SECOND
from tests.detections.correlators.restarts import assert_the_same_after_a_restart
from tests.detections.samples import HEADER, Tape, alerts, correlator

RUN = (10.01, 10.02, 10.01, 10.03, 10.04)
BACK = (10.02, 10.01, 10.0, 9.99)
STEPS = 31
MINUTE = 60_000


def rule(parameters: str = "{}") -> RuleSet:
    return correlator("inferred_reversal", parameters, HEADER.replace("high", "medium"))


def found(events: list[Any], parameters: str = "minimum_turns: 1") -> list[Alert]:
    return alerts(rule(f"{{{parameters}}}"), events)


def quiet(tape: Tape, steps: int = STEPS) -> list[Any]:
    """Ten are traded in each five seconds: 60 in as long a time as the window."""
    return [
        tape.trade(5_000 * step, 10.0, 10, side="sell" if step % 2 else "buy")
        for step in range(steps)
    ]


def turned(
    tape: Tape,
    at: float,
    *,
    run: tuple[float, ...] = RUN,
    back: tuple[float, ...] = BACK,
    size: float = 30,
    size_back: float = 30,
    after: float = 3_000,
    every: float = 1_000,
    side: str = "buy",
) -> list[Any]:
    """Some take it up at these prices, and after a while some take it down again."""
    other = "sell" if side == "buy" else "buy"
    events = [
        tape.trade(at + every * place, price, size, side=side) for place, price in enumerate(run)
    ]
    then = at + every * (len(run) - 1) + after
    return [
        *events,
        *(
            tape.trade(then + every * place, price, size_back, side=other)
            for place, price in enumerate(back)
        ),
    ]


def scene(*, steps: int = STEPS, first: dict[str, Any] | None = None, **how: Any) -> list[Any]:
    tape = Tape(**(first or {}))
    return [*quiet(tape, steps), *turned(tape, 5_000 * steps + 21_000, **how)]


def test_as_much_one_way_and_then_the_other_is_told() -> None:
    events = scene()
    (alert,) = found(events)
    assert alert.reason == (
        "within 10 s others bought 150 ACME-USD on demo-venue at 4 prices, 100% of all that was "
        "traded, and then sold 120 at 4 prices, 100% of all; together 5.1 times what is usual in "
        "30 s (the feed names no accounts)"
    )
    assert alert.tags == ("inferred", "anonymous")
    assert 0.2 < alert.confidence < 0.3
    assert list(alert.evidence_events) == [one.id for one in events[STEPS:]]


def test_downwards_too() -> None:
    (alert,) = found(scene(side="sell"))
    assert "others sold 150" in alert.reason
    assert "and then bought 120" in alert.reason


def test_before_it_is_known_what_is_usual_nothing_is_said() -> None:
    # Of the steps till then 24 are known: those that may be part of it aren't learnt yet.
    assert found(scene(steps=STEPS - 11)) == []
    assert len(found(scene(steps=STEPS - 10))) == 1


def test_little_is_nothing() -> None:
    assert found(scene(size=17, size_back=17)) == []
    assert len(found(scene(size=18, size_back=18))) == 1


def test_who_takes_much_less_back_turned_nothing_around() -> None:
    assert found(scene(size=40, size_back=20)) == []
    assert len(found(scene(size=40, size_back=20), "minimum_turns: 1, minimum_likeness: 40%")) == 1


def test_one_order_and_one_price_are_no_series() -> None:
    assert found(scene(every=0)) == []
    assert found(scene(run=(10.01, 10.02, 10.03, 10.02, 10.01))) == []
    assert found(scene(back=(10.02, 10.01, 10.0, 10.01))) == []


def test_what_comes_long_after_is_another_matter() -> None:
    assert found(scene(after=26_000)) == []


def test_others_come_in_the_other_way_meanwhile() -> None:
    tape = Tape()
    tape.number = 1_000
    events = scene()
    at = 5_000 * STEPS + 21_000 + 2_500
    events.insert(STEPS + 3, tape.trade(at, 10.0, 60, side="sell"))
    assert found(events) == []


def turns(*minutes: float) -> list[Any]:
    tape = Tape()
    events = quiet(tape)
    for at in minutes:
        events += turned(tape, 5_000 * STEPS + 21_000 + at * MINUTE)
    return events


def test_once_it_happens_by_itself_and_twice_within_ten_minutes_it_is_told() -> None:
    assert found(turns(0), "") == []
    assert found(turns(0, 11), "") == []
    events = turns(0, 9)
    (alert,) = found(events, "")
    assert "in 30 s, one of 2 such turns within 10 min (the feed" in alert.reason
    assert list(alert.evidence_events) == [one.id for one in events[STEPS:]]


def test_it_is_told_again_when_as_many_more_came() -> None:
    told = found(turns(*range(9), *(one + 60 * 25 for one in (0, 1))), "")
    assert [alert.metrics["times"] for alert in told] == [2, 2, 4, 2]
    assert len(told[2].evidence_events) == 36
    assert told[2].confidence > told[0].confidence


def test_what_was_found_is_not_learnt_as_usual() -> None:
    first, *_, last = found(turns(0, 1, 2, 3))
    assert last.metrics["volume_multiple"] > first.metrics["volume_multiple"]


def test_of_named_accounts_nothing_is_said_here() -> None:
    assert found(scene(first={"seller_account": "acct-1"})) == []


def test_of_many_trades_those_of_both_ways_are_evidence() -> None:
    many = tuple(10.0 + number / 1_000 for number in range(100))
    events = scene(run=many, back=many[::-1], size=3, size_back=3, every=50)
    (alert,) = found(events)
    back = len(alert.evidence_events) // 2
    ran, came = events[STEPS : STEPS + 100], events[STEPS + 100 :]
    assert set(alert.evidence_events[:back]) <= {one.id for one in ran}
    assert set(alert.evidence_events[back:]) <= {one.id for one in came}


@pytest.mark.parametrize("seed", range(20))
def test_what_is_not_looked_at_for_there_is_too_little_is_nothing(seed: int) -> None:
    chance, tape, at = Random(seed), Tape(), 0.0
    events = quiet(tape)
    at = 5_000.0 * STEPS + 21_000
    for _ in range(300):
        up = chance.random() < 0.5
        for _ in range(chance.randrange(1, 12)):
            at += chance.choice((100, 1_000))
            side = "buy" if up is (chance.random() < 0.9) else "sell"
            price = 10.0 + chance.randrange(6) / 100
            events.append(tape.trade(at, price, chance.choice((1, 10, 30)), side=side))
    quick, plain = (
        InferredReversal(
            Parameters(
                minimum_turns=1, minimum_times=2, minimum_prices=2, minimum_likeness=0.3,
                minimum_volume=1.0, minimum_deviations=0.5, minimum_side_share=0.6,
            )
        )
        for _ in range(2)
    )  # fmt: skip
    plain.least = 0.0
    told = [[one for event in events for one in each.observe(event)] for each in (quick, plain)]
    assert told[0] == told[1]
    assert told[0]


def test_steps_that_the_window_reaches_into_are_not_learnt_yet() -> None:
    tape = SideTape()
    for second, quantity in ((0, 1.0), (5, 2.0), (11, 3.0)):
        seen = Witness(id=f"t{second}", timestamp=second * SECOND)
        tape.add(Print(True, 10.0, quantity, seen), 7 * SECOND, 5 * SECOND, None)
    assert tape.bought == 5.0
    assert [quantity for _, quantity, _ in tape.ended] == [1.0, 2.0]
    seen = Witness(id="t", timestamp=15 * SECOND)
    tape.add(Print(True, 10.0, 4.0, seen), 7 * SECOND, 5 * SECOND, None)
    assert [quantity for _, quantity, _ in tape.ended] == [2.0, 3.0]


def test_saved_and_restored_in_the_middle_it_finds_the_same() -> None:
    assert_the_same_after_a_restart(rule(), turns(0, 1))
