"""Sessions by name: an abuser's, or an honest market's."""

from collections.abc import Mapping

from simulation.abusers.catalogue import VENUE_ABUSES
from simulation.abusers.chain_catalogue import CHAIN_ABUSES
from simulation.abusers.conduct import Conduct
from simulation.abusers.fund_catalogue import FUND_ABUSES
from simulation.abusers.offering_catalogue import OFFERING_BREACHES
from simulation.chain.fund_session import play_funds
from simulation.chain.offering_session import play_offerings
from simulation.chain.session import play_chain
from simulation.session import Session, WireFormat, play_venue
from simulation.venue.kinds import VENUE_MARKETS

CONDUCTS: Mapping[str, Conduct] = {
    **VENUE_ABUSES,
    **CHAIN_ABUSES,
    **OFFERING_BREACHES,
    **FUND_ABUSES,
}
COUNTS: Mapping[str, tuple[str, ...]] = {
    name: (one.typology, *one.counts) for name, one in CONDUCTS.items()
}
"""By abuse: the typologies under which an alert is a hit."""
MARKETS = (*VENUE_MARKETS, "pool", "offerings", "funds")
ENDLESS = ("liquid", "linked", "pool")
"""Markets that go on for as long as one wants; all others have an end of their own."""


def markets_of(abuse: str) -> tuple[str, ...]:
    """What the market is called in which somebody abuses something so: an offering's kind is one of
    all that are on one chain."""
    kind = CONDUCTS[abuse].market
    return (kind, "offerings") if abuse in OFFERING_BREACHES else (kind,)


def play(
    name: str,
    seed: int,
    *,
    intensity: float = 0.5,
    wire: WireFormat = "order-log",
    length: int | None = None,
    episodes: int | None = None,
) -> Session:
    """A session of an abuse, or of a market where the name is one's and nobody abuses it.

    `length`: of an honest market, in minutes (of the pool market in blocks); without, some twenty
    minutes (five hours). KeyError where there is no such name.
    """
    if name in VENUE_ABUSES:
        abuse = VENUE_ABUSES[name]
        return play_venue(
            abuse.market, seed, abuse=abuse, intensity=intensity, wire=wire, episodes=episodes
        )
    if name in CHAIN_ABUSES:
        return play_chain(seed, abuse=CHAIN_ABUSES[name], intensity=intensity, episodes=episodes)
    if name in OFFERING_BREACHES:
        breach = OFFERING_BREACHES[name]
        return play_offerings(seed, breach=breach, intensity=intensity, episodes=episodes)
    if name in FUND_ABUSES:
        abused = FUND_ABUSES[name]
        return play_funds(seed, abuse=abused, intensity=intensity, episodes=episodes)
    if name == "funds":
        return play_funds(seed)
    if name == "offerings":
        return play_offerings(seed)
    if name == "pool":
        return play_chain(seed) if length is None else play_chain(seed, length=length)
    if name not in VENUE_MARKETS:
        raise KeyError(name)
    if length is None:
        return play_venue(name, seed, wire=wire)
    return play_venue(name, seed, wire=wire, length=length * 60 * 10**9)
