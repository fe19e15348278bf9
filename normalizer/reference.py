"""Reference data: tokens, investors, labelled and sanctioned addresses, as people write them.

Several files add up. Addresses are kept in lower case; a checksum is not asked for.
"""

import datetime
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

_ADDRESS_PATTERN = r"^0x[0-9a-fA-F]{40}$"
Address = Annotated[str, Meta(pattern=_ADDRESS_PATTERN, description="an EVM address")]
Text = Annotated[str, Meta(min_length=1, max_length=256)]
Label = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9_:.-]{0,62}$", description="lower-case letters, digits, _ and -"
    ),
]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2, such as US")]
ChainId = Annotated[int, Meta(ge=1, le=(1 << 63) - 1, description="EIP-155 chain id")]
#: ERC-20 has it as uint8; above 77 no uint256 holds one whole token.
Decimals = Annotated[int, Meta(ge=0, le=77)]
Accreditation = Literal["accredited", "qualified", "retail", "none"]


class _Part(Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Issuer(_Part, kw_only=True):
    """Who issued the token."""

    id: Text
    name: Text | None = None


class TokenContract(_Part, kw_only=True):
    """The token on one chain, with the contracts of its suite."""

    chain: ChainId
    address: Address
    identity_registry: Address | None = None
    compliance: Address | None = None
    #: Who may issue claims about investors (ERC-3643).
    trusted_issuers_registry: Address | None = None
    #: Which claims an investor needs (ERC-3643).
    claim_topics_registry: Address | None = None

    @property
    def suite(self) -> tuple[Address | None, ...]:
        """The contracts that the token's rules are made of."""
        return (
            *(self.identity_registry, self.compliance),
            *(self.trusted_issuers_registry, self.claim_topics_registry),
        )


class Instrument(_Part, kw_only=True):
    """What the token is called at a venue."""

    venue: Text
    symbol: Text
    #: Quote currency; without it, what follows the last ``-`` or ``/`` of the symbol.
    currency: Text | None = None


class Quote(_Part, kw_only=True):
    """The asset that a pool prices the token in."""

    symbol: Text
    address: Address
    decimals: Decimals


class Pool(_Part, kw_only=True):
    """A pool that trades the token. One of ``token0`` and ``token1`` is ``quote.address``."""

    chain: ChainId
    address: Address
    protocol: Text = "uniswap-v3"
    token0: Address
    token1: Address
    quote: Quote
    #: In hundredths of a basis point, as Uniswap v3 has it.
    fee: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None


class PriceFeed(_Part, kw_only=True):
    """An oracle's price of the token: a Chainlink aggregator, not the proxy before it."""

    chain: ChainId
    address: Address
    currency: Text
    #: Of the answer: the aggregator's own ``decimals()``.
    decimals: Decimals = 8
    #: What the aggregator's ``description()`` says, such as ``ACME / USD``.
    name: Text | None = None


class Token(_Part, kw_only=True):
    """A security token."""

    id: Text
    name: Text | None = None
    symbol: Text | None = None
    standard: Text | None = None
    decimals: Decimals = 18
    classification: Text | None = None
    issuer: Issuer | None = None
    contracts: tuple[TokenContract, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    pools: tuple[Pool, ...] = ()
    price_feeds: tuple[PriceFeed, ...] = ()


class Account(_Part, kw_only=True):
    """An account at a venue."""

    venue: Text
    account: Text


class Investor(_Part, kw_only=True):
    """An investor, pseudonymous, with wallets and accounts."""

    id: Text
    jurisdiction: Country | None = None
    accreditation: Accreditation | None = None
    #: Same beneficial owner, or under one control.
    cluster: Text | None = None
    labels: tuple[Label, ...] = ()
    addresses: tuple[Address, ...] = ()
    accounts: tuple[Account, ...] = ()


class LabelledAddress(_Part, kw_only=True):
    """An address that is no investor's, or further labels for one that is."""

    address: Address
    name: Text | None = None
    labels: tuple[Label, ...] = ()


class Sanction(_Part, kw_only=True):
    """An address on a sanctions list. Without ``since`` it counts as listed at any time."""

    address: Address
    list: Text
    since: datetime.date | None = None


class Reference(_Part, kw_only=True):
    """Everything that a reference file may hold."""

    tokens: tuple[Token, ...] = ()
    investors: tuple[Investor, ...] = ()
    addresses: tuple[LabelledAddress, ...] = ()
    sanctions: tuple[Sanction, ...] = ()


def merge(references: Iterable[Reference]) -> Reference:
    """All of them as one."""
    parts = list(references)
    return Reference(
        tokens=tuple(token for part in parts for token in part.tokens),
        investors=tuple(investor for part in parts for investor in part.investors),
        addresses=tuple(address for part in parts for address in part.addresses),
        sanctions=tuple(sanction for part in parts for sanction in part.sanctions),
    )


#: The way to a value: ``("tokens", 0, "contracts", 1, "address")``.
Path = tuple[str | int, ...]


class Contradiction(Struct, frozen=True):
    """Two values of reference data that can't both be; ``first`` is where the other one stands.

    ``file`` and ``first_file`` are places in the sequence of references that was checked.
    """

    file: int
    path: Path
    message: str
    expected: str | None = None
    first_file: int | None = None
    first: Path | None = None


Role = Literal[
    "token",
    "identity-registry",
    "compliance",
    "trusted-issuers-registry",
    "claim-topics-registry",
    "pool",
    "price-feed",
]


class WatchedContract(Struct, frozen=True):
    """A contract whose logs are collected. ``registry`` and ``compliance`` are those of a token."""

    address: str
    role: Role
    token: str
    registry: str | None = None
    compliance: str | None = None


def watched(reference: Reference, chain_id: int) -> tuple[WatchedContract, ...]:
    """The contracts to watch on a chain, each address once per role, in the order of the file."""
    found: dict[tuple[str, str], WatchedContract] = {}

    def add(
        address: str | None,
        role: Role,
        token: str,
        registry: str | None = None,
        compliance: str | None = None,
    ) -> None:
        if address is not None:
            contract = WatchedContract(
                address.lower(), role, token, _lower(registry), _lower(compliance)
            )
            found.setdefault((contract.address, role), contract)

    for token in reference.tokens:
        for contract in token.contracts:
            if contract.chain == chain_id:
                registry, compliance = contract.identity_registry, contract.compliance
                add(contract.address, "token", token.id, registry, compliance)
                add(registry, "identity-registry", token.id)
                add(compliance, "compliance", token.id)
                add(contract.trusted_issuers_registry, "trusted-issuers-registry", token.id)
                add(contract.claim_topics_registry, "claim-topics-registry", token.id)
        for pool in token.pools:
            if pool.chain == chain_id:
                add(pool.address, "pool", token.id)
        for feed in token.price_feeds:
            if feed.chain == chain_id:
                add(feed.address, "price-feed", token.id)
    return tuple(found.values())


def _lower(address: str | None) -> str | None:
    return None if address is None else address.lower()


class _Keys:
    """What was seen, to find what stands there twice."""

    def __init__(self) -> None:
        self.seen: dict[tuple[Any, ...], tuple[int, Path]] = {}
        self.found: list[Contradiction] = []

    def once(self, key: tuple[Any, ...], file: int, path: Path, message: str) -> None:
        if (first := self.seen.setdefault(key, (file, path))) != (file, path):
            self.found.append(
                Contradiction(file, path, message, first_file=first[0], first=first[1])
            )


def contradictions(references: Sequence[Reference]) -> list[Contradiction]:
    """Everything that doesn't fit together, within a file and between files."""
    keys = _Keys()
    for file, reference in enumerate(references):
        for place, token in enumerate(reference.tokens):
            _check_token(keys, file, ("tokens", place), token)
        for place, investor in enumerate(reference.investors):
            _check_investor(keys, file, ("investors", place), investor)
        for place, address in enumerate(reference.addresses):
            keys.once(
                ("label", address.address.lower()),
                file,
                ("addresses", place, "address"),
                f"the address {address.address} is labelled twice; put the labels together",
            )
        for place, sanction in enumerate(reference.sanctions):
            keys.once(
                ("sanction", sanction.address.lower(), sanction.list),
                file,
                ("sanctions", place, "address"),
                f"the address {sanction.address} is on {sanction.list} twice",
            )
    return keys.found


def _check_token(keys: _Keys, file: int, at: Path, token: Token) -> None:
    keys.once(("token", token.id), file, (*at, "id"), f"the token id {token.id} is taken")
    for place, contract in enumerate(token.contracts):
        keys.once(
            ("contract", contract.chain, contract.address.lower()),
            file,
            (*at, "contracts", place, "address"),
            f"{contract.address} on chain {contract.chain} is another contract already",
        )
    for place, instrument in enumerate(token.instruments):
        keys.once(
            ("instrument", instrument.venue, instrument.symbol),
            file,
            (*at, "instruments", place, "symbol"),
            f"{instrument.symbol} of {instrument.venue} is an instrument already",
        )
    for place, pool in enumerate(token.pools):
        keys.once(
            ("contract", pool.chain, pool.address.lower()),
            file,
            (*at, "pools", place, "address"),
            f"{pool.address} on chain {pool.chain} is another contract already",
        )
        keys.found.extend(_check_pool(file, (*at, "pools", place), token, pool))
    for place, feed in enumerate(token.price_feeds):
        keys.once(
            ("contract", feed.chain, feed.address.lower()),
            file,
            (*at, "price_feeds", place, "address"),
            f"{feed.address} on chain {feed.chain} is another contract already",
        )


def _check_pool(file: int, at: Path, token: Token, pool: Pool) -> list[Contradiction]:
    pair = {pool.token0.lower(), pool.token1.lower()}
    quote = pool.quote.address.lower()
    if len(pair) == 1:
        return [Contradiction(file, (*at, "token1"), "token0 and token1 are the same contract")]
    if quote not in pair:
        message = "the quote asset is not in the pool"
        return [
            Contradiction(file, (*at, "quote", "address"), message, expected="token0 or token1")
        ]
    (base,) = pair - {quote}
    own = [c.address for c in token.contracts if c.chain == pool.chain]
    if base not in {address.lower() for address in own}:
        message = f"{base} is no contract of token {token.id} on chain {pool.chain}"
        name = "token0" if pool.token0.lower() == base else "token1"
        return [Contradiction(file, (*at, name), message, expected=" or ".join(own) or None)]
    return []


def _check_investor(keys: _Keys, file: int, at: Path, investor: Investor) -> None:
    keys.once(
        ("investor", investor.id), file, (*at, "id"), f"the investor id {investor.id} is taken"
    )
    for place, address in enumerate(investor.addresses):
        keys.once(
            ("wallet", address.lower()),
            file,
            (*at, "addresses", place),
            f"the wallet {address} is an investor's already",
        )
    for place, account in enumerate(investor.accounts):
        keys.once(
            ("account", account.venue, account.account),
            file,
            (*at, "accounts", place, "account"),
            f"the account {account.account} of {account.venue} is an investor's already",
        )


_SEPARATOR = re.compile(r"[-/]")


def quote_currency(symbol: str) -> str | None:
    """``USD`` of ``ACME-USD`` or ``ACME/USD``; None where the symbol has no such parts."""
    parts = _SEPARATOR.split(symbol)
    return parts[-1] if len(parts) > 1 and parts[-1] else None


__all__ = [
    "Account",
    "Contradiction",
    "Instrument",
    "Investor",
    "Issuer",
    "LabelledAddress",
    "Pool",
    "PriceFeed",
    "Quote",
    "Reference",
    "Sanction",
    "Token",
    "TokenContract",
    "WatchedContract",
    "contradictions",
    "merge",
    "quote_currency",
    "watched",
]
