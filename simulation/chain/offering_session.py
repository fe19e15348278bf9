"""A session of offerings: of one kind with somebody who breaks its terms, or of all, honest."""

from pipeline.units import DAY
from simulation.abusers.offering_stage import OfferingBreach, OfferingStage
from simulation.chain.offering import OfferingMarket
from simulation.chain.offering_terms import OFFERINGS
from simulation.session import Session, Source

HONEST_BESIDE = 2
"""Offerings without a breach, beside those with one."""


def play_offerings(
    seed: int,
    *,
    breach: OfferingBreach | None = None,
    intensity: float = 0.5,
    episodes: int | None = None,
) -> Session:
    """Each episode has an offering of its own. Without a breach there is one of each kind."""
    market = OfferingMarket(seed)
    start, days = market.start, 0
    if breach is None:
        for open_offering, watched in OFFERINGS.values():
            open_offering(market, True)
            days = max(days, watched)
    else:
        open_offering, days = OFFERINGS[breach.market]
        count = breach.episodes if episodes is None else episodes
        for number in range(count):
            offering = open_offering(market, False)
            stage = OfferingStage(market, breach, intensity, number, offering)
            market.begin(breach.play(stage))
        for _ in range(HONEST_BESIDE):
            open_offering(market, True)
    market.run(start + days * DAY)
    return Session(
        sources=(Source("chain", "evm"),),
        frames=[(0, frame) for frame in market.ledger.frames],
        reference=market.reference(),
        told=tuple(market.told),
        episodes=tuple(market.truth.episodes),
    )
