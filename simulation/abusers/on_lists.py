"""Those who are on a list, and trade when they may not."""

from demo.venue.messages import Side
from pipeline.units import DAY, HOUR, SECOND
from simulation.abusers.stage import Stage
from simulation.clockwork import Script
from simulation.venue.market import OPEN
from simulation.venue.reporting import LIST, Issuer, Reporting, deal

_NOTIFIED = 2_000
"""Lots worth 20,000: what managers must tell of, in a year (MAR 19(8), (9))."""


def _market(stage: Stage) -> Reporting:
    assert isinstance(stage.market, Reporting)
    return stage.market


def _deals(
    stage: Stage, name: LIST, issuer: Issuer, between: tuple[int, int], listed: tuple[int, int]
) -> Script:
    """One on a list trades between two times, `listed` from when to when (0: always).

    He knows which way the price will go. Medium: two trades worth 20,000 in all.
    """
    rng, market = stage.rng, _market(stage)
    investor, desk = market.person(issuer)
    market.put_on_list(name, investor, issuer, *listed)
    first, last = between
    days = [day for day in market.weekdays if first <= day + OPEN and day + 7 * HOUR <= last]
    if name == "insider":
        side: Side = "buy" if issuer.jump > 0 else "sell"
    else:
        side = stage.side
    parts = stage.count(2)
    times = sorted(market.day(rng.choice(days), rng) for _ in range(parts))
    episode = None
    for time in times:
        if time > stage.now():
            yield (time - stage.now()) / SECOND
        if episode is None:
            episode = stage.begin((desk,), f"on the {name} list, and traded", tail=7 * 86_400)
        yield from deal(desk, rng, side, round(_NOTIFIED * stage.scale / parts))
        stage.end(episode)
    if episode is not None and name == "insider":
        # It comes to light when all know.
        episode.tail = max(episode.tail, issuer.told + 2 * DAY - episode.end)


def closed_period(stage: Stage) -> Script:
    """A manager trades in the 30 calendar days before the announcement of a report (MAR 19(11)).
    Medium: two trades worth what managers must tell of, 20,000 (MAR 19(8)).
    """
    issuer = _market(stage).issuers[stage.number % 2]
    between = (max(issuer.report - 30 * DAY, stage.now()), issuer.report - DAY)
    return _deals(stage, "pdmr", issuer, between, (0, 0))


def before_news(stage: Stage) -> Script:
    """One who is on the list of those who know of a project (MAR 18) trades before it is announced
    (MAR 8(1), 14). Medium: two trades worth 20,000.
    """
    issuer = _market(stage).issuers[stage.number % 2]
    between = (issuer.begun, issuer.told - 12 * HOUR)
    return _deals(stage, "insider", issuer, between, (issuer.begun, issuer.told + DAY))


def restricted(stage: Stage) -> Script:
    """A firm's own people trade what the firm has put on its restricted list, since it knows of a
    project (Exchange Act 15(g): procedures against misuse of information). Medium: two trades worth
    20,000.
    """
    issuer = _market(stage).issuers[stage.number % 2]
    between = (issuer.begun, issuer.told - 12 * HOUR)
    return _deals(stage, "restricted", issuer, between, (issuer.begun, issuer.told + DAY))
