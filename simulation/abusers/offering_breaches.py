"""Who breaks an offering's terms: sells to too many or too much, too early, or to the wrong."""

from datetime import date

from pipeline.reference_records import Sanction
from pipeline.units import DAY, HOUR
from simulation.abusers.offering_stage import OfferingStage
from simulation.chain.offering import YEAR, Person, day_of
from simulation.chain.offering_holders import LOCK_UP, OWNER, retail, spread_once
from simulation.chain.offering_terms import CAPS, NOT_ACCREDITED, reg_a_limit, small_investor
from simulation.chain.sparse import Play
from simulation.truth import Episode

EMBARGOED = ("IR", "KP", "CU")
"""31 CFR 560, 510, 515."""


# --- the issuer sells to too many, or too much ----------------------------------------------------


def too_many_purchasers(stage: OfferingStage) -> Play:
    """An issuer sells to more than 35 who aren't accredited within 90 calendar days (17 CFR
    230.506(b)(2)(i)). Medium: 45.
    """
    yield from _more_persons(stage, ("US",), round(stage.between(1, 10, 60)), 62, 20, 90)


def sold_unaccredited(stage: OfferingStage) -> Play:
    """An issuer that offers to everybody sells to some who aren't accredited (17 CFR
    230.506(c)(2)(i)), every second one to people of whom it held once, and no longer does.
    Medium: six.
    """
    offering, rng = stage.offering, stage.rng
    yield stage.until(offering.opened + rng.randint(5, 60) * DAY)
    episode = stage.begin((offering.issuer,), "sold to who isn't accredited", 30)
    for _ in range(round(stage.between(1, 6, 30))):
        if stage.number % 2:
            buyer = stage.market.person("US", "accredited")
            buyer.accredited_until = day_of(stage.market.now - rng.randint(2, 90) * DAY)
        else:
            buyer = stage.market.person("US", retail(rng))
        offering.sell(buyer, rng.randint(5, 40) * 1_000)
        # They keep it.
        offering.reserved.update(buyer.wallets)
        stage.joined(episode, (buyer,))
        yield stage.hours(6, 120)


def too_many_in_a_state(stage: OfferingStage) -> Play:
    """An offer without a prospectus is taken by 150 persons or more of one member state who aren't
    qualified investors (Regulation (EU) 2017/1129 Article 1(4)(b); the same of a crypto-asset,
    Regulation (EU) 2023/1114 Article 4(2)(a)). Medium: 200.
    """
    countries = (stage.rng.choice(("DE", "FR")),)
    yield from _more_persons(stage, countries, round(stage.between(1, 51, 350)), 52, 30, 30)


def _more_persons(
    stage: OfferingStage, countries: tuple[str, ...], count: int, day: int, days: float, tail: float
) -> Play:
    """The issuer goes on selling, behind the honest, to more of whom there are enough already."""
    offering, rng = stage.offering, stage.rng
    yield stage.until(offering.opened + day * DAY)
    episode = stage.begin((offering.issuer,), "more purchasers than may be", tail, whole=True)
    for _ in range(count):
        home = rng.choice(countries)
        buyer = stage.market.person(home, retail(rng) if home == "US" else "retail")
        stage.offering.sell(buyer, rng.randint(2, 20) * 500)
        stage.joined(episode, (buyer,))
        yield round(days / count * rng.uniform(0.3, 1.2) * DAY)


def over_the_cap(stage: OfferingStage) -> Play:
    """An issuer sells more within 12 months than its exemption allows (17 CFR 230.251(a): 20 and 75
    million; 227.100(a)(1): 5 million). Medium: a third more.
    """
    offering, rng = stage.offering, stage.rng
    yield stage.until(offering.opened + rng.randint(70, 260) * DAY)
    cap = CAPS[offering.classification]
    extra = cap - offering.sold + round(cap * stage.between(0.01, 0.33, 2.0))
    episode = stage.begin((offering.issuer,), "more sold than the cap", 60, whole=True)
    parts = rng.randint(4, 8)
    for _ in range(parts):
        buyer = stage.market.person("US", "accredited")
        offering.sell(buyer, max(1, extra // parts))
        stage.joined(episode, (buyer,))
        yield stage.hours(6, 120)


def over_own_limit(stage: OfferingStage) -> Play:
    """One who isn't accredited buys for more than a tenth of income or net worth, whichever is more
    (17 CFR 230.251(d)(2)(i)(C)), in two to four purchases. Medium: two and a half times as much.
    """
    offering, rng = stage.offering, stage.rng
    yield stage.until(offering.opened + rng.randint(2, 40) * DAY)
    buyer = small_investor(stage.market, rng)
    whole = round(reg_a_limit(buyer) * stage.between(1.1, 2.5, 8))
    parts = rng.randint(2, 4)
    episode = stage.begin((buyer, offering.issuer), "more than a tenth of income or net worth")
    for number in range(parts):
        wallet = stage.market.wallet(buyer) if number == 1 else None
        offering.sell(buyer, whole // parts + 1, wallet)
        stage.joined(episode, (buyer,))
        yield stage.hours(4, 100)


def too_many_holders(stage: OfferingStage) -> Play:
    """Tokens go on from hand to hand until there are 500 holders or more who aren't accredited, and
    the issuer doesn't register the class (Exchange Act 12(g)(1)(A)). Medium: 600.
    """
    offering, rng = stage.offering, stage.rng
    yield stage.until(offering.opened + 400 * DAY)
    while offering.room():
        yield 6 * HOUR
    wanted = NOT_ACCREDITED + round(stage.between(2, 101, 500))
    episode: Episode | None = None
    while offering.unaccredited() < wanted:
        wallet, buyer = spread_once(offering, rng)
        if offering.unaccredited() <= NOT_ACCREDITED:
            continue
        if episode is None:
            note = "so many holders, and not registered"
            episode = stage.begin((offering.issuer,), note, 120, whole=True)
        stage.joined(episode, (buyer, offering.owners[wallet]))
        yield stage.hours(0.5, 3)


# --- sold on too early, or to whom it may not be --------------------------------------------------


def _holder(stage: OfferingStage) -> str:
    """The wallet of somebody honest until now, who may sell."""
    offering = stage.offering
    wallets = [
        one for one in offering.holders()
        if offering.sellable(one) >= 1_000
        and not {"distributor", "permitted_transferee"}.intersection(offering.owners[one].labels)
    ]  # fmt: skip
    return stage.rng.choice(wallets)


def _sells(
    stage: OfferingStage, wallet: str, buyers: list[Person], note: str, *, days: float = 7.0
) -> Play:
    """All of a wallet, in as many sales as there are buyers; both sides take part."""
    offering = stage.offering
    seller, whole = offering.owners[wallet], offering.held(wallet)
    episode = stage.begin((seller, *buyers), note, days)
    for one in buyers:
        # They keep it.
        offering.reserved.update(one.wallets)
    for number, buyer in enumerate(buyers, 1):
        amount = whole // len(buyers) if number < len(buyers) else offering.held(wallet)
        if not amount:
            return
        offering.move(wallet, buyer, min(amount, offering.held(wallet)), "sale")
        stage.joined(episode, ())
        yield stage.hours(1, 12)


def _retail(stage: OfferingStage, count: int, country: str = "US") -> list[Person]:
    return [stage.market.person(country, retail(stage.rng)) for _ in range(count)]


def resold_early(stage: OfferingStage) -> Play:
    """Restricted securities are sold to the public before a year has passed since the issuer, or an
    affiliate of it, sold them (17 CFR 230.144(d)(1)(ii)). Medium: after four months. Every second
    one got his from an affiliate, long after they were issued.
    """
    offering, rng, market = stage.offering, stage.rng, stage.market
    early = round(stage.between(7, 245, 350) * DAY)
    seller = market.person("US", "accredited")
    wallet = seller.wallets[0]
    if stage.number % 2:
        source = market.person("US", "accredited", labels=("issuer_affiliate",))
        offering.reserved.update(source.wallets)
        yield stage.hours(10, 200)
        offering.sell(source, 90_000)
        yield YEAR + 9 * DAY
        offering.move(source.wallets[0], seller, 30_000, "sale")
    else:
        yield stage.until(offering.opened + rng.randint(1, 55) * DAY)
        offering.sell(seller, rng.randint(20, 60) * 1_000)
    # Until then he keeps what he has.
    got = market.now
    offering.reserved.add(wallet)
    yield stage.until(got + YEAR - early)
    yield from _sells(stage, wallet, _retail(stage, rng.randint(1, 3)), "sold before a year")


def flowed_back(stage: OfferingStage) -> Play:
    """Tokens sold abroad under Regulation S, category 3, are sold to US persons before a year has
    passed since the closing (17 CFR 230.903(b)(3)(iii)(A)). Medium: after four months.
    """
    offering, rng, market = stage.offering, stage.rng, stage.market
    early = round(stage.between(7, 245, 350) * DAY)
    yield stage.until(offering.opened + rng.randint(1, 25) * DAY)
    seller = market.person(rng.choice(("CH", "SG", "AE")), "retail")
    offering.sell(seller, rng.randint(20, 60) * 1_000)
    offering.reserved.add(seller.wallets[0])
    yield stage.until(offering.opened + 31 * DAY)
    yield stage.until(offering.closed + YEAR - early)
    buyers = _retail(stage, rng.randint(1, 3))
    yield from _sells(stage, seller.wallets[0], buyers, "sold to the United States too early")


def crowd_resold(stage: OfferingStage) -> Play:
    """Tokens of a crowdfunding are sold on within a year of their issuance to somebody who may not
    have them (17 CFR 227.501(a)). Medium: after four months. Every second one sells through
    somebody accredited, who passes them on: the year binds any purchaser.
    """
    offering, rng, market = stage.offering, stage.rng, stage.market
    early = round(stage.between(7, 245, 350) * DAY)
    yield stage.until(offering.opened + rng.randint(1, 50) * DAY)
    seller = market.person("US", retail(rng))
    wallet = seller.wallets[0]
    offering.sell(seller, rng.randint(4, 10) * 1_000)
    got = market.now
    offering.reserved.add(wallet)
    yield stage.until(got + YEAR - early)
    if stage.number % 2:
        between = market.person("US", "accredited")
        offering.reserved.add(between.wallets[0])
        offering.move(wallet, between, offering.held(wallet), "sale")
        wallet = between.wallets[0]
        yield stage.hours(1, 30)
    yield from _sells(stage, wallet, _retail(stage, rng.randint(1, 3)), "sold within the year")


def affiliate_dribbles(stage: OfferingStage) -> Play:
    """An affiliate sells more in three months than one percent of what is outstanding (17 CFR
    230.144(e)(1)); every second one together with his wife (144(e)(3)(vi), 144(a)(2)). Medium: two
    and a half times as much.
    """
    offering, rng, market = stage.offering, stage.rng, stage.market
    cluster = f"house-{stage.abuse.name}-{market.seed}-{stage.number}"
    sellers = [
        market.person("US", "accredited", labels=("issuer_affiliate",), cluster=cluster)
        for _ in range(1 + stage.number % 2)
    ]
    for one in sellers:
        offering.sell(one, 590_000 // len(sellers))
        offering.reserved.update(one.wallets)
    yield stage.until(offering.opened + rng.randint(60, 200) * DAY)
    wanted = round(offering.outstanding * 0.01 * stage.between(1.15, 2.5, 4.4))
    parts = 2 * rng.randint(2, 4)
    episode = stage.begin(sellers, "more than one percent in three months", 14)
    for number in range(parts):
        source = sellers[number % len(sellers)].wallets[0]
        offering.move(source, market.person("US", "retail"), wanted // parts + 1, "sale")
        stage.joined(episode, ())
        yield round(75 / parts * rng.uniform(0.5, 1.0) * DAY)


def lock_up_broken(stage: OfferingStage) -> Play:
    """A founder or one of the team sells in the 180 days after the sales began (FINRA 5110(e)(1)).
    Medium: after half of them.
    """
    offering, rng = stage.offering, stage.rng
    early = round(stage.between(5, 90, 170) * DAY)
    label = rng.choice(("founder", "team", "employee"))
    seller = stage.market.person("US", "none", labels=(label,))
    offering.sell(seller, 80_000)
    offering.reserved.update(seller.wallets)
    yield stage.until(offering.opened + LOCK_UP - early)
    buyers = _retail(stage, rng.randint(1, 3))
    yield from _sells(stage, seller.wallets[0], buyers, f"{label} sold before the lock-up's end")


def sold_to_country(stage: OfferingStage) -> Play:
    """A holder sells to residents of the United States, under whose Securities Act the offering has
    no exemption (15 USC 77e). Medium: three sales.
    """
    yield from _sold_abroad(stage, "US")


def sold_under_embargo(stage: OfferingStage) -> Play:
    """A holder sells to residents of a country under embargo (31 CFR 510, 515, 560). Medium: three
    sales.
    """
    yield from _sold_abroad(stage, stage.rng.choice(EMBARGOED))


def _sold_abroad(stage: OfferingStage, country: str) -> Play:
    offering, rng = stage.offering, stage.rng
    yield stage.until(offering.opened + rng.randint(55, 120) * DAY)
    buyers = [stage.market.person(country, "retail") for _ in range(round(stage.between(1, 3, 10)))]
    note = f"sold to {country}, where it may not be"
    yield from _sells(stage, _holder(stage), buyers, note)


def owns_too_much(stage: OfferingStage) -> Play:
    """Somebody gathers more than five percent of a registered class, in two wallets, and doesn't
    tell (17 CFR 240.13d-1(a)). Medium: nine percent.
    """
    offering, rng, market = stage.offering, stage.rng, stage.market
    yield stage.until(offering.opened + rng.randint(60, 200) * DAY)
    person = market.person("US", "accredited")
    market.wallet(person)
    offering.reserved.update(person.wallets)  # as who stays below it has: nobody else sells them on
    episode: Episode | None = None
    wanted = OWNER * stage.between(1.06, 1.8, 5)
    while offering.of(person) < offering.outstanding * wanted:
        sellers = [
            one for one in offering.holders()
            if offering.sellable(one) > 4_000 and offering.owners[one] is not person
        ]  # fmt: skip
        seller = rng.choice(sellers)
        amount = offering.sellable(seller) * 3 // 4
        offering.move(seller, person, amount, "sale", rng.choice(person.wallets))
        if offering.of(person) > offering.outstanding * OWNER:
            episode = episode or stage.begin((person,), "more than five percent, and not told", 21)
            stage.joined(episode, ())
        yield stage.hours(4, 24)


def listed_later(stage: OfferingStage) -> Play:
    """Somebody deals with holders for months, and then an authority puts his wallet on its list (50
    USC 1705, 31 CFR 501.603: what was his is to be found and told). Medium: four dealings.
    """
    offering, rng, market = stage.offering, stage.rng, stage.market
    yield stage.until(offering.opened + rng.randint(20, 60) * DAY)
    person, other = (market.person("AE", "retail") for _ in range(2))
    offering.reserved.update((*person.wallets, *other.wallets))
    episode = stage.begin((person,), "dealt with holders, and was listed later", 7)
    for number in range(round(stage.between(1, 4, 16))):
        if number % 3 == 2:
            buyer = market.person("US", "retail")
            offering.move(person.wallets[0], buyer, 500, "sale")
        else:
            offering.move(_holder(stage), person, 1_000, "sale")
        stage.joined(episode, ())
        yield stage.hours(24, 240)
    # Whom he paid passes it on: nobody who deals with that one dealt with him.
    offering.move(person.wallets[0], other, 200, "sale")
    yield stage.hours(24, 240)
    offering.move(other.wallets[0], market.person("US", "retail"), 100, "sale")
    yield round(rng.uniform(5, 60) * DAY)
    episode.onset = market.now
    market.tell(_listing(person.wallets[0], market.now))
    for _ in range(2):
        # Most who are listed never had a token.
        market.tell(_listing(market.ledger.new_address(), market.now))
    stage.joined(episode, ())


def _listing(address: str, time: int) -> Sanction:
    return Sanction(address=address, list="OFAC SDN", since=date.fromisoformat(day_of(time)))
