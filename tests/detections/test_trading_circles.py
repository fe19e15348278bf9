"""How likely it is that parties are back where they were by chance."""

import itertools
from typing import NamedTuple

import pytest

from detections.markets.trading_circles import chance_of_rounds


class Passed(NamedTuple):
    """So much went from the one to the other."""

    seller: str
    buyer: str
    quantity: float = 10.0


@pytest.mark.parametrize("trades", range(2, 15))
def test_of_two_who_pass_one_size_to_and_fro_the_chance_is_exact(trades: int) -> None:
    often: dict[int, int] = {}
    for steps in itertools.product((1, -1), repeat=trades):
        rounds = sum(1 for place in itertools.accumulate(steps) if place == 0)
        often[rounds] = often.get(rounds, 0) + 1
    flows = [Passed("a", "b")] + [Passed("b", "a")] * (trades - 1)
    for rounds in range(trades // 2 + 2):
        exact = sum(many for found, many in often.items() if found >= rounds) / 2**trades
        assert chance_of_rounds(flows, rounds, 0.01) == pytest.approx(exact)


def test_taking_turns_all_along_is_as_rare_as_its_turns_are_many() -> None:
    flows = [Passed("a", "b"), Passed("b", "a")] * 5_000
    assert chance_of_rounds(flows[:40], 20, 0.01) == pytest.approx(2**-20)
    assert chance_of_rounds(flows, 5_000, 0.01) == 0.0
    assert 0.4 < chance_of_rounds(flows, 60, 0.01) < 0.6
