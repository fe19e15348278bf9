"""Whether somebody is right more often than a coin, at any look."""

import random
from itertools import product

import pytest

from detections.baselines.coin import (
    Wager,
    chance_of_a_coin,
    chance_to_be_right,
    coin_that_goes_with,
)


def test_a_game_against_a_coin_is_fair() -> None:
    sizes = [random.Random(1).uniform(1, 5) for _ in range(10)]
    whole = 0.0
    for guesses in product((True, False), repeat=10):
        wager = Wager()
        for size, right in zip(sizes, guesses, strict=True):
            wager.guessed(chance_to_be_right(size), right=right)
        whole += wager.worth
    assert whole / 2**10 == pytest.approx(1)


def test_a_game_stays_fair_where_parts_are_bet() -> None:
    parts = [random.Random(2).random() for _ in range(10)]
    whole = 0.0
    for guesses in product((True, False), repeat=10):
        wager = Wager()
        for part, right in zip(parts, guesses, strict=True):
            wager.guessed(chance_to_be_right(3), right=right, part=part)
        whole += wager.worth
    assert whole / 2**10 == pytest.approx(1)


@pytest.mark.parametrize("falls_so", [0.6, 0.9])
def test_a_game_against_a_coin_that_mostly_falls_one_way_is_fair(falls_so: float) -> None:
    likely, wager = chance_to_be_right(3, falls_so), Wager(placed=1.0)
    wager.guessed(likely, right=True, coin=falls_so)
    other = Wager(placed=1.0)
    other.guessed(likely, right=False, coin=falls_so)
    assert falls_so * wager.worth + (1 - falls_so) * other.worth == pytest.approx(2)
    assert (wager.worth + other.worth) / 2 < 2, "and no better if it is fair after all"


def test_a_coin_goes_with_what_mostly_goes_one_way() -> None:
    assert coin_that_goes_with(0, 0) == 0.75
    assert coin_that_goes_with(8, 8) == pytest.approx(0.95)
    assert coin_that_goes_with(60, 100) == pytest.approx(61.5 / 102)
    assert coin_that_goes_with(0, 100) == 0.5, "who says the other way is no surer to be right"


@pytest.mark.parametrize("rises", [0.5, 0.65, 0.9, 0.97, 1.0])
@pytest.mark.parametrize("saves", [True, False])
def test_who_knows_nothing_is_hardly_ever_there_whichever_way_it_mostly_goes(
    rises: float, saves: bool
) -> None:
    """Who always says that it rises, and who says it as often as not."""
    chance, people, limit = random.Random(3), 400, 0.05
    there = 0
    for _ in range(people):
        both, ways, rose = Wager(), (Wager(), Wager()), 0
        for times in range(120):
            up, says = chance.random() < rises, saves or chance.random() < 0.5
            coin = coin_that_goes_with(rose if says else times - rose, times)
            for wager in (both, ways[says]):
                wager.guessed(chance_to_be_right(4, coin), right=up is says, coin=coin)
            rose += up
            if chance_of_a_coin(both, *ways) <= limit:
                there += 1
                break
    assert there <= people * limit


@pytest.mark.parametrize("limit", [0.2, 0.05])
def test_who_guesses_hardly_ever_gets_there_however_often_one_looks(limit: float) -> None:
    chance, people = random.Random(2), 1_000
    there = 0
    for _ in range(people):
        both, ways = Wager(), (Wager(), Wager())
        for _ in range(300):
            likely = chance_to_be_right(chance.uniform(1, 6))
            right = chance.random() < 0.5
            for wager in (both, ways[chance.random() < 0.5]):
                wager.guessed(likely, right=right)
            if right and chance_of_a_coin(both, *ways) <= limit:
                there += 1
                break
    assert people * limit / 20 < there <= people * limit


def chance_after(*guesses: bool) -> float:
    wager = Wager()
    for right in guesses:
        wager.guessed(chance_to_be_right(3), right=right)
    return chance_of_a_coin(wager)


def test_who_begins_to_know_late_is_found_a_little_later() -> None:
    before = [number % 2 == 0 for number in range(200)]
    assert chance_after(*[True] * 8) < 0.02
    assert chance_after(*before) > 0.9
    assert chance_after(*before, *[True] * 25) < 0.02


def test_to_be_wrong_about_much_tells_most_against_it() -> None:
    small, large = Wager(placed=1.0), Wager(placed=1.0)
    small.guessed(chance_to_be_right(1), right=False)
    large.guessed(chance_to_be_right(6), right=False)
    assert large.worth < small.worth
    assert chance_to_be_right(1) == pytest.approx(2 / 3)
    assert chance_to_be_right(2) == pytest.approx(4 / 5)


def test_absurd_numbers_are_no_trouble() -> None:
    assert chance_to_be_right(1e9) == 1
    assert chance_after(*[True] * 5_000) > 0
    assert 0 < chance_after(*[True] * 5_000, *[False] * 5_000) <= 1
    assert chance_of_a_coin(Wager()) == 1
