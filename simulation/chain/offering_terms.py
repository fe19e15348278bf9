"""Offerings by their exemption, each with the honest: they come close to its limits, and keep them.

What each may is from the law itself: 17 CFR 230.144, 230.251, 230.501 to 506, 230.903, 227.501,
240.12g5-1, FINRA 5110(e), Regulation (EU) 2017/1129 Article 1(4), (EU) 2023/1114 Article 4(2).
"""

import random
from collections.abc import Callable, Mapping
from functools import partial
from math import ceil

from pipeline.units import DAY
from simulation.chain.offering import Offering, OfferingMarket, Person, day_of
from simulation.chain.offering_holders import (
    AFTER_A_YEAR,
    LOCK_UP,
    affiliate_sells,
    after_the_period,
    begin_later,
    distribution,
    free_again,
    gathers,
    life,
    retail,
    somebody,
    spread,
)
from simulation.chain.sparse import Play

PURCHASERS = 35
"""506(b)(2)(i): who aren't accredited, in any 90 calendar days."""
PERSONS = 149
"""Fewer than 150 in a member state."""
NOT_ACCREDITED = 499
"""12(g)(1)(A): fewer than 500 who aren't accredited."""
CAPS = {"reg-a-tier1": 20_000_000, "reg-a-tier2": 75_000_000, "reg-cf": 5_000_000}
"""251(a)(1), (2), 227.100(a)(1): in 12 months."""
_UNION = ("DE", "FR", "IT", "ES", "NL")


def _stocked(offering: Offering, amount: int) -> None:
    """One of two issuers makes all tokens at first for its own wallet."""
    if offering.rng.random() < 0.5:
        offering.stock(amount)


def _restricted(offering: Offering, age: int = AFTER_A_YEAR) -> None:
    """Who may sell restricted securities: after a year (144(d)(1)(ii)) to anybody, before to a
    qualified institutional buyer (144A). Affiliates have a play of their own."""
    market, rng = offering.market, offering.rng
    institutions = [market.person("US", "qualified") for _ in range(4)]

    def sellable(wallet: str) -> int:
        owner = offering.owners[wallet]
        if owner.affiliate or any(one.family is owner for one in market.people if one.affiliate):
            return 0
        return offering.matured(wallet, age) or offering.held(wallet)

    def buyer(wallet: str) -> Person | None:
        if offering.matured(wallet, age) and offering.room():
            return market.person("US", rng.choice(("none", "retail", "accredited")))
        return rng.choice(institutions) if rng.random() < 0.25 else None

    offering.sellable, offering.buyer = sellable, buyer


def _first_lot(offering: Offering) -> Callable[[str], int]:
    def day(wallet: str) -> int:
        lots = offering.lots[wallet]
        return lots[0].since + AFTER_A_YEAR if lots else offering.market.now

    return day


def private_placement(market: OfferingMarket, honest: bool) -> Offering:
    """Rule 506(b): 35 purchasers who aren't accredited in 90 days, as many again later, and holders
    who wait a year. Their companies count with them (501(e)(1)(iii)), and who was accredited when
    he bought isn't counted when he no longer is."""
    offering = Offering(market, "reg-d-506b", "reg-d-506b")
    rng = offering.rng
    _stocked(offering, 40_000_000)
    plain = [market.person("US", retail(rng)) for _ in range(PURCHASERS - 1)]
    owner, company = (market.person("US", "none", cluster=f"own-{offering.id}") for _ in range(2))
    purchases = [(one, rng.randint(5, 40) * 1_000) for one in (*plain, owner, company)]
    for number in range(45):
        one = market.person("US", "accredited")
        if number < 4:
            one.accredited_until = day_of(market.now + rng.randint(70, 200) * DAY)
        purchases.append((one, rng.randint(50, 400) * 1_000))
    affiliates = [market.person("US", "accredited", labels=("issuer_affiliate",)) for _ in range(2)]
    purchases += [(one, rng.randint(400, 500) * 1_000) for one in affiliates]
    _restricted(offering)
    market.begin(distribution(offering, purchases, 60))
    again = [(market.person("US", retail(rng)), rng.randint(5, 40) * 1_000) for _ in range(35)]
    begin_later(offering, 190, lambda: distribution(offering, again, 60, "second"))
    market.begin(life(offering), 2 * DAY)
    day = _first_lot(offering)
    begin_later(offering, 362, lambda: after_the_period(offering, day, somebody(market, rng), 12))
    for one in affiliates:
        begin_later(offering, 440, partial(affiliate_sells, offering, one))
    return offering


def general_solicitation(market: OfferingMarket, honest: bool) -> Offering:
    """Rule 506(c): offered to everybody, and sold to the accredited only, who are verified. They
    hold the tokens for a year, as in any private placement, and sell to anybody then. Who was
    accredited when he bought may be so no longer, and keeps what he has."""
    offering = Offering(market, "reg-d-506c", "reg-d-506c")
    rng = offering.rng
    _stocked(offering, 40_000_000)
    purchases: list[tuple[Person, int]] = []
    for number in range(70):
        one = market.person("US", "qualified" if number < 10 else "accredited")
        if number >= 64:
            one.accredited_until = day_of(market.now + rng.randint(70, 200) * DAY)
        purchases.append((one, rng.randint(50, 400) * 1_000))
    affiliates = [market.person("US", "accredited", labels=("issuer_affiliate",)) for _ in range(2)]
    purchases += [(one, rng.randint(400, 500) * 1_000) for one in affiliates]
    _restricted(offering)
    market.begin(distribution(offering, purchases, 60))
    market.begin(life(offering), 2 * DAY)
    day = _first_lot(offering)
    begin_later(offering, 362, lambda: after_the_period(offering, day, somebody(market, rng), 12))
    return offering


def many_holders(market: OfferingMarket, honest: bool) -> Offering:
    """Restricted tokens that go from hand to hand after a year, until there are nearly as many
    holders as make an issuer register (12(g)(1)(A)). Who keeps tokens for others is one holder."""
    offering = Offering(market, "many-holders", "reg-d-506b")
    rng = offering.rng
    _stocked(offering, 20_000_000)
    purchases = [(market.person("US", retail(rng)), 20_000) for _ in range(PURCHASERS)]
    purchases += [(market.person("US", "accredited"), 100_000) for _ in range(100)]
    most = NOT_ACCREDITED - rng.choice((0, 0, 1, 5))
    _restricted(offering)
    offering.room = lambda: offering.unaccredited() < most
    market.begin(distribution(offering, purchases, 30))
    market.begin(life(offering, 4.0), 2 * DAY)
    begin_later(offering, 400, lambda: spread(offering))
    return offering


def abroad(market: OfferingMarket, honest: bool) -> Offering:
    """Regulation S, category 3: for a year from the closing of the offering no US person may buy,
    but a distributor (903(b)(3)(iii)(A)); all others may sell to each other abroad."""
    offering = Offering(market, "reg-s", "reg-s")
    rng = offering.rng
    offering.custodian = market.custodians["CH"]
    _stocked(offering, 40_000_000)
    countries = ("CH", "SG", "GB", "AE", "JP", "HK")
    purchases = [
        (market.person(rng.choice(countries), rng.choice(("retail", "qualified"))),
         rng.randint(10, 200) * 1_000)
        for _ in range(60)
    ]  # fmt: skip
    dealers = [market.person(c, "qualified", labels=("distributor",)) for c in ("US", "GB")]
    purchases += [(one, 500_000) for one in dealers]

    def over() -> bool:
        return market.now > offering.closed + AFTER_A_YEAR

    def buyer(wallet: str) -> Person | None:
        country = "US" if over() and rng.random() < 0.6 else rng.choice(countries)
        return market.person(country, "retail")

    offering.buyer = buyer
    market.begin(distribution(offering, purchases, 30))
    market.begin(life(offering), 2 * DAY)
    for one in dealers:
        begin_later(offering, 31, partial(_resells, offering, one, countries))
    american = partial(market.person, "US", "retail")

    def end(wallet: str) -> int:
        return offering.closed + AFTER_A_YEAR

    begin_later(offering, 380, lambda: after_the_period(offering, end, american, 8))
    return offering


def _resells(offering: Offering, dealer: Person, countries: tuple[str, ...]) -> Play:
    """A distributor sells on to people abroad."""
    rng = offering.market.fork(f"dealer:{dealer.id}")
    while offering.held(dealer.wallets[0]) > 20_000:
        buyer = offering.market.person(rng.choice(countries), "retail")
        offering.move(dealer.wallets[0], buyer, rng.randint(5, 20) * 1_000, "sale")
        yield round(rng.uniform(1, 6) * DAY)


def reg_a_limit(person: Person) -> int:
    """A tenth of income or net worth, whichever is more (251(d)(2)(i)(C))."""
    said = [int(one.partition(":")[2]) for one in person.labels if ":" in one]
    return max(said) // 10


def small_investor(market: OfferingMarket, rng: random.Random) -> Person:
    """Not accredited, with what he said of income and net worth."""
    income, worth = rng.randint(40, 190) * 1_000, rng.randint(10, 900) * 1_000
    labels = (f"annual_income:{income}", f"net_worth:{worth}")
    return market.person("US", retail(rng), labels=labels)


def tier_two(market: OfferingMarket, honest: bool) -> Offering:
    """Regulation A, tier 2: up to 75 million in 12 months, and of each who isn't accredited no more
    than a tenth of income or net worth. Free to be sold on at once."""
    offering = Offering(market, "reg-a-tier2", "reg-a-tier2")
    rng = offering.rng
    small = [small_investor(market, rng) for _ in range(120)]
    purchases = [(one, round(reg_a_limit(one) * rng.choice((0.3, 0.6, 0.9, 1.0)))) for one in small]
    return _capped(offering, purchases, 40, honest)


def tier_one(market: OfferingMarket, honest: bool) -> Offering:
    """Regulation A, tier 1: up to 20 million in 12 months."""
    offering = Offering(market, "reg-a-tier1", "reg-a-tier1")
    rng = offering.rng
    purchases = [(market.person("US", retail(rng)), rng.randint(5, 50) * 1_000) for _ in range(80)]
    return _capped(offering, purchases, 30, honest)


def crowdfunding(market: OfferingMarket, honest: bool) -> Offering:
    """Regulation Crowdfunding: up to 5 million in 12 months, and for a year sold on only to the
    issuer, to the accredited and in the family (501(a))."""
    offering = Offering(market, "reg-cf", "reg-cf")
    rng = offering.rng
    purchases = [(market.person("US", retail(rng)), rng.randint(1, 6) * 1_000) for _ in range(90)]
    _capped(offering, purchases, 20, honest)
    rich = [market.person("US", "accredited") for _ in range(8)]

    def old(wallet: str) -> int:
        total = 0
        for lot in offering.lots.get(wallet, ()):
            if lot.issued + AFTER_A_YEAR > market.now:
                break
            total += lot.amount
        return total

    def buyer(wallet: str) -> Person | None:
        if old(wallet):
            return market.person("US", retail(rng))
        if rng.random() < 0.3:
            offering.buy_back(wallet, max(1, offering.held(wallet) // 10))
            return None
        return rng.choice(rich)

    offering.buyer = buyer
    offering.sellable = lambda wallet: old(wallet) or offering.held(wallet)

    def end(wallet: str) -> int:
        lots = offering.lots[wallet]
        return lots[0].issued + AFTER_A_YEAR if lots else market.now

    begin_later(offering, 362, lambda: after_the_period(offering, end, somebody(market, rng), 10))
    return offering


def _capped(
    offering: Offering, purchases: list[tuple[Person, int]], accredited: int, honest: bool
) -> Offering:
    """Sold to the last token that the cap allows; and, where all is honest, nearly as much again
    once the first sales are more than a year ago. What lies with the issuer isn't sold."""
    market, rng, cap = offering.market, offering.rng, CAPS[offering.classification]
    _stocked(offering, 3 * cap)
    # Where somebody else will buy beyond the rule, there is room for him under the cap.
    room = 0 if honest else cap // 50
    rest = cap - room - sum(amount for _, amount in purchases)
    institutions = [market.person("US", "accredited") for _ in range(accredited)]
    again: list[tuple[Person, int]] = []
    for number, one in enumerate(institutions, 1):
        amount = rest // accredited if number < accredited else rest - rest // accredited * (
            accredited - 1
        )  # fmt: skip
        purchases.append((one, amount))
        again.append((one, ceil(amount * rng.uniform(0.5, 0.95))))
    offering.buyer = lambda wallet: market.person("US", rng.choice(("none", "accredited")))
    market.begin(distribution(offering, purchases, 60))
    market.begin(life(offering), 2 * DAY)
    if honest:
        begin_later(offering, 430, lambda: distribution(offering, again, 30, "second"))
    return offering


def _in_the_union(offering: Offering, qualified: int, honest: bool) -> Offering:
    market, rng = offering.market, offering.rng
    offering.custodian = market.custodians["DE"]
    _stocked(offering, 20_000_000)
    people = [market.person(country, "retail") for country in ("DE", "FR") for _ in range(PERSONS)]
    people += [market.person("IT", "retail") for _ in range(60)]
    people += [market.person(rng.choice(("CH", "GB")), "retail") for _ in range(60)]
    people += [market.person("DE", "qualified") for _ in range(qualified)]
    market.begin(distribution(offering, [(one, rng.randint(1, 15) * 500) for one in people], 50))
    offering.buyer = lambda wallet: market.person(rng.choice(_UNION), "retail")
    market.begin(life(offering), 2 * DAY)
    return offering


def in_the_union(market: OfferingMarket, honest: bool) -> Offering:
    """Fewer than 150 persons in each member state who aren't qualified investors (Regulation (EU)
    2017/1129 Article 1(4)(b)); whoever buys from a holder is none of them."""
    return _in_the_union(Offering(market, "eu-offer", "eu-prospectus-exempt"), 40, honest)


def crypto_asset(market: OfferingMarket, honest: bool) -> Offering:
    """The same of a crypto-asset, where qualified investors count (Regulation (EU) 2023/1114
    Article 4(2)(a))."""
    return _in_the_union(Offering(market, "mica-offer", "mica"), 0, honest)


def listed(market: OfferingMarket, honest: bool) -> Offering:
    """A registered token: anybody trades it at once, but for founders and the team, who are bound
    for 180 days, and affiliates, who sell in small parts. Somebody comes near five percent."""
    offering = Offering(market, "registered", "registered")
    rng = offering.rng
    offering.custodian = market.exchange
    _stocked(offering, 30_000_000)
    purchases = [(market.person("US", "retail"), rng.randint(5, 120) * 1_000) for _ in range(110)]
    purchases += [(market.person("US", "qualified"), 200_000) for _ in range(10)]
    bound = [market.person("US", "none", labels=(one,)) for one in ("founder", "team", "employee")]
    bound += [market.person("US", "accredited", labels=("founder",)) for _ in range(2)]
    purchases += [(one, 300_000) for one in bound]
    affiliates = [market.person("US", "accredited", labels=("issuer_affiliate",)) for _ in range(4)]
    purchases += [(one, 350_000) for one in affiliates]

    def sellable(wallet: str) -> int:
        owner = offering.owners[wallet]
        if owner in (*affiliates, *(one.family for one in affiliates)):
            return 0
        tied = owner in (*bound, *(one.family for one in bound))
        free = not tied or market.now > offering.opened + LOCK_UP + DAY
        return offering.held(wallet) if free else 0

    offering.sellable = sellable
    offering.buyer = lambda wallet: market.person("US", "retail")
    market.begin(distribution(offering, purchases, 0))
    market.begin(life(offering, 1.0), 2 * DAY)
    for one in affiliates:
        begin_later(offering, rng.randint(20, 90), partial(affiliate_sells, offering, one))
    begin_later(offering, 40, lambda: gathers(offering, market.person("US", "accredited"), 0.98))
    for one in bound:
        begin_later(offering, 20, partial(free_again, offering, one))
    return offering


OFFERINGS: Mapping[str, tuple[Callable[[OfferingMarket, bool], Offering], int]] = {
    "reg-d-506b": (private_placement, 780),
    "many-holders": (many_holders, 520),
    "reg-s": (abroad, 440),
    "reg-a-tier2": (tier_two, 480),
    "reg-a-tier1": (tier_one, 480),
    "reg-cf": (crowdfunding, 480),
    "eu-offer": (in_the_union, 150),
    "mica-offer": (crypto_asset, 150),
    "registered": (listed, 400),
    "reg-d-506c": (general_solicitation, 480),
}
"""By kind: how one is opened, and how many days it is watched."""
