"""Wallets and who is behind them: freezes, recoveries, identity registries."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, Uint256, described


class _IdentityChange(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("iam",))
    type: Keywords = field(name="event.type", default=("user", "change"))
    agent: Annotated[Address | None, described("Agent that did it")] = field(
        name="token.agent.address", default=None
    )


class _WholeFreeze(_IdentityChange, kw_only=True):
    log_name: Annotated[str | None, described("Name of the event, as the contract has it")] = field(
        name="blockchain.log.name", default=None
    )


class WalletFrozen(_WholeFreeze, tag="wallet-frozen", kw_only=True):
    """An agent froze a wallet whole.

    ERC-3643 ``AddressFrozen`` with true; SRC-20 ``AccountFrozen``.
    """


class WalletUnfrozen(_WholeFreeze, tag="wallet-unfrozen", kw_only=True):
    """An agent lifted the freeze of a wallet.

    ERC-3643 ``AddressFrozen`` with false; SRC-20 ``AccountUnfrozen``.
    """


class _PartialFreeze(_IdentityChange, kw_only=True):
    amount_raw: Annotated[Uint256, described("Amount, exact")] = field(name="token.amount_raw")
    amount: Annotated[float | None, described("Amount in whole tokens")] = field(
        name="token.amount", default=None
    )


class TokensFrozen(_PartialFreeze, tag="tokens-frozen", kw_only=True):
    """An agent froze a part of a wallet's tokens (ERC-3643 ``TokensFrozen``)."""


class TokensUnfrozen(_PartialFreeze, tag="tokens-unfrozen", kw_only=True):
    """Frozen tokens were released (ERC-3643 ``TokensUnfrozen``)."""


class WalletRecovered(_IdentityChange, tag="wallet-recovered", kw_only=True):
    """A lost wallet's tokens went to a new one (ERC-3643 ``RecoverySuccess``).

    The party is the lost wallet.
    """

    new_wallet: Annotated[Address, described("Wallet that replaces the lost one")] = field(
        name="token.recovery.new_wallet"
    )
    identity: Annotated[Address, described("The investor's OnchainID")] = field(
        name="investor.identity.address"
    )


class IdentityRegistered(_IdentityChange, tag="identity-registered", kw_only=True):
    """A wallet was tied to an OnchainID (ERC-3643 ``IdentityRegistered``)."""

    type: Keywords = field(name="event.type", default=("user", "creation"))
    identity: Annotated[Address, described("The investor's OnchainID")] = field(
        name="investor.identity.address"
    )
    country: Annotated[
        int | None, described("ISO 3166-1 numeric code, where the call itself tells it")
    ] = field(name="investor.identity.country", default=None)


class IdentityRemoved(_IdentityChange, tag="identity-removed", kw_only=True):
    """A wallet lost its OnchainID (ERC-3643 ``IdentityRemoved``)."""

    type: Keywords = field(name="event.type", default=("user", "deletion"))
    identity: Annotated[Address, described("The investor's OnchainID")] = field(
        name="investor.identity.address"
    )


class IdentityUpdated(_IdentityChange, tag="identity-updated", kw_only=True):
    """An OnchainID replaced another (ERC-3643 ``IdentityUpdated``)."""

    identity: Annotated[Address, described("The new OnchainID")] = field(
        name="investor.identity.address"
    )
    previous_identity: Annotated[Address, described("The OnchainID before")] = field(
        name="investor.identity.previous_address"
    )


class InvestorCountryUpdated(_IdentityChange, tag="investor-country-updated", kw_only=True):
    """A wallet's country changed (ERC-3643 ``CountryUpdated``)."""

    country: Annotated[int, described("ISO 3166-1 numeric code")] = field(
        name="investor.identity.country"
    )
