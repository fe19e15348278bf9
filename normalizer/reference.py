"""Reference data as people write it in files: what contradicts itself, and what is to be watched.

Several files add up. Their records are those of :mod:`pipeline.reference_records`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from msgspec import Struct

from pipeline.reference_changes import change_of
from pipeline.reference_records import (
    Account,
    ContractAddress,
    CorporateEvent,
    Instrument,
    Investor,
    Issuer,
    LabelledAddress,
    ListEntry,
    Mint,
    Pool,
    PriceFeed,
    Quote,
    Reference,
    ReferenceRecord,
    Sanction,
    Token,
    TokenContract,
    VenueAccount,
    compared,
)

_SECTIONS = Reference.__struct_fields__


def merge(references: Iterable[Reference]) -> Reference:
    """All of them as one."""
    parts = list(references)
    return Reference(
        **{name: tuple(one for part in parts for one in getattr(part, name)) for name in _SECTIONS}
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
    "identity-storage",
    "compliance-module",
    "other",
    "pool",
    "price-feed",
]


class WatchedContract(Struct, frozen=True):
    """A contract whose logs are collected. Registry, compliance and standard are those of a token;
    the pool's id is of Uniswap v4, where one contract has all pools.
    """

    address: str
    role: Role
    token: str
    registry: str | None = None
    compliance: str | None = None
    standard: str | None = None
    pool_id: str | None = None


def watched(reference: Reference, chain_id: int) -> tuple[WatchedContract, ...]:
    """The contracts to watch on a chain, each address once per role, in the order of the file."""
    found: dict[tuple[str, str], WatchedContract] = {}

    def add(
        address: str | None,
        role: Role,
        token: str,
        registry: str | None = None,
        compliance: str | None = None,
        standard: str | None = None,
    ) -> None:
        if address is not None:
            contract = WatchedContract(
                address.lower(), role, token, _lower(registry), _lower(compliance), standard
            )
            found.setdefault((contract.address, role), contract)

    for token in reference.tokens:
        for contract in token.contracts:
            if contract.chain == chain_id:
                registry, compliance = contract.identity_registry, contract.compliance
                add(contract.address, "token", token.id, registry, compliance, token.standard)
                add(registry, "identity-registry", token.id)
                add(compliance, "compliance", token.id)
                add(contract.trusted_issuers_registry, "trusted-issuers-registry", token.id)
                add(contract.claim_topics_registry, "claim-topics-registry", token.id)
                add(contract.identity_storage, "identity-storage", token.id)
                for module in contract.compliance_modules:
                    add(module, "compliance-module", token.id)
                for other in contract.others:
                    add(other, "other", token.id)
        for pool in token.pools:
            if pool.chain == chain_id:
                if pool.pool_id is None:
                    add(pool.address, "pool", token.id)
                else:
                    manager, pool_id = pool.address.lower(), pool.pool_id.lower()
                    found.setdefault(
                        (f"{manager}:{pool_id}", "pool"),
                        WatchedContract(manager, "pool", token.id, pool_id=pool_id),
                    )
        for feed in token.price_feeds:
            if feed.chain == chain_id:
                add(feed.address, "price-feed", token.id)
    return tuple(found.values())


def watched_mints(reference: Reference, chain: str | None) -> tuple[str, ...]:
    """The mints to watch on a cluster of Solana, each once; of all clusters where None is given."""
    return tuple(
        dict.fromkeys(
            mint.address
            for token in reference.tokens
            for mint in token.mints
            if chain in (None, mint.chain)
        )
    )


def _lower(address: str | None) -> str | None:
    return None if address is None else address.lower()


#: Of which record, and which version of it, something is.
_Owner = tuple[str, str | None]


class _Keys:
    """What was seen, to find what stands there twice."""

    def __init__(self) -> None:
        self.seen: dict[tuple[Any, ...], tuple[int, Path, _Owner]] = {}
        self.found: list[Contradiction] = []

    def once(
        self,
        key: tuple[Any, ...],
        file: int,
        path: Path,
        message: str,
        owner: _Owner = ("", None),
    ) -> None:
        """``owner``: another version of the same record may have it again."""
        first_file, first, first_owner = self.seen.setdefault(key, (file, path, owner))
        if (first_file, first) == (file, path):
            return
        if owner[0] == first_owner[0] and owner[1] != first_owner[1]:
            return
        self.found.append(Contradiction(file, path, message, first_file=first_file, first=first))


def contradictions(references: Sequence[Reference]) -> list[Contradiction]:
    """Everything that doesn't fit together, within a file and between files."""
    keys = _Keys()
    for file, reference in enumerate(references):
        for section in _SECTIONS:
            for place, record in enumerate(getattr(reference, section)):
                _check_form(keys, file, (section, place), record)
        for place, token in enumerate(reference.tokens):
            _check_token(keys, file, ("tokens", place), token)
        for place, investor in enumerate(reference.investors):
            _check_investor(keys, file, ("investors", place), investor)
        for place, address in enumerate(reference.addresses):
            keys.once(
                ("label", compared(address.address), address.valid_from),
                file,
                ("addresses", place, "address"),
                f"the address {address.address} is labelled twice; put the labels together",
            )
        for place, account in enumerate(reference.accounts):
            keys.once(
                ("account", account.venue, account.account),
                file,
                ("accounts", place, "account"),
                f"the account {account.account} of {account.venue} is an investor's already",
                (f"account {account.investor}", account.valid_from),
            )
        for place, sanction in enumerate(reference.sanctions):
            keys.once(
                ("sanction", compared(sanction.address), sanction.list, sanction.valid_from),
                file,
                ("sanctions", place, "address"),
                f"the address {sanction.address} is on {sanction.list} twice",
            )
        for place, entry in enumerate(reference.lists):
            who = entry.investor or compared(entry.address or "")
            keys.once(
                ("list", entry.list, who, entry.token, entry.valid_from),
                file,
                ("lists", place, "list"),
                f"{who} is on the list {entry.list} twice",
            )
        for place, event in enumerate(reference.corporate_events):
            keys.once(
                ("corporate-event", event.id, event.valid_from),
                file,
                ("corporate_events", place, "id"),
                f"the corporate event {event.id} is there twice",
            )
        for place, venue in enumerate(reference.venues):
            keys.once(
                ("venue", venue.id, venue.valid_from),
                file,
                ("venues", place, "id"),
                f"the calendar of {venue.id} is there twice",
            )
    return keys.found


def _check_form(keys: _Keys, file: int, at: Path, record: ReferenceRecord) -> None:
    try:
        change_of(record)
    except ValueError as error:
        field, _, reason = str(error).partition(": ")
        keys.found.append(Contradiction(file, (*at, field), reason))


def _check_token(keys: _Keys, file: int, at: Path, token: Token) -> None:
    owner = (token.id, token.valid_from)
    keys.once(
        ("token", token.id, token.valid_from),
        file,
        (*at, "id"),
        f"the token id {token.id} is taken",
    )
    for place, contract in enumerate(token.contracts):
        keys.once(
            ("contract", contract.chain, contract.address.lower()),
            file,
            (*at, "contracts", place, "address"),
            f"{contract.address} on chain {contract.chain} is another contract already",
            owner,
        )
    for place, mint in enumerate(token.mints):
        keys.once(
            ("contract", mint.chain, mint.address),
            file,
            (*at, "mints", place, "address"),
            f"{mint.address} on {mint.chain} is another mint already",
            owner,
        )
    for place, instrument in enumerate(token.instruments):
        keys.once(
            ("instrument", instrument.venue, instrument.symbol),
            file,
            (*at, "instruments", place, "symbol"),
            f"{instrument.symbol} of {instrument.venue} is an instrument already",
            owner,
        )
    for place, pool in enumerate(token.pools):
        keys.once(
            ("contract", pool.chain, pool_key(pool)),
            file,
            (*at, "pools", place, "address" if pool.pool_id is None else "pool_id"),
            f"{pool_key(pool)} on chain {pool.chain} is another contract already",
            owner,
        )
        keys.found.extend(_check_pool(file, (*at, "pools", place), token, pool))
    for place, feed in enumerate(token.price_feeds):
        keys.once(
            ("contract", feed.chain, feed_key(feed)),
            file,
            (*at, "price_feeds", place, "address"),
            f"{feed_key(feed)} on chain {feed.chain} is another contract already",
            owner,
        )


def feed_key(feed: PriceFeed) -> str:
    """What tells a feed from all others of its chain: Pyth has many in one contract."""
    address = feed.address.lower()
    return address if feed.feed_id is None else f"{address}:{feed.feed_id.lower()}"


def pool_key(pool: Pool) -> str:
    """What tells a pool from all others of its chain: Uniswap v4 has all in one contract."""
    address = pool.address.lower()
    return address if pool.pool_id is None else f"{address}:{pool.pool_id.lower()}"


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
    coins = [coin.lower() for coin in pool.coins]
    if coins and (not pair <= set(coins) or len(set(coins)) < len(coins)):
        message = "the coins must be all different, and token0 and token1 among them"
        return [Contradiction(file, (*at, "coins"), message)]
    (base,) = pair - {quote}
    own = [c.address for c in token.contracts if c.chain == pool.chain]
    if base not in {address.lower() for address in own}:
        message = f"{base} is no contract of token {token.id} on chain {pool.chain}"
        name = "token0" if pool.token0.lower() == base else "token1"
        return [Contradiction(file, (*at, name), message, expected=" or ".join(own) or None)]
    return []


def _check_investor(keys: _Keys, file: int, at: Path, investor: Investor) -> None:
    owner = (investor.id, investor.valid_from)
    keys.once(
        ("investor", investor.id, investor.valid_from),
        file,
        (*at, "id"),
        f"the investor id {investor.id} is taken",
    )
    for place, address in enumerate(investor.addresses):
        keys.once(
            ("wallet", compared(address)),
            file,
            (*at, "addresses", place),
            f"the wallet {address} is an investor's already",
            owner,
        )
    for place, account in enumerate(investor.accounts):
        keys.once(
            ("account", account.venue, account.account),
            file,
            (*at, "accounts", place, "account"),
            f"the account {account.account} of {account.venue} is an investor's already",
            owner,
        )


_SEPARATOR = re.compile(r"[-/]")


def quote_currency(symbol: str) -> str | None:
    """``USD`` of ``ACME-USD`` or ``ACME/USD``; None where the symbol has no such parts."""
    parts = _SEPARATOR.split(symbol)
    return parts[-1] if len(parts) > 1 and parts[-1] else None


__all__ = [
    "Account",
    "ContractAddress",
    "Contradiction",
    "CorporateEvent",
    "Instrument",
    "Investor",
    "Issuer",
    "LabelledAddress",
    "ListEntry",
    "Mint",
    "Pool",
    "PriceFeed",
    "Quote",
    "Reference",
    "Sanction",
    "Token",
    "TokenContract",
    "VenueAccount",
    "WatchedContract",
    "contradictions",
    "feed_key",
    "merge",
    "quote_currency",
    "watched",
    "watched_mints",
]
