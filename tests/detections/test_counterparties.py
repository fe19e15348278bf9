"""Who trades with whom: what is asked first, against what it stands for."""

import random

import pytest

from detections.markets.counterparties import Counterparties
from detections.markets.trading_circles import Edge, circles_around

_AROUND = 6


def _reached(start: str, edges: set[Edge]) -> set[str]:
    found = {start}
    while more := {buyer for seller, buyer in edges if seller in found} - found:
        found |= more
    return found


def _component(one: str, other: str, edges: set[Edge]) -> set[str] | None:
    behind = {(buyer, seller) for seller, buyer in edges}
    members = _reached(one, edges) & _reached(one, behind)
    return members if other in members else None


@pytest.mark.parametrize("seed", range(20))
def test_who_is_not_bound_is_in_no_circle(seed: int) -> None:
    chosen = random.Random(seed)
    known, generation, answers = Counterparties(), 1, {True: 0, False: 0}
    names = [f"party-{n}" for n in range(12)]
    for number in range(600):
        if chosen.random() < 0.01:
            generation += chosen.choice((1, 1, 2))
        if number == 400:
            known.forget_young()
        # Mostly from the first ones to the last, so that little comes back.
        sides = chosen.sample(names, 2)
        seller, buyer = sorted(sides) if chosen.random() < 0.85 else sides
        known.met(seller, buyer, generation)
        around = known.surroundings(seller, _AROUND)
        weights = known.weights(around)
        circles, steps = circles_around(seller, buyer, weights)
        if seller in known.near and buyer in known.near[seller]:
            bound = known.is_bound(seller, buyer, around)
            assert bound is bool(circles)
            assert bound or known.ways(around) == steps
            answers[bound] += 1
    assert min(answers.values()) > 20


@pytest.mark.parametrize("seed", range(20))
def test_layers_are_those_with_one_trade_less_each(seed: int) -> None:
    chosen = random.Random(seed)
    names = [f"party-{n}" for n in range(7)]
    weights = {
        (one, other): chosen.choice((0, 1, 1, 2, 3, 5, 19))
        for one in names
        for other in names
        if one != other and chosen.random() < 0.7
    }
    seller, buyer = chosen.sample(names, 2)
    often: dict[tuple[str, ...], int] = {}
    for level in range(1, 20):
        edges = {edge for edge, weight in weights.items() if weight >= level}
        if (members := _component(seller, buyer, edges)) is None:
            break
        layer = tuple(sorted(members))
        often[layer] = often.get(layer, 0) + 1
    found = circles_around(seller, buyer, weights).circles
    assert [(one.members, one.occurrences) for one in found] == list(often.items())
