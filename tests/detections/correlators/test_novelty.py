"""Novelty: what is unlike all others is found, with its reasons, and honest variety is not."""

import random
from typing import Any

import pytest

from detections.correlators.novelty import Novelty, Parameters
from detections.isolation import Forest
from detections.rules.loading import parse_rules
from pipeline.problems import ProblemsFound
from tests.detections.samples import HEADER, Tape

DAY = 86_400_000
"""In milliseconds, as the tape counts."""
PARAMETERS = Parameters(pattern="account", minimum_events=10, minimum_rows=60, trees=50)


def market(days: int, seed: int, *, odd_on: tuple[int, ...] = ()) -> list[Any]:
    chance, tape, events = random.Random(seed), Tape(), list[Any]()
    for day in range(days):
        for number in range(12):
            for _ in range(10 + chance.randrange(10)):
                at, other = (day + chance.random()) * DAY, chance.randrange(12)
                if other == number:
                    continue
                mine = {"buyer_account": f"a{number}", "seller_account": f"a{other}"}
                size = float(chance.choice((1, 2, 5, 10, 20)))
                price = 10 + chance.gauss(0, 0.1)
                events.append(tape.trade(at, price, size, side="buy", **mine))
                if chance.random() < 0.5:
                    mine = {"investor_account": f"a{number}"}
                    events.append(tape.placed(at, "o", "buy", 10.0, 5.0, **mine))
                    if chance.random() < 0.5:
                        events.append(tape.cancelled(at, "o", **mine))
    for day in odd_on:
        for step in range(200):
            at = day * DAY + step * 100
            events.append(tape.placed(at, "x", "buy", 10.0, 5.0, investor_account="odd"))
            events.append(tape.cancelled(at + 1, "x", investor_account="odd"))
        for step in range(10):
            mine = {"buyer_account": "odd", "seller_account": f"a{step}"}
            events.append(tape.trade(day * DAY + step, 10.0, 500.0, side="buy", **mine))
    end = tape.trade((days + 1) * DAY, 10.0, 5.0, buyer_account="a1", seller_account="a2")
    events.append(end)
    return sorted(events, key=lambda one: one.timestamp)


def found(novelty: Novelty, events: list[Any]) -> list[Any]:
    return [one for event in events for one in novelty.observe(event)]


def test_an_account_unlike_all_others_is_found_with_what_made_the_score() -> None:
    (finding,) = found(Novelty(PARAMETERS), market(7, 1, odd_on=(7,)))
    assert finding.entities == ("odd",)
    assert finding.reason.startswith("odd was unlike all others in 24 h, with a score of 0.")
    effects = [name for name in finding.metrics if name.startswith("effect_")]
    assert len(effects) == 3
    assert "(usual " in finding.reason
    assert 0.05 <= finding.confidence <= 0.5
    assert finding.witnesses
    assert finding.of_event is False


@pytest.mark.parametrize("seed", range(3))
def test_honest_variety_is_not_strange(seed: int) -> None:
    assert len(found(Novelty(PARAMETERS), market(12, 10 + seed))) <= 1


def test_the_strangest_of_honest_accounts_is_seldom_so_by_enough_to_be_named() -> None:
    events = market(22, 30)

    def named(false_alerts: float) -> int:
        terms = Parameters(
            pattern="account", minimum_events=10, minimum_rows=60, trees=20, minimum_score=0.0,
            quantile=1.0, maximum_false_alerts=false_alerts,
        )  # fmt: skip
        return len(found(Novelty(terms), events))

    assert named(1_000.0) >= 4, "some score is the highest ever every now and then"
    assert named(0.02) <= 1, "0.02 a day of 17 days, and chance"


def test_nothing_is_said_before_enough_is_known() -> None:
    assert found(Novelty(PARAMETERS), market(4, 1, odd_on=(4,))) == []


def test_what_is_strange_is_not_learnt_until_it_goes_on() -> None:
    parameters = Parameters(
        pattern="account", minimum_events=10, minimum_rows=60, trees=50, accepted=3
    )
    novelty = Novelty(parameters)
    found(novelty, market(11, 1, odd_on=(6, 7, 8, 9, 10)))
    odd = novelty.state.entities["odd"]
    assert 0 < odd.usual.periods <= 3, "the first two were not learnt"
    assert odd.strange >= 3


def test_the_sample_is_bounded() -> None:
    novelty = Novelty(Parameters(pattern="account", minimum_events=10, memory=100))
    found(novelty, market(14, 1))
    assert len(novelty.state.rows) == 100
    assert novelty.state.seen > 100


def test_saved_in_the_middle_it_finds_the_same() -> None:
    events = market(7, 1, odd_on=(7,))
    first, second = Novelty(PARAMETERS), Novelty(PARAMETERS)
    straight = found(first, events)
    cut = len(events) * 2 // 3
    rest = found(second, events[:cut])
    second.restore(second.snapshot())
    rest += found(second, events[cut:])
    assert rest == straight
    assert straight
    assert first.snapshot() == second.snapshot()


def test_the_same_rows_give_the_same_scores() -> None:
    chance = random.Random(1)
    rows = [[chance.gauss(0, 1) for _ in range(5)] for _ in range(100)]
    far = [0.0, 0.0, 9.0, 0.0, 0.0]
    one, other = Forest(rows, 50), Forest(rows, 50)
    assert one.score([far]) == other.score([far])
    assert one.drivers(far)[0].place == 2


def test_a_rule_above_medium_is_refused() -> None:
    rule = HEADER.replace("level: high", "level: {}")
    body = "correlator: novelty\nparameters: {{pattern: asset}}\n"
    assert parse_rules((rule + body).format("medium").encode()).correlators
    with pytest.raises(ProblemsFound, match="can't have the level high") as problems:
        parse_rules((rule + body).format("high").encode())
    assert "medium or lower" in str(problems.value.problems[0].expected)
