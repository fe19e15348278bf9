"""The scripted session: who does what when, in simulated time or live.

Seeded: the same seed gives the same instructions in the same order, in both modes.
"""

import random

import msgspec

from demo.venue import facts
from demo.venue.abusive import self_trader, spoofer, wash_pair
from demo.venue.clock import SimulatedClock
from demo.venue.decoys import fat_finger, filled_block, patient_order, regular_counterparties
from demo.venue.desk import Desk
from demo.venue.exchange import Exchange
from demo.venue.facts import AccountFact
from demo.venue.ground_truth import Decoy, GroundTruth, Planted
from demo.venue.honest import FairValue, market_maker, resting_investor, taker, trend_follower
from demo.venue.stage import Stage

DURATION_SECONDS = 27.0
DEFAULT_SEED = 62  # one in which every kind of decoy happens
OPENING_PRICE = 10_000  # ticks: 100.00 USD


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What was played: the ground truth, and what compliance knows of the accounts."""

    product_id: str
    token_symbol: str
    planted: tuple[Planted, ...]
    decoys: tuple[Decoy, ...]
    accounts: tuple[AccountFact, ...]


def play(exchange: Exchange, clock: SimulatedClock, *, seed: int = DEFAULT_SEED) -> Session:
    """Play the whole session at once. `clock` must be the exchange's own."""
    stage, truth = _cast(exchange, seed)
    stage.play(clock, DURATION_SECONDS)
    return _session(truth)


async def perform(exchange: Exchange, *, seed: int = DEFAULT_SEED, speed: float = 1.0) -> Session:
    """Play the session live, in about DURATION_SECONDS / speed of wall time.

    Readers who want every order's owner subscribe before: snapshots do not say who owns what.
    """
    stage, truth = _cast(exchange, seed)
    await stage.perform(DURATION_SECONDS, speed)
    return _session(truth)


def _session(truth: GroundTruth) -> Session:
    return Session(
        product_id=facts.PRODUCT.id,
        token_symbol=facts.PRODUCT.base_currency,
        planted=tuple(truth.planted),
        decoys=tuple(truth.decoys),
        accounts=facts.ACCOUNTS,
    )


def _cast(exchange: Exchange, seed: int) -> tuple[Stage, GroundTruth]:
    stage, truth = Stage(), GroundTruth()
    fair = FairValue(OPENING_PRICE)

    def desk(account: AccountFact) -> Desk:
        return Desk(exchange, facts.PRODUCT.id, account)

    def rng(name: str) -> random.Random:
        # Each participant has its own numbers, so that one more changes no other's.
        return random.Random(f"{seed} {name}")

    for account in facts.RESTING_INVESTORS:
        stage.add(0.0, resting_investor(desk(account), rng(account.account), fair))
    for number, account in enumerate(facts.MARKET_MAKERS):
        maker = market_maker(desk(account), rng(account.account), fair, 5 + number, truth)
        stage.add(0.2 + 0.01 * number, maker)
    stage.add(2.0, fair.wander(rng("fair value"), OPENING_PRICE))
    for account in facts.TAKERS:
        stage.add(1.5, taker(desk(account), rng(account.account)))
    stage.add(2.0, trend_follower(desk(facts.SWIFT), rng("trend")))

    for number, at in enumerate((4.0, 9.2, 14.4, 21.6)):
        side = "buy" if number % 2 == 0 else "sell"
        stage.add(at, spoofer(desk(facts.MIRAGE), rng(f"spoofing {number}"), side, truth))
    for number, at in enumerate((6.0, 11.5, 18.9)):
        stage.add(at, self_trader(desk(facts.ECHO), rng(f"self-trade {number}"), truth))
    pauses = (2.0, 2.3, 2.6, 2.2, 2.4, 0.0)
    stage.add(7.9, wash_pair(desk(facts.ONYX), desk(facts.OPAL), rng("wash pair"), pauses, truth))

    stage.add(2.5, patient_order(desk(facts.OAK), rng("patient"), 22.0, truth))
    stage.add(7.0, filled_block(desk(facts.GRANITE), desk(facts.BIRCH), rng("block"), truth))
    stage.add(16.4, fat_finger(desk(facts.POPLAR), truth))
    pauses = (4.2, 2.6, 5.0, 4.6, 2.5)
    stage.add(
        6.4,
        regular_counterparties(desk(facts.ROWAN), desk(facts.ELM), rng("regulars"), pauses, truth),
    )
    return stage, truth
