"""Reference data as people write it in files, and what of a chain is to be watched for it.

Several files add up. Their records are those of :mod:`pipeline.reference_records`.
"""

import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

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
    Sanction,
    Token,
    TokenContract,
    VenueAccount,
)


def merge(references: Iterable[Reference]) -> Reference:
    """All of them as one."""
    parts = list(references)
    return Reference(
        **{
            section: tuple(one for part in parts for one in getattr(part, section))
            for section in Reference.__struct_fields__
        }
    )


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


def feed_key(feed: PriceFeed) -> str:
    """What tells a feed from all others of its chain: Pyth has many in one contract."""
    address = feed.address.lower()
    return address if feed.feed_id is None else f"{address}:{feed.feed_id.lower()}"


def pool_key(pool: Pool) -> str:
    """What tells a pool from all others of its chain: Uniswap v4 has all in one contract."""
    address = pool.address.lower()
    return address if pool.pool_id is None else f"{address}:{pool.pool_id.lower()}"


_SEPARATOR = re.compile(r"[-/]")


def quote_currency(symbol: str) -> str | None:
    """``USD`` of ``ACME-USD`` or ``ACME/USD``; None where the symbol has no such part.

    A number is none: that of ``KYOTO-HOTEL-01`` is one of a series, and others are days.
    """
    parts = _SEPARATOR.split(symbol)
    return None if len(parts) == 1 or not parts[-1].strip("0123456789") else parts[-1]


__all__ = [
    "Account",
    "ContractAddress",
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
    "feed_key",
    "merge",
    "quote_currency",
    "watched",
    "watched_mints",
]
