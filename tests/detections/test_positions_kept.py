"""Positions that stay where they were: no more likely than said, and what was risked."""

import random
from typing import NamedTuple

import pytest

from detections.alerting.findings import Witness
from detections.markets.counterparties import Deal
from detections.markets.positions_kept import chance_of_staying, risked_share


class Flow(NamedTuple):
    seller: str
    buyer: str
    quantity: float


def deal(seller: str, buyer: str, quantity: float, price: float | None) -> Deal:
    return Deal(0, seller, buyer, quantity, price, None, False, Witness("e", 0))


@pytest.mark.parametrize("sizes", ["one", "few", "any", "heavy"])
@pytest.mark.parametrize("number", [10, 20, 40, 100])
def test_random_trades_stay_no_oftener_than_said(sizes: str, number: int) -> None:
    chance = random.Random(7)
    size = {
        "one": lambda: 1.0,
        "few": lambda: chance.choice((1.0, 2.0, 5.0, 10.0)),
        "any": lambda: chance.lognormvariate(0, 1),
        "heavy": lambda: chance.paretovariate(0.7),
    }[sizes]
    tries = 3_000
    told = {0.1: 0, 0.01: 0}
    for _ in range(tries):
        ways = (("a", "b"), ("b", "a"))
        flows = [Flow(*chance.choice(ways), size()) for _ in range(number)]
        likely = chance_of_staying(flows)
        for level in told:
            told[level] += likely <= level
    for level, times in told.items():
        assert times / tries <= level


def test_what_goes_to_and_fro_hardly_comes_about_by_chance() -> None:
    flows = [Flow(*(("a", "b"), ("b", "a"))[i % 2], 5.0 + i % 3 / 100) for i in range(30)]
    assert chance_of_staying(flows) < 1e-6
    assert chance_of_staying(flows[:10]) > 1e-3
    one_way = [Flow("a", "b", 5.0) for _ in range(30)]
    assert chance_of_staying(one_way) > 0.1


def test_it_does_not_matter_where_the_first_known_trade_began() -> None:
    flows = [Flow(*(("a", "b"), ("b", "a"))[i % 2], 5.0) for i in range(30)]
    assert chance_of_staying(flows[1:]) < 1e-6
    assert chance_of_staying([Flow("a", "b", 50.0), *flows, *flows]) < 1e-6


def test_nothing_is_risked_at_one_price_whichever_way_the_market_goes() -> None:
    deals = [deal(*(("a", "b"), ("b", "a"))[i % 2], 2.0, 100.0 + 10 * (i // 2)) for i in range(20)]
    assert risked_share(deals) == 0
    assert risked_share([deal(d.seller, d.buyer, d.quantity, None) for d in deals]) == 0


def test_gains_and_losses_that_come_to_nothing_were_risked() -> None:
    deals = list[Deal]()
    for number in range(10):
        up = 1.0 if number % 2 else -1.0
        deals += [deal("m", "c", 2.0, 100.0), deal("c", "m", 2.0, 100.0 + up)]
    assert risked_share(deals) == pytest.approx(0.01, rel=0.01)


def test_what_never_came_back_was_all_risked() -> None:
    assert risked_share([deal("a", "b", 2.0, 100.0)]) == 1
