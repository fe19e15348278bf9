"""Offerings: tokens sold under an exemption on a chain, who holds them, and since when.

Months go by, with few transfers in each. All tokens cost a dollar (a euro, where they are offered
in the Union). Holders know from whom and when they got what they hold, and what they got first
leaves first.
"""

import datetime
from bisect import insort
from collections.abc import Callable
from operator import attrgetter
from typing import Literal

import msgspec

from pipeline.reference_records import (
    Accreditation,
    Investor,
    LabelledAddress,
    Reference,
    Token,
    TokenContract,
)
from pipeline.units import DAY
from simulation.chain.ledger import (
    CHAIN_ID,
    ZERO,
    mint_call,
    transfer_call,
    transfer_log,
)
from simulation.chain.sparse import SparseChain

UNIT = 10**18
YEAR = 365 * DAY
Passage = Literal["sale", "gift", "own", "custody"]
"""Why tokens go from one wallet to another. But for a sale, times of holding stay as they are."""


class Person(msgspec.Struct, kw_only=True, eq=False):
    """An investor, the issuer, or who keeps tokens for others."""

    id: str
    country: str
    accreditation: Accreditation
    labels: tuple[str, ...] = ()
    cluster: str | None = None
    accredited_until: str | None = None
    wallets: list[str] = []
    family: "Person | None" = None

    @property
    def affiliate(self) -> bool:
        """Whether he controls the issuer."""
        return "issuer_affiliate" in self.labels

    @property
    def accredited(self) -> bool:
        """An accredited investor, an institution included."""
        return self.accreditation in ("accredited", "qualified")


class Lot(msgspec.Struct):
    """Whole tokens got at one time. `since`: from the issuer, or an affiliate of it. `acquired`: by
    whom they are, whichever of his wallets they were in."""

    amount: int
    issued: int
    since: int
    acquired: int


_acquired = attrgetter("acquired")


class OfferingMarket(SparseChain):
    """A chain with several offerings, and all who take part in them."""

    def __init__(self, seed: int) -> None:
        super().__init__("offerings", seed)
        self.offerings: list[Offering] = []
        self.people: list[Person] = []
        self.named: list[LabelledAddress] = []
        self.custodians = {
            country: self.person(country, "qualified", labels=("custodian",))
            for country in ("US", "CH", "DE")
        }
        """Each keeps what is its customers' in one wallet."""
        self.exchange = self.person("US", "qualified", labels=("custodian", "exchange"))
        """The same, where its customers trade as well."""

    def person(
        self,
        country: str = "US",
        accreditation: Accreditation = "none",
        *,
        labels: tuple[str, ...] = (),
        cluster: str | None = None,
    ) -> Person:
        """Somebody new, with a wallet."""
        person = Person(
            id=f"OFF-{len(self.people) + 1:05d}",
            country=country,
            accreditation=accreditation,
            labels=labels,
            cluster=cluster,
            wallets=[self.ledger.new_address()],
        )
        self.people.append(person)
        return person

    def wallet(self, person: Person) -> str:
        """A further wallet of a person's own."""
        person.wallets.append(self.ledger.new_address())
        return person.wallets[-1]

    def family(self, person: Person) -> Person:
        """Who gets what a person gives away in the family; the same one each time."""
        if person.family is None:
            person.family = self.person(person.country, "retail", labels=("permitted_transferee",))
        return person.family

    def reference(self) -> Reference:
        """What is known of all of it from the beginning."""
        tokens = tuple(
            Token(
                id=one.id,
                symbol=f"S{place:02d}",
                standard="ERC-20",
                decimals=18,
                classification=one.classification,
                contracts=(TokenContract(chain=CHAIN_ID, address=one.token),),
            )
            for place, one in enumerate(self.offerings, 1)
        )
        investors = tuple(
            Investor(
                id=one.id,
                jurisdiction=one.country,
                accreditation=one.accreditation,
                accredited_until=one.accredited_until,
                cluster=one.cluster,
                labels=one.labels,
                addresses=tuple(one.wallets),
            )
            for one in self.people
        )
        return Reference(tokens=tokens, investors=investors, addresses=tuple(self.named))


class Offering:
    """One token: sold by its issuer, and then sold on, given and kept by those who hold it."""

    def __init__(self, market: OfferingMarket, kind: str, classification: str) -> None:
        self.market = market
        self.number = len(market.offerings)
        self.kind = kind
        self.classification = classification
        self.id = f"{kind}-{self.number}"
        self.rng = market.fork(f"offering:{self.id}")
        self.token = market.ledger.new_address()
        self.issuer = market.person("US", "none", labels=("issuer",))
        self.treasury = self.issuer.wallets[0]
        self.balances: dict[str, int] = {}
        self.lots: dict[str, list[Lot]] = {}
        self.owners: dict[str, Person] = {self.treasury: self.issuer}
        self.opened = market.now
        """When sales began."""
        self.closed = 0
        """When the issuer sold last."""
        self.sold = 0
        """What it sold in all."""
        self.custodian = market.custodians["US"]
        self.deposits: dict[str, int] = {}
        """How much out of which wallet the custodian has: its books, which no chain shows."""
        self.kept: dict[str, list[Lot]] = {}
        """What these are, by person."""
        self.buyer: Callable[[str], Person | None] = lambda wallet: None
        """Whom the holder of a wallet may sell to now; None: he may not, or doesn't."""
        self.sellable: Callable[[str], int] = self.held
        """How many tokens of a wallet may be sold to him."""
        self.reserved: set[str] = set()
        """Wallets of which somebody disposes who has plans of his own."""
        self.room: Callable[[], bool] = lambda: True
        """Whether there may be one more holder."""
        market.offerings.append(self)

    # --- acts -------------------------------------------------------------------------------------

    def sell(self, person: Person, amount: int, wallet: str | None = None) -> None:
        """The issuer sells whole tokens: out of its own wallet, or made for the purchaser."""
        target = wallet or person.wallets[0]
        if self.balances.get(self.treasury, 0) >= amount:
            self._send(self.treasury, target, amount)
        else:
            self._mint(target, amount)
        self.closed = self.market.now
        self.sold += amount
        now = self.market.now
        self._got(target, person, [Lot(amount, now, now, now)])

    def stock(self, amount: int) -> None:
        """The issuer makes tokens for its own wallet, to sell them from there."""
        self._mint(self.treasury, amount)

    def buy_back(self, source: str, amount: int) -> None:
        """A holder sells to the issuer."""
        self._send(source, self.treasury, amount)
        _take(self.lots[source], amount)

    def move(
        self, source: str, person: Person, amount: int, passage: Passage, wallet: str | None = None
    ) -> None:
        """A holder sends whole tokens to a person."""
        target = wallet or person.wallets[0]
        self._send(source, target, amount)
        lots = _take(self.lots[source], amount)
        for lot in lots if passage == "sale" else ():
            lot.acquired = self.market.now
            if self.owners[source].affiliate:
                lot.since = self.market.now
        self._got(target, person, lots)

    def deposit(self, wallet: str, amount: int) -> None:
        """A holder gives tokens into custody, where they lie together with others'."""
        self._send(wallet, self.custodian.wallets[0], amount)
        self.owners[self.custodian.wallets[0]] = self.custodian
        self.deposits[wallet] = self.deposits.get(wallet, 0) + amount
        _put(self.kept.setdefault(self.owners[wallet].id, []), _take(self.lots[wallet], amount))

    def withdraw(self, wallet: str) -> None:
        """He gets as much back as came from this wallet: the first of what is kept for him."""
        owner, amount = self.owners[wallet], self.deposits.pop(wallet)
        self._send(self.custodian.wallets[0], wallet, amount)
        self._got(wallet, owner, _take(self.kept[owner.id], amount))

    # --- what is there ----------------------------------------------------------------------------

    def held(self, wallet: str) -> int:
        """Whole tokens in a wallet."""
        return self.balances.get(wallet, 0)

    def matured(self, wallet: str, age: int) -> int:
        """Tokens of the lots that leave first and were got long enough ago from the issuer."""
        total = 0
        for lot in self.lots.get(wallet, ()):
            if lot.since + age > self.market.now:
                break
            total += lot.amount
        return total

    def of(self, person: Person) -> int:
        """What a person holds in all wallets of his."""
        return sum(self.held(one) for one in person.wallets)

    @property
    def outstanding(self) -> int:
        """All but what the issuer has."""
        return sum(self.balances.values()) - self.held(self.treasury)

    def holders(self) -> list[str]:
        """Wallets of holders, in the order they came, but for the issuer's, the custodian's and
        those of people with plans of their own."""
        return [
            one
            for one, amount in self.balances.items()
            if amount > 0
            and one not in self.reserved
            and self.owners[one] not in (self.issuer, self.custodian)
        ]

    def unaccredited(self) -> int:
        """How many holders of record aren't accredited."""
        return len({id(self.owners[one]) for one in self.holders() if not self.accredited(one)})

    def accredited(self, wallet: str) -> bool:
        """Whether the owner of a wallet is an accredited investor."""
        return self.owners[wallet].accredited

    # --- the chain --------------------------------------------------------------------------------

    def _mint(self, target: str, amount: int) -> None:
        log = transfer_log(self.token, ZERO, target, amount * UNIT)
        self.market.ledger.send(
            self.treasury, self.token, (log,), data=mint_call(target, amount * UNIT)
        )
        self.balances[target] = self.held(target) + amount

    def _send(self, source: str, target: str, amount: int) -> None:
        assert 0 < amount <= self.held(source), (source, amount, self.held(source))
        log = transfer_log(self.token, source, target, amount * UNIT)
        call = transfer_call(target, amount * UNIT)
        self.market.ledger.send(source, self.token, (log,), data=call)
        self.balances[source] -= amount
        self.balances[target] = self.held(target) + amount

    def _got(self, wallet: str, person: Person, lots: list[Lot]) -> None:
        self.owners[wallet] = person
        _put(self.lots.setdefault(wallet, []), lots)


def _take(lots: list[Lot], amount: int) -> list[Lot]:
    """What leaves, the oldest first."""
    taken: list[Lot] = []
    while amount:
        lot = lots[0]
        part = min(amount, lot.amount)
        taken.append(Lot(part, lot.issued, lot.since, lot.acquired))
        lot.amount -= part
        amount -= part
        if not lot.amount:
            lots.pop(0)
    return taken


def _put(lots: list[Lot], more: list[Lot]) -> None:
    for lot in more:
        insort(lots, lot, key=_acquired)


def day_of(time: int) -> str:
    """The day of a time, as reference data has it."""
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=time // DAY)).isoformat()
