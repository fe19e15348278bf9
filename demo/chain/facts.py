"""Reference facts about the demo's chain: what a surveillance desk knows before it watches.

The demo writes them into its reference file; nothing here tells what is going to happen.
Addresses are checksummed (EIP-55); countries are ISO 3166-1 alpha-2.
"""

from __future__ import annotations

import msgspec


class TokenFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A token under watch, or the cash that pays for it."""

    address: str
    symbol: str
    name: str
    decimals: int
    standard: str
    """`ERC-3643` or `ERC-20`."""
    issuer_id: str
    issuer_name: str
    classification: str
    """The exemption or law it is offered under, such as `reg-d-506c`; `cash` for the cash leg."""
    identity_registry: str | None = None
    compliance: str | None = None


class PoolFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A Uniswap v3 pool. `token0` and `token1` are in the pool's own order."""

    address: str
    token0: str
    token1: str
    fee: int
    """Hundredths of a basis point: 3000 is 0.3 %."""


class PartyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An address whose owner is known. One investor may have several; so may one cluster."""

    address: str
    investor_id: str | None = None
    """A pseudonym, such as `INV-0007`."""
    jurisdiction: str | None = None
    accreditation: str | None = None
    """`accredited`, `qualified`, or None where it doesn't apply."""
    cluster: str | None = None
    """Addresses of one cluster have one beneficial owner."""
    labels: tuple[str, ...] = ()
    """Of `custodian`, `market_maker`, `issuer`, `agent`, `pool`, `sanctioned`."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known when the play starts."""

    chain_id: int
    start_block: int
    """The first block after the deployment: holdings were issued and the pool filled before it."""
    tokens: tuple[TokenFacts, ...]
    """The security token first, then the cash."""
    pools: tuple[PoolFacts, ...]
    parties: tuple[PartyFacts, ...]

    @property
    def watched(self) -> tuple[str, ...]:
        """Contracts whose logs and transactions a collector should follow."""
        contracts: list[str] = []
        for token in self.tokens:
            found = (token.address, token.identity_registry, token.compliance)
            contracts += [address for address in found if address is not None]
        return (*contracts, *(pool.address for pool in self.pools))
