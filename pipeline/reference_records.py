"""Records of reference data: what is known of tokens, investors, addresses, lists and events.

These are the forms in which people write them in files and sources give them. Everywhere in them:

* addresses that begin with ``0x`` are compared in lower case; a checksum is not asked for;
* ``valid_from`` and ``valid_to`` bound the event times for which a record holds. A day as
  ``valid_from`` counts from its first moment on, as ``valid_to`` to its last. Without them a record
  holds at any time. Several records of one key with different ``valid_from`` are its history:
  at a time the latest one that holds then counts.

Investors are pseudonymous: names, documents and dates of birth stay where they are.
"""

import datetime
import re
from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from pipeline.chain_ids import SolanaChain
from pipeline.units import DAY
from pipeline.venue_sessions import ReferenceTime, Session, SpecialDay, TimeZone

#: A contract of an EVM chain.
ContractAddress = Annotated[
    str, Meta(pattern=r"^0x[0-9a-fA-F]{40}$(?!\n)", description="an EVM address")
]
#: A wallet: of an EVM chain, or of Solana, whose addresses are compared as they are written.
Address = Annotated[
    str,
    Meta(
        pattern=r"^(0x[0-9a-fA-F]{40}|[1-9A-HJ-NP-Za-km-z]{32,44})$(?!\n)",
        description="an EVM address or a Solana address",
    ),
]
#: An account of Solana: the base58 of 32 bytes. It is compared as it is written.
SolanaAddress = Annotated[
    str, Meta(pattern=r"^[1-9A-HJ-NP-Za-km-z]{32,44}$(?!\n)", description="a Solana address")
]
#: Sanctions lists and risk providers name addresses of all chains: Bitcoin, Solana, Tron, ...
AnyAddress = Annotated[
    str,
    Meta(
        pattern=r"^(0x[0-9a-fA-F]{40}|0x[0-9a-fA-F]{64}|(?!0[xX])[A-Za-z0-9:_.-]{20,128})$(?!\n)",
        description="an address of a chain",
    ),
]
Text = Annotated[str, Meta(min_length=1, max_length=256)]
LongText = Annotated[str, Meta(min_length=1, max_length=4096)]
Label = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9_:.-]{0,62}$(?!\n)",
        description="lower-case letters, digits, _ and -",
    ),
]
Country = Annotated[
    str, Meta(pattern=r"^[A-Z]{2}$(?!\n)", description="ISO 3166-1 alpha-2, such as US")
]
ChainId = Annotated[int, Meta(ge=1, le=(1 << 63) - 1, description="EIP-155 chain id")]
#: ERC-20 has it as uint8; above 77 no uint256 holds one whole token.
Decimals = Annotated[int, Meta(ge=0, le=77)]
Accreditation = Literal["accredited", "qualified", "retail", "none"]
#: Read by :func:`moment`, which also refuses days that don't exist.
Moment = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$(?!\n)",
        description="a day such as 2026-01-31, or a time such as 2026-01-31T16:00:00Z",
    ),
]

_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EVM = re.compile(r"0[xX][0-9a-fA-F]{40}")
_FRACTION = re.compile(r"\.(\d{1,9})")


def moment(text: str, *, end: bool = False) -> int:
    """A :data:`Moment` in nanoseconds since the epoch.

    A day is its first moment; with ``end`` the first moment after it. Raises ValueError.
    """
    if len(text) == 10:
        day = datetime.date.fromisoformat(text).toordinal() - _EPOCH_DAY
        return (day + end) * DAY
    fraction = _FRACTION.search(text)
    whole = datetime.datetime.fromisoformat(_FRACTION.sub("", text))
    since = whole - _EPOCH
    nanoseconds = int(fraction[1].ljust(9, "0")) if fraction else 0
    return (since.days * 86_400 + since.seconds) * 10**9 + nanoseconds


def compared(address: str) -> str:
    """An address as it is compared: those of EVM chains in lower case, others as written."""
    return address.lower() if address.startswith("0x") else address


def compared_account(account: str) -> str:
    """An account as it is compared: an address of an EVM chain in lower case, others as written."""
    return account.lower() if _EVM.fullmatch(account) else account


class _Part(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    pass


class _Record(_Part, kw_only=True, gc=False):
    #: From when it holds, by event time.
    valid_from: Moment | None = None
    #: Until when; a day is meant to its end.
    valid_to: Moment | None = None


class Issuer(_Part, kw_only=True, gc=False):
    """Who issued the token."""

    id: Text
    name: Text | None = None


class TokenContract(_Part, kw_only=True, gc=False):
    """The token on one chain, with the contracts of its suite."""

    chain: ChainId
    address: ContractAddress
    identity_registry: ContractAddress | None = None
    compliance: ContractAddress | None = None
    #: Who may issue claims about investors (ERC-3643).
    trusted_issuers_registry: ContractAddress | None = None
    #: Which claims an investor needs (ERC-3643).
    claim_topics_registry: ContractAddress | None = None
    #: Where the identity registry keeps who is who (ERC-3643). Several tokens may share it.
    identity_storage: ContractAddress | None = None
    #: The rules in the compliance contract, which say themselves what they are set to (T-REX).
    compliance_modules: tuple[ContractAddress, ...] = ()
    #: Whatever else tells of the token: holds, SRC-20's rules, registries and manager, a beacon.
    others: tuple[ContractAddress, ...] = ()

    @property
    def suite(self) -> tuple[ContractAddress | None, ...]:
        """The contracts that the token's rules are made of."""
        return (
            *(self.identity_registry, self.compliance),
            *(self.trusted_issuers_registry, self.claim_topics_registry),
            *(self.identity_storage, *self.compliance_modules, *self.others),
        )


class Mint(_Part, kw_only=True, gc=False):
    """The token on Solana: its mint, of SPL Token or Token-2022."""

    #: The cluster, such as ``solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp`` for mainnet.
    chain: SolanaChain
    address: SolanaAddress


class Instrument(_Part, kw_only=True, gc=False):
    """What the token is called at a venue."""

    venue: Text
    symbol: Text
    #: Quote currency; without it, what follows the last ``-`` or ``/`` of the symbol, if that is no
    #: number.
    currency: Text | None = None


class Quote(_Part, kw_only=True, gc=False):
    """The asset that a pool prices the token in."""

    symbol: Text
    address: ContractAddress
    decimals: Decimals


class Pool(_Part, kw_only=True, gc=False):
    """A pool that trades the token. One of ``token0`` and ``token1`` is ``quote.address``."""

    chain: ChainId
    address: ContractAddress
    protocol: Text = "uniswap-v3"
    token0: ContractAddress
    token1: ContractAddress
    quote: Quote
    #: In hundredths of a basis point, as Uniswap v3 has it.
    fee: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    #: Of Uniswap v4, where ``address`` is that of the PoolManager, which has all pools: 32 bytes
    #: with 0x. ``token0`` is the zero address where it is ether.
    pool_id: Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{64}$(?!\n)")] | None = None
    #: Of Curve: all coins in the pool's own order. Without, they are ``token0`` and ``token1``.
    coins: tuple[ContractAddress, ...] = ()


class PriceFeed(_Part, kw_only=True, gc=False):
    """An oracle's price of the token: a Chainlink feed, or one of a Pyth contract."""

    chain: ChainId
    #: Chainlink's proxy, as its site lists it, or the aggregator behind it; Pyth's contract.
    address: ContractAddress
    #: Of the price in a Pyth contract, which has many: 32 bytes with 0x.
    feed_id: Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{64}$(?!\n)")] | None = None
    currency: Text
    #: Of the answer: the aggregator's own ``decimals()``; with Pyth the exponent without its sign.
    decimals: Decimals = 8
    #: A new answer is promised at least so often, in seconds; Chainlink's site has it of each feed.
    heartbeat: Annotated[int, Meta(ge=1, le=31_536_000)] | None = None
    #: What the aggregator's ``description()`` says, such as ``ACME / USD``.
    name: Text | None = None


class Token(_Record, kw_only=True, gc=False):
    """A security token."""

    id: Text
    name: Text | None = None
    symbol: Text | None = None
    standard: Text | None = None
    decimals: Decimals = 18
    classification: Text | None = None
    issuer: Issuer | None = None
    contracts: tuple[TokenContract, ...] = ()
    mints: tuple[Mint, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    pools: tuple[Pool, ...] = ()
    price_feeds: tuple[PriceFeed, ...] = ()


class Account(_Part, kw_only=True, gc=False):
    """An account at a venue."""

    venue: Text
    account: Text


class Investor(_Record, kw_only=True, gc=False):
    """An investor, pseudonymous, with wallets and accounts."""

    id: Text
    jurisdiction: Country | None = None
    accreditation: Accreditation | None = None
    #: The last day on which the accreditation counts, or the moment at which it ends.
    accredited_until: Moment | None = None
    #: Same beneficial owner, or under one control.
    cluster: Text | None = None
    labels: tuple[Label, ...] = ()
    addresses: tuple[Address, ...] = ()
    accounts: tuple[Account, ...] = ()


class LabelledAddress(_Record, kw_only=True, gc=False):
    """An address: its labels, and the investor that it is of, where no investor lists it."""

    address: Address
    name: Text | None = None
    labels: tuple[Label, ...] = ()
    investor: Text | None = None
    #: Addresses of one owner, as far as links between them tell; an investor's own goes before.
    cluster: Text | None = None


class VenueAccount(_Record, kw_only=True, gc=False):
    """An account at a venue and the investor that it is of, where no investor lists it."""

    venue: Text
    account: Text
    investor: Text


class Sanction(_Record, kw_only=True, gc=False):
    """An address on a sanctions list. Without ``since`` it counts as listed at any time."""

    address: AnyAddress
    list: Text
    since: datetime.date | None = None
    #: The list's own number of the entry, such as OFAC's ``uid``.
    entry: Text | None = None
    #: Sanctions programmes, such as ``CYBER2``.
    programs: tuple[Text, ...] = ()
    #: The list's name of the asset, such as ``ETH``.
    asset: Text | None = None


class ListEntry(_Record, kw_only=True, gc=False):
    """Somebody on a list of yours: an insider, an affiliate, restricted, a custodian.

    The list's name becomes a label of who is on it. With ``token`` it is one in events of this
    token only, so an insider of one issuer is none of another.
    """

    list: Label
    #: One of the two.
    investor: Text | None = None
    address: Address | None = None
    token: Text | None = None
    reason: Text | None = None


class CorporateEvent(_Record, kw_only=True, gc=False):
    """Something that an issuer made known, or will: it is known since it came here."""

    id: Text
    token: Text
    type: Literal[
        "announcement", "nav", "capital-call", "distribution", "redemption", "tender-offer",
        "split", "merger", "financial-results", "rating", "default", "listing", "delisting",
        "meeting", "other",
    ]  # fmt: skip
    #: When the public learned of it, or shall.
    announced: Moment
    #: When it takes effect.
    effective: Moment | None = None
    title: Text | None = None
    #: A NAV, or an amount per token: decimal digits.
    value: Annotated[str, Meta(pattern=r"^-?\d{1,60}(\.\d{1,30})?$(?!\n)")] | None = None
    currency: Text | None = None
    #: Whether it was inside information until then (MAR Art. 7).
    inside: bool = False


class Verification(_Record, kw_only=True, gc=False):
    """What a KYC provider says of an investor or an address."""

    provider: Label
    #: One of the two.
    investor: Text | None = None
    address: Address | None = None
    status: Literal["verified", "pending", "rejected", "expired", "revoked"]
    #: The provider's own name of what was checked, such as ``plus+liveness``.
    level: Text | None = None
    country: Country | None = None
    accreditation: Accreditation | None = None
    checked: Moment | None = None
    #: The last day, or the moment, until which it counts.
    expires: Moment | None = None


class Risk(_Record, kw_only=True, gc=False):
    """What a risk provider says of an address."""

    provider: Label
    address: AnyAddress
    level: Literal["low", "medium", "high", "severe"] | None = None
    #: The provider's own score, whatever its scale.
    score: float | None = None
    #: What it has to do with, such as ``mixer``.
    categories: tuple[Label, ...] = ()
    checked: Moment | None = None


class Link(_Record, kw_only=True, gc=False):
    """Why two addresses are thought to be of one owner. ``address`` is the lesser of the two."""

    address: Address
    other: Address
    reason: Label
    #: How much it says, above 0 and up to 1.
    weight: Annotated[float, Meta(gt=0, le=1)] = 1.0
    #: Ids of the events that show it.
    evidence: tuple[Text, ...] = ()
    detail: LongText | None = None


class Override(_Record, kw_only=True, gc=False):
    """An analyst's word on whether addresses are of one owner; it goes above every link."""

    id: Text
    action: Literal["separate", "join"]
    addresses: Annotated[tuple[Address, ...], Meta(min_length=1)]
    who: Text
    why: LongText
    at: Moment


class Venue(_Record, kw_only=True, gc=False):
    """A venue's calendar. Its hours are by the clock of its time zone."""

    #: The venue's name, as in `instruments`.
    id: Text
    time_zone: TimeZone = "Etc/UTC"
    #: Phases of a trading day. Without any it trades at all times.
    sessions: tuple[Session, ...] = ()
    #: Days without sessions and references.
    holidays: tuple[datetime.date, ...] = ()
    #: Days with other hours, such as half days.
    special_days: tuple[SpecialDay, ...] = ()
    #: When prices are taken as reference: closes, net asset values, fixings.
    references: tuple[ReferenceTime, ...] = ()


class Reference(_Part, kw_only=True, gc=False):
    """Everything that a reference file may hold."""

    tokens: tuple[Token, ...] = ()
    investors: tuple[Investor, ...] = ()
    addresses: tuple[LabelledAddress, ...] = ()
    accounts: tuple[VenueAccount, ...] = ()
    sanctions: tuple[Sanction, ...] = ()
    #: Insiders, affiliates, restricted lists, custodians.
    lists: tuple[ListEntry, ...] = ()
    corporate_events: tuple[CorporateEvent, ...] = ()
    #: Calendars of venues.
    venues: tuple[Venue, ...] = ()

    def records(self) -> "Iterator[ReferenceRecord]":
        """All of its records, section by section."""
        yield from self.tokens
        yield from self.investors
        yield from self.addresses
        yield from self.accounts
        yield from self.sanctions
        yield from self.lists
        yield from self.corporate_events
        yield from self.venues


ReferenceRecord = (
    Token
    | Investor
    | LabelledAddress
    | VenueAccount
    | Sanction
    | ListEntry
    | CorporateEvent
    | Venue
    | Verification
    | Risk
    | Link
    | Override
)

__all__ = [
    "Account",
    "Accreditation",
    "Address",
    "AnyAddress",
    "ChainId",
    "ContractAddress",
    "CorporateEvent",
    "Country",
    "Decimals",
    "Instrument",
    "Investor",
    "Issuer",
    "Label",
    "LabelledAddress",
    "Link",
    "ListEntry",
    "LongText",
    "Mint",
    "Moment",
    "Override",
    "Pool",
    "PriceFeed",
    "Quote",
    "Reference",
    "ReferenceRecord",
    "Risk",
    "Sanction",
    "SolanaAddress",
    "Text",
    "Token",
    "TokenContract",
    "Venue",
    "VenueAccount",
    "Verification",
    "compared",
    "compared_account",
    "moment",
]
