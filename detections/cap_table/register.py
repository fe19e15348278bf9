"""Balances by wallet and by person, moved on by transfers: who holds, without since when."""

from collections.abc import Callable

from msgspec import Struct, field

from detections.cap_table.movements import ISSUER_LABELS
from detections.engine.correlator_state import Whole
from detections.idlest import latest
from normalizer.events.chain import ZERO_ADDRESS, TokenTransfer

#: Wallets of one token that are known; later ones aren't taken then.
MOST_WALLETS = 200_000
MOST_TOKENS = 1_000
_ISSUER = frozenset(ISSUER_LABELS)


class Wallet(Struct, array_like=True, gc=False):
    """A wallet, and whose it is."""

    person: str
    balance: Whole


class Person(Struct, array_like=True, gc=False):
    """A cluster, an investor, or a wallet of which nothing is known."""

    balance: Whole = Whole(0)
    jurisdiction: str | None = None
    accreditation: str | None = None
    issuer: bool = False
    """The issuer itself: what it holds is not outstanding."""
    exempt: bool = False
    """By its label it isn't counted."""
    marks: int = 0
    """As what it is counted; 0 as nothing."""
    counted_in: str | None = None
    """The country in which it is counted."""


class Register(Struct):
    """A token's holders."""

    wallets: dict[str, Wallet] = field(default_factory=dict[str, Wallet])
    persons: dict[str, Person] = field(default_factory=dict[str, Person])
    outstanding: Whole = Whole(0)
    """What persons other than the issuer hold."""
    whole: bool = True
    """All was seen from the first issue on. Else balances are the least that they can be."""
    begun: bool = False
    refused: int = 0
    """Wallets that were not taken for want of room."""
    first: int = 0
    """Time of the first transfer."""


def register_of(
    registers: dict[str, Register],
    event: TokenTransfer,
    drop: Callable[[str], object] | None = None,
) -> Register:
    """The token's register; a new one where it is not known. The idlest token gives way."""
    key = event.token_id or event.contract or event.token_address or ""
    return latest(registers, key, MOST_TOKENS, Register, drop)


def record(
    register: Register, event: TokenTransfer, *, by_cluster: bool, exempt: frozenset[str]
) -> tuple[str | None, str | None, str | None, str | None]:
    """Take a transfer. Returns the persons whose balance it may have changed.

    These are the source, the destination, and whoever either wallet belonged to before, where the
    reference data has it as another's now.
    """
    amount = int(event.amount_raw)
    source, destination = event.source_address, event.destination_address
    kind = event.transfer_type
    mint = kind == "mint" or source == ZERO_ADDRESS
    burn = kind == "burn" or destination == ZERO_ADDRESS
    if not register.begun:
        register.begun, register.whole, register.first = True, mint, event.timestamp
    if source == destination and not mint and not burn:
        return None, None, None, None
    sender = receiver = before = earlier = None
    if not mint:
        cluster = event.source_cluster if by_cluster else None
        labels = event.source_labels
        sender = cluster or event.source_investor or source
        before = _change(
            register,
            source,
            sender,
            -amount,
            event.source_jurisdiction,
            event.source_accreditation,
            issuer=bool(labels) and not _ISSUER.isdisjoint(labels),
            exempt=bool(labels) and not exempt.isdisjoint(labels),
        )
    if not burn:
        cluster = event.destination_cluster if by_cluster else None
        labels = event.destination_labels
        receiver = cluster or event.destination_investor or destination
        earlier = _change(
            register,
            destination,
            receiver,
            amount,
            event.destination_jurisdiction,
            event.destination_accreditation,
            issuer=bool(labels) and not _ISSUER.isdisjoint(labels),
            exempt=bool(labels) and not exempt.isdisjoint(labels),
        )
    return sender, receiver, before, earlier


def _change(
    register: Register,
    address: str,
    name: str,
    amount: int,
    jurisdiction: str | None,
    accreditation: str | None,
    *,
    issuer: bool,
    exempt: bool,
) -> str | None:
    """Change a wallet's balance. Returns whose it was before, if that was another."""
    wallets, persons = register.wallets, register.persons
    wallet = wallets.get(address)
    before = None
    if wallet is None:
        if len(wallets) >= MOST_WALLETS:
            register.refused += 1
            return None
        wallet = wallets[address] = Wallet(name, Whole(0))
    elif wallet.person != name:
        before = wallet.person
        _add(register, persons[before], -wallet.balance)
        wallet.person = name
    person = persons.get(name)
    if person is None:
        person = persons[name] = Person()
    if person.issuer is not issuer:
        sign = 1 if person.issuer else -1
        register.outstanding = Whole(register.outstanding + sign * person.balance)
        person.issuer = issuer
    person.exempt = exempt
    person.jurisdiction = jurisdiction or person.jurisdiction
    person.accreditation = accreditation or person.accreditation
    if before is not None:
        _add(register, person, wallet.balance)
    balance = wallet.balance + amount
    if balance < 0:  # it had more than was seen
        register.whole = False
        amount -= balance
        balance = 0
    wallet.balance = Whole(balance)
    _add(register, person, amount)
    if not balance:
        del wallets[address]
    return before


def _add(register: Register, person: Person, amount: int) -> None:
    person.balance = Whole(person.balance + amount)
    if not person.issuer:
        register.outstanding = Whole(register.outstanding + amount)


def forget(register: Register, name: str | None) -> None:
    """Forget a person without tokens, of whom nothing need be remembered."""
    if name is not None:
        person = register.persons.get(name)
        if person is not None and not (person.balance or person.marks or person.counted_in):
            del register.persons[name]
