"""A market of two pools in which everybody is honest: traders who come and go, some of them all the
time and in round amounts, arbitrageurs between the pools and a venue. Nobody is accused."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from detections.correlators.base import Correlator
from detections.correlators.pool_round_trips import Parameters as RoundTripParameters
from detections.correlators.pool_round_trips import PoolRoundTrips
from detections.correlators.pool_transaction_wash import Parameters as TransactionParameters
from detections.correlators.pool_transaction_wash import PoolTransactionWash
from detections.correlators.rug_pull import Parameters as RugPullParameters
from detections.correlators.rug_pull import RugPull
from detections.correlators.sandwich import Parameters as SandwichParameters
from detections.correlators.sandwich import Sandwich
from tests.detections.correlators.pool_tape import OTHER_POOL, POOL, UNIT, Chain

FEE = 0.003
LOTS = (10, 50, 100, 500, 1_000)
BLOCKS = 1_200


class Pool:
    """A constant product with its fee, in whole units."""

    def __init__(self, chain: Chain, address: str, token: float) -> None:
        self.chain, self.address = chain, address
        self.token: float = token
        self.quote: float = token

    @property
    def price(self) -> float:
        return self.quote / self.token

    def swap(self, at: tuple[int, int], who: int, token: float, **more: Any) -> Any:
        """`token` positive: bought."""
        token = min(token, self.token / 5)
        if token > 0:
            quote = -self.quote * token / (self.token - token) / (1 - FEE)
        else:
            kept = -token * (1 - FEE)
            quote = self.quote * kept / (self.token + kept)
        self.token -= token
        self.quote -= quote
        told: dict[str, Any] = {
            "pool": self.address,
            "pool_price": self.price,
            "reserve0_raw": str(round(self.token * UNIT)),
            "reserve1_raw": str(round(self.quote * UNIT)),
            "liquidity": str(round((self.token * self.quote) ** 0.5 * UNIT)),
        }
        return self.chain.swap(at, who, token, quote, **told, **more)


def honest_market(seed: int) -> Iterator[Any]:
    chance, chain, venue = random.Random(seed), Chain(), 1.0
    pools = [Pool(chain, POOL, 1e6), Pool(chain, OTHER_POOL, 5e5)]
    for block in range(BLOCKS):
        venue *= 1 + chance.gauss(0, 0.0008)
        place = 0
        for pool in pools:
            for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
                # A third of all swaps are of twenty who never sleep.
                who = chance.randrange(100, 400) if chance.random() < 0.7 else chance.randrange(20)
                lot = chance.random() < 0.5
                size = chance.choice(LOTS) if lot else chance.lognormvariate(4.5, 1.2)
                yield pool.swap((block, place), 100 + who, chance.choice((size, -size)))
                place += 1
        for pool in pools:
            gap = venue / pool.price - 1
            if abs(gap) > 0.004:
                bot = chance.randrange(600, 604)
                own = {"transaction_to": f"0x{bot:040x}"}
                yield pool.swap((block, place), bot, pool.token * gap / 2, **own)
                place += 1
        cheap, dear = sorted(pools, key=lambda one: one.price)
        if dear.price / cheap.price > 1.007:
            size = cheap.token * (dear.price / cheap.price - 1) / 8
            yield cheap.swap((block, place), 700, size, transaction_to=f"0x{700:040x}")
            yield dear.swap((block, place), 700, -size, transaction_to=f"0x{700:040x}")


@pytest.mark.parametrize("seed", [1, 2])
def test_nobody_is_accused(seed: int) -> None:
    detections: list[Correlator[Any]] = [
        Sandwich(SandwichParameters()),
        Sandwich(SandwichParameters(blocks=3, minimum_times=3)),
        PoolRoundTrips(RoundTripParameters(minimum_gross=1_000)),
        PoolTransactionWash(TransactionParameters(minimum_gross=1_000)),
        RugPull(RugPullParameters()),
    ]
    swaps, ways = 0, set[str]()
    for event in honest_market(seed):
        swaps += 1
        ways.add(event.side)
        for detection in detections:
            assert list(detection.observe(event)) == []
    assert swaps > 2_500
    assert ways == {"buy", "sell"}
