"""What holders of a token do who keep to its terms."""

import random
from collections.abc import Callable

from pipeline.reference_records import Accreditation
from pipeline.units import DAY, HOUR
from simulation.chain.offering import YEAR, Offering, OfferingMarket, Person
from simulation.chain.sparse import Play

LOCK_UP = 180 * DAY
"""FINRA 5110(e)(1), from the beginning of the sales."""
OWNER = 0.05
"""13d-1(a): who has more must tell."""
AFTER_A_YEAR = YEAR + DAY
_ON_ITS_OWN = {"permitted_transferee", "distributor"}
"""Who gives nothing away."""


def retail(rng: random.Random) -> Accreditation:
    return rng.choice(("none", "retail"))


def somebody(market: OfferingMarket, rng: random.Random) -> Callable[[], Person]:
    """People of the United States who aren't accredited, a new one each time."""
    return lambda: market.person("US", retail(rng))


def life(offering: Offering, days: float = 2.0) -> Play:
    """Own wallets, gifts in the family, custody, and sales to whom and when they are allowed."""
    market, rng = offering.market, offering.market.fork(f"life:{offering.id}")
    while True:
        yield round(rng.expovariate(1 / days) * DAY)
        holders = offering.holders()
        if not holders:
            continue
        wallet, kind = rng.choice(holders), rng.random()
        owner, held = offering.owners[wallet], offering.held(wallet)
        part = max(1, round(held * rng.uniform(0.1, 0.9)))
        if kind < 0.12:
            own = [one for one in owner.wallets if one != wallet] or [market.wallet(owner)]
            offering.move(wallet, owner, held if rng.random() < 0.5 else part, "own", own[0])
        elif kind < 0.2 and offering.room() and not _ON_ITS_OWN.intersection(owner.labels):
            offering.move(wallet, market.family(owner), part, "gift")
        elif kind < 0.3:
            offering.deposit(wallet, part)
        elif kind < 0.42 and offering.deposits and offering.room():
            offering.withdraw(rng.choice(list(offering.deposits)))
        else:
            sold = min(part, offering.sellable(wallet))
            buyer = offering.buyer(wallet) if sold else None
            if buyer is not None and buyer is not owner:
                offering.move(wallet, buyer, sold, "sale")


def distribution(
    offering: Offering, purchases: list[tuple[Person, int]], days: float, name: str = "first"
) -> Play:
    """The issuer sells to each purchaser at a time of its own, within so many days; some buy in two
    parts, or into two wallets. In no days at all: at once."""
    market, rng = offering.market, offering.market.fork(f"distribution:{name}:{offering.id}")
    parts: list[tuple[float, Person, int]] = []
    for person, amount in purchases:
        cut = amount // 2 if amount > 1 and rng.random() < 0.2 else 0
        parts.append((rng.uniform(0, days), person, amount - cut))
        if cut:
            parts.append((rng.uniform(0, days), person, cut))
    parts.sort(key=lambda one: one[0])
    gone = 0.0
    for at, person, amount in parts:
        if days:
            yield round((at - gone) * DAY)
        gone = at
        second = market.wallet(person) if rng.random() < 0.1 else None
        offering.sell(person, amount, second)


def after_the_period(
    offering: Offering, day: Callable[[str], int], buyer: Callable[[], Person], sellers: int
) -> Play:
    """Some sell a part of what they have as soon as they may: on the day after the period's end.

    `day`: at which time a wallet may sell, by what it holds now.
    """
    rng = offering.market.fork(f"after:{offering.id}")
    found = [
        one for one in offering.holders()
        if offering.lots[one] and not offering.owners[one].affiliate
    ]  # fmt: skip
    for wallet in sorted(rng.sample(found, min(sellers, len(found))), key=day):
        wait = day(wallet) + round(rng.uniform(1, 20) * HOUR) - offering.market.now
        yield max(0, wait)
        sold = min(offering.held(wallet) // 2, offering.sellable(wallet))
        if sold and day(wallet) <= offering.market.now and offering.room():
            offering.move(wallet, buyer(), sold, "sale")


def _waits(offering: Offering, days: float, play: Callable[[], Play]) -> Play:
    yield round(days * DAY)
    yield from play()


def begin_later(offering: Offering, days: float, play: Callable[[], Play]) -> None:
    """Let a play begin so many days after now, with what is there then."""
    offering.market.begin(_waits(offering, days, play))


def spread(offering: Offering) -> Play:
    """Holders sell small parts to people who aren't accredited, as long as there is room."""
    rng = offering.market.fork(f"spread:{offering.id}")
    while offering.room():
        spread_once(offering, rng)
        yield round(rng.uniform(1, 4) * HOUR)


def spread_once(offering: Offering, rng: random.Random) -> tuple[str, Person]:
    """One holder sells a little to one more person who isn't accredited."""
    held = [one for one in offering.holders() if offering.matured(one, AFTER_A_YEAR) > 1_000]
    wallet, buyer = rng.choice(held), offering.market.person("US", retail(rng))
    offering.move(wallet, buyer, rng.randint(50, 500), "sale")
    return wallet, buyer


def affiliate_sells(offering: Offering, person: Person) -> Play:
    """Close to one percent of what is outstanding in three months (144(e)(1)), in some sales."""
    market, rng = offering.market, offering.market.fork(f"affiliate:{person.id}")
    while True:
        whole = round(offering.outstanding * rng.uniform(0.008, 0.0096))
        for _ in range(3):
            wallet = max(person.wallets, key=offering.held)
            if offering.held(wallet) < whole // 3:
                return
            buyer = market.person("US", rng.choice(("retail", "accredited")))
            offering.move(wallet, buyer, whole // 3, "sale")
            yield round(rng.uniform(1, 20) * DAY)
        yield 94 * DAY


def free_again(offering: Offering, person: Person) -> Play:
    """Sells a part on the day after the lock-up, and more later."""
    market, rng = offering.market, offering.market.fork(f"free:{person.id}")
    yield offering.opened + LOCK_UP + DAY + round(rng.uniform(1, 20) * HOUR) - market.now
    for _ in range(3):
        wallet = max(person.wallets, key=offering.held)
        if offering.held(wallet) > 1_000:
            offering.move(wallet, market.person("US", "retail"), offering.held(wallet) // 4, "sale")
        yield round(rng.uniform(3, 30) * DAY)


def gathers(offering: Offering, person: Person, part: float, days: float = 40.0) -> Play:
    """Buys from many into two wallets, up to a part of five percent of what is outstanding."""
    market, rng = offering.market, offering.market.fork(f"gathers:{person.id}")
    market.wallet(person)
    offering.reserved.update(person.wallets)
    while True:
        left = int(offering.outstanding * OWNER * part) - offering.of(person)
        sellers = [
            one for one in offering.holders()
            if offering.sellable(one) > 2_000 and offering.owners[one] is not person
        ]  # fmt: skip
        if left < 500 or not sellers:
            return
        seller = rng.choice(sellers)
        amount = min(left, offering.sellable(seller) // 2, 60_000)
        offering.move(seller, person, amount, "sale", rng.choice(person.wallets))
        yield round(rng.uniform(0.2, 1.8) * days / 20 * DAY)
