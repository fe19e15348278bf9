"""Sizes that look made up, and honest ones of several kinds."""

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.wash_statistics import Parameters, WashStatistics
from detections.markets.size_statistics import BENFORD, chance_of_digits, deviation, traits
from detections.proportions import wilson
from tests.detections.samples import Tape

DAY = 86_400_000.0


def tape(size: Callable[[random.Random], float], count: int = 2_500, start: float = 0) -> list[Any]:
    chance, made = random.Random(7), Tape()
    return [
        made.trade(start + number * 100, 10.0, size(chance)) for number in range(count)
    ]  # fmt: skip


def found(events: list[Any], **parameters: Any) -> list[Finding]:
    correlator = WashStatistics(Parameters(**parameters))
    return [finding for event in events for finding in correlator.observe(event)]


def made_up(chance: random.Random) -> float:
    """Uniform within each of three magnitudes, with eight decimals."""
    return round(chance.uniform(1, 10) * 10 ** chance.randrange(3), 8)


def benford(chance: random.Random) -> float:
    return round(10 ** chance.uniform(0, 3), 8)


def people(chance: random.Random) -> float:
    """Round sizes as people like them, of digits that are nobody's law."""
    return chance.choice((1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 0.5)) * chance.choice((1, 1, 1, 2))


def test_uniform_sizes_without_a_round_one_are_made_up() -> None:
    (one,) = found(tape(made_up))
    assert one.metrics["trades"] == 2_000
    assert one.metrics["deviation"] > 0.03
    assert one.metrics["round_share"] < 0.01
    assert one.entities == ("ACME-USD", "demo-venue")
    assert one.confidence < 0.7


@pytest.mark.parametrize("size", [benford, people])
def test_honest_sizes(size: Callable[[random.Random], float]) -> None:
    assert found(tape(size)) == []


def test_whole_lots_have_odd_digits_and_are_round() -> None:
    assert found(tape(lambda chance: float(chance.choice((7, 70, 700))))) == []


def test_within_one_magnitude_the_law_holds_for_nobody() -> None:
    assert found(tape(lambda chance: chance.uniform(1, 10))) == []


def test_some_round_ones_are_enough_to_be_people() -> None:
    def mixed(part: float) -> Callable[[random.Random], float]:
        return lambda chance: people(chance) if chance.random() < part else made_up(chance)

    assert found(tape(mixed(0.3))) == []
    assert len(found(tape(mixed(0.2)))) == 1, "people's are there, beside those that are made up"


def test_too_few_trades_and_a_day_of_its_own() -> None:
    assert found(tape(made_up, 1_999)) == []
    assert found([*tape(made_up, 1_500), *tape(made_up, 1_500, start=DAY)]) == []
    assert len(found([*tape(made_up, 3_000), *tape(made_up, 3_000, start=DAY)])) == 2


def test_it_looks_again_when_there_are_twice_as_many() -> None:
    events = [*tape(benford, 2_000), *tape(made_up, 6_000, start=200_000)]
    (one,) = found(events)
    assert one.metrics["trades"] == 4_000 or one.metrics["trades"] == 8_000


def test_what_is_looked_at_of_a_size() -> None:
    assert traits(0.012) == (1, -2, True)
    assert traits(250.0) == (2, 2, True)
    assert traits(0.1 + 0.2) == (3, -1, True)
    assert traits(123.4) == (1, 2, False)
    assert traits(9_999_999.0) == (9, 6, False)


def test_the_figures_of_the_tests() -> None:
    assert math.isclose(sum(BENFORD), 1)
    exact = [round(10_000_000 * part) for part in BENFORD]
    assert deviation(exact) < 1e-6
    assert chance_of_digits(exact) > 0.99
    # Chi-square of 8 degrees of freedom: 15.507 is the 95% quantile.
    counts = [round(10_000 * part) for part in BENFORD]
    shift = round(math.sqrt(15.507 / (1 / counts[0] + 1 / counts[1])))
    counts[0] += shift
    counts[1] -= shift
    assert 0.03 < chance_of_digits(counts) < 0.07
    assert wilson(0, 100, 1.96).high < 0.05
    assert wilson(50, 100, 1.96).high > 0.5


def test_saved_and_restored_it_goes_on() -> None:
    straight, broken = WashStatistics(Parameters()), WashStatistics(Parameters())
    expected: list[Finding] = []
    came: list[Finding] = []
    for number, event in enumerate(tape(made_up)):
        expected += straight.observe(event)
        if number == 1_234:
            state = broken.snapshot()
            broken = WashStatistics(Parameters())
            broken.restore(state)
        came += broken.observe(event)
    assert expected
    assert came == expected
