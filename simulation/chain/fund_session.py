"""A session of funds: with people who know the next net asset value, or honest."""

from pipeline.units import DAY
from simulation.abusers.fund_stage import FundAbuse, FundStage
from simulation.chain.fund_holders import open_funds
from simulation.session import Session, Source

_HONEST_DAYS = 130


def play_funds(
    seed: int,
    *,
    abuse: FundAbuse | None = None,
    intensity: float = 0.5,
    episodes: int | None = None,
) -> Session:
    """All who abuse a fund do so side by side."""
    market = open_funds(seed)
    days = _HONEST_DAYS
    if abuse is not None:
        days = abuse.days
        for number in range(abuse.episodes if episodes is None else episodes):
            market.begin(abuse.play(FundStage(market, abuse, intensity, number)))
    market.run(market.start + days * DAY)
    return Session(
        sources=(Source("chain", "evm"),),
        frames=[(0, frame) for frame in market.ledger.frames],
        reference=market.reference(),
        told=tuple(market.told),
        episodes=tuple(market.truth.episodes),
    )
