"""Two issuers whose tokenised shares trade around the clock, their calendars and their lists.

Each issuer announces a report on a day that is known long before, so that its managers have a
closed period (MAR 19(11): 30 calendar days before it); and each has a project that nobody outside
knows of, with a list of those who do (MAR 18), until it is announced. A firm that advises on the
projects keeps a list of what its people may not trade.

All on lists here are honest. Managers trade outside of closed periods and while no project goes on,
as a company lets them; those who know of a project trade before they knew, after all knew, or in
the other share; the firm's people before the restriction, after it, or in the other share. Others,
on no list, trade at all times, and some of them in size just before an announcement.
"""

import random
from typing import Literal

import msgspec

from demo.venue.clock import iso_time
from demo.venue.messages import Side
from pipeline.reference_records import CorporateEvent, ListEntry
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from simulation.clockwork import Script
from simulation.venue import takers
from simulation.venue.desk import Desk
from simulation.venue.listing import Listing
from simulation.venue.makers import SIDES, Quoting, market_maker
from simulation.venue.market import CLOSE, MONDAY, OPEN, Market, slower
from simulation.venue.value import Value

_LENGTH = 49 * DAY
"""Days before the first closed period, and a week after the last report."""
CLOSED = 30 * DAY
"""MAR 19(11)."""
LIST = Literal["pdmr", "insider", "restricted"]


class Issuer(msgspec.Struct, kw_only=True):
    """A share, and what will be known of it. Times in nanoseconds."""

    token: str
    listing: Listing
    value: Value
    report: int
    """When its results are announced: the calendar says so from the beginning."""
    begun: int
    """When the project began, and with it the list of those who know."""
    told: int
    """When the project was announced: nobody else knew until then."""
    jump: float
    """What the project changes, as a share of the price."""

    def closed(self, time: int) -> bool:
        """Whether managers may not trade."""
        return self.report - CLOSED <= time < self.report

    def secret(self, time: int) -> bool:
        """Whether there is a project of which only some know."""
        return self.begun <= time < self.told


class Reporting(Market):
    """The market, with its issuers."""

    def __init__(self, seed: int) -> None:
        super().__init__("reporting", seed, MONDAY)
        self.until = MONDAY + _LENGTH
        self.weekdays = [MONDAY + day * DAY for day in range(_LENGTH // DAY) if day % 7 < 5]
        self.issuers: list[Issuer] = []

    def day(self, after: int, rng: random.Random) -> int:
        """A moment at which people are at work, that day or on the next weekday."""
        morning = next((one for one in self.weekdays if one + OPEN >= after), self.weekdays[-1])
        return morning + OPEN + round(rng.uniform(0.5, 7.0) * HOUR)

    def put_on_list(
        self, name: LIST, investor: str, issuer: Issuer, since: int = 0, until: int = 0
    ) -> None:
        """Somebody is on a list of an issuer's, for a time or for good."""
        self.lists.append(
            ListEntry(
                list=name,
                investor=investor,
                token=issuer.token,
                valid_from=iso_time(since) if since else None,
                valid_to=iso_time(until) if until else None,
            )
        )

    def person(self, issuer: Issuer) -> tuple[str, Desk]:
        """Somebody new, with a desk."""
        investor = self.people.investor()
        account = self.people.account(issuer.listing.venue, investor)
        return investor, Desk(issuer.listing, account)


def deal(desk: Desk, rng: random.Random, side: Side, lots: int) -> Script:
    """Trades so many lots: at market, or patiently for a while first, as people do."""
    best = desk.listing.engine.best(side)
    order = desk.quote(side, lots, best) if best is not None and rng.random() < 0.4 else None
    if order is not None:
        yield rng.uniform(600, 2_400)
        lots = desk.remaining(order)
        desk.cancel(order)
    if lots:
        desk.take(side, lots)


def _deal_at(market: Reporting, desk: Desk, rng: random.Random, times: list[int]) -> Script:
    """Some trades of one side, at times."""
    side: Side = rng.choice(SIDES)
    for time in sorted(times):
        if time > market.clockwork.now:
            yield (time - market.clockwork.now) / SECOND
        yield from deal(desk, rng, side, takers.lognormal_lots(rng, 600, 0.6))


def _free(market: Reporting, issuer: Issuer, rng: random.Random) -> int | None:
    """A moment at which a company lets its managers trade."""
    for _ in range(60):
        time = market.day(rng.choice(market.weekdays), rng)
        near = issuer.report <= time < issuer.report + 4 * HOUR
        fresh = issuer.told <= time < issuer.told + 4 * HOUR
        if not (issuer.closed(time) or issuer.secret(time) or near or fresh):
            return time
    return None


def _listed(market: Reporting, issuer: Issuer, other: Issuer) -> None:
    rng = market.fork(f"{issuer.token}:listed")
    managers = [market.person(issuer) for _ in range(6)]
    for number, (investor, desk) in enumerate(managers):
        market.put_on_list("pdmr", investor, issuer)
        times = [_free(market, issuer, rng) for _ in range(rng.randint(0, 2))]
        own = market.fork(f"{issuer.token}:manager:{number}")
        market.begin(_deal_at(market, desk, own, [one for one in times if one is not None]))
    for number in range(5):
        investor, desk = market.person(issuer)
        market.put_on_list("insider", investor, issuer, issuer.begun, issuer.told + DAY)
        own = market.fork(f"{issuer.token}:insider:{number}")
        if number == 0:
            times = [market.day(issuer.begun - rng.randint(2, 8) * DAY, own)]
            times = [one for one in times if one < issuer.begun]
        elif number < 3:
            times = [market.day(issuer.told + rng.randint(1, 6) * DAY, own)]
        else:  # what he knows is of another share
            desk = Desk(other.listing, desk.account)
            times = [market.day(issuer.begun + rng.randint(1, 6) * DAY, own)]
        market.begin(_deal_at(market, desk, own, times))
    for number in range(6):
        investor, desk = market.person(issuer)
        market.put_on_list("restricted", investor, issuer, issuer.begun, issuer.told + DAY)
        own = market.fork(f"{issuer.token}:restricted:{number}")
        if number < 2:
            times = [market.day(issuer.begun - rng.randint(3, 8) * DAY, own)]
            times = [one for one in times if one < issuer.begun]
        elif number < 4:
            times = [market.day(issuer.told + rng.randint(2, 8) * DAY, own)]
        else:
            desk = Desk(other.listing, desk.account)
            times = [market.day(issuer.begun + rng.randint(0, 8) * DAY, own)]
        market.begin(_deal_at(market, desk, own, times))
    # Large, quick and lucky, and on no list: a fund that bought because it wanted to.
    for number in range(3):
        _, desk = market.person(issuer)
        own = market.fork(f"{issuer.token}:fund:{number}")
        event = rng.choice((issuer.report, issuer.told))
        start = market.day(event - rng.randint(1, 9) * DAY, own)
        script = takers.execution_algorithm(
            desk, own, rng.choice(SIDES), 100 * rng.randint(8, 20), 5_400, 12
        )
        market.clockwork.begin_at(script, start)


def _news(market: Reporting, issuer: Issuer) -> None:
    rng = market.fork(f"{issuer.token}:news")
    clockwork, value = market.clockwork, issuer.value
    clockwork.begin_at(value.tell(clockwork, rng.gauss(0, 0.03)), issuer.report)
    clockwork.begin_at(value.tell(clockwork, issuer.jump), issuer.told)
    # What nobody must wait for: a meeting and a distribution, known beforehand as well.
    for number, kind in enumerate(("meeting", "distribution")):
        at = market.day(rng.choice(market.weekdays[5:]), rng)
        market.planned.append(_event(issuer, f"{kind}-{number}", kind, at))
    market.planned.append(_event(issuer, "results", "financial-results", issuer.report))
    market.announcements.append(_event(issuer, "project", "merger", issuer.told, True))


def _event(
    issuer: Issuer,
    name: str,
    kind: Literal["meeting", "distribution", "financial-results", "merger"],
    at: int,
    inside: bool = False,
) -> CorporateEvent:
    return CorporateEvent(
        id=f"{issuer.token}-{name}",
        token=issuer.token,
        type=kind,
        announced=iso_time(at),
        title=f"{kind} of {issuer.token}",
        inside=inside,
    )


def _crowd(market: Reporting, issuer: Issuer) -> None:
    name, listing, value = issuer.token, issuer.listing, issuer.value
    market.begin(value.wander(market.fork(f"{name}:value"), 0.001, 600.0))
    for number in range(2):
        quoting = Quoting(
            half_spread=22.0 + 10 * number,
            step=12,
            levels=3,
            size=1_500,
            most_inventory=12_000,
            pause=(900.0, 1_800.0),
            tolerance=24.0,
            away_after_news=1_200.0,
        )
        rng = market.fork(f"{name}:maker:{number}")
        maker = market_maker(market.maker(listing), rng, market.clockwork, value, quoting)
        market.begin(maker, 10)
    for number in range(60):
        rng = market.fork(f"{name}:retail:{number}")
        script = takers.retail(market.desk(listing), rng, 1 / 36_000, 220, 60, 1_800.0)
        market.begin(script, 30)
    for number in range(2):
        rng = market.fork(f"{name}:value:{number}")
        desk = market.desk(listing)
        script = takers.value_trader(desk, rng, market.clockwork, value, 0.006, 180)
        market.begin(slower(script, 200), 30)


def reporting(seed: int) -> Reporting:
    """Seven weeks of two thinly traded shares."""
    market = Reporting(seed)
    rng = market.fork("calendar")
    for number in range(2):
        token = ("alpha", "beta")[number]
        value = Value(10_000.0)
        listing = market.admit("sim-mtf", f"{token.upper()}-EUR", token, value)
        report = market.weekdays[rng.randint(24, 30)] + OPEN - 30 * MINUTE
        begun = market.weekdays[rng.randint(8, 10)] + CLOSE + HOUR
        told = market.weekdays[rng.randint(16, 20)] + OPEN + round(rng.uniform(1, 6) * HOUR)
        issuer = Issuer(
            token=token,
            listing=listing,
            value=value,
            report=report,
            begun=begun,
            told=told,
            jump=rng.choice((0.14, 0.18, -0.12)),
        )
        market.issuers.append(issuer)
    first, second = market.issuers
    for issuer, other in ((first, second), (second, first)):
        _crowd(market, issuer)
        _listed(market, issuer, other)
        _news(market, issuer)
    return market
