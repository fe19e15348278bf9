"""Wallets, freezes and identities: events of ERC-3643 tokens and identity registries."""

from typing import Any

from normalizer.abi import AbiMismatch
from normalizer.decoders.evm_scope import LogScope, related, whole
from normalizer.events.chain import (
    IdentityRegistered,
    IdentityRemoved,
    IdentityUpdated,
    InvestorCountryUpdated,
    TokensFrozen,
    TokensUnfrozen,
    WalletFrozen,
    WalletRecovered,
    WalletUnfrozen,
)
from normalizer.signatures import KNOWN_FUNCTIONS, selectors

_REGISTER = selectors("registerIdentity")
_REGISTER_MANY = selectors("batchRegisterIdentity")
_UPDATE = selectors("updateIdentity")


def address_frozen(scope: LogScope, values: tuple[Any, ...]) -> WalletFrozen | WalletUnfrozen:
    """A wallet was frozen whole, or released."""
    wallet, frozen, agent = values
    record = WalletFrozen if frozen else WalletUnfrozen
    return record(**scope.about(wallet, agent), agent=agent, log_name="AddressFrozen")


def tokens_frozen(scope: LogScope, values: tuple[Any, ...]) -> TokensFrozen:
    """A part of a wallet's tokens was frozen."""
    return TokensFrozen(**_part(scope, values))


def tokens_unfrozen(scope: LogScope, values: tuple[Any, ...]) -> TokensUnfrozen:
    """Frozen tokens were released."""
    return TokensUnfrozen(**_part(scope, values))


def _part(scope: LogScope, values: tuple[Any, ...]) -> dict[str, Any]:
    wallet, amount = values
    agent = scope.direct_caller
    return scope.about(wallet, agent) | {
        "agent": agent,
        "amount_raw": str(amount),
        "amount": whole(amount, scope.token),
    }


def recovery_success(scope: LogScope, values: tuple[Any, ...]) -> WalletRecovered:
    """A lost wallet, the party, was replaced by a new one."""
    lost, new, identity = values
    agent = scope.direct_caller
    return WalletRecovered(
        **scope.about(lost, new, identity, agent), agent=agent, new_wallet=new, identity=identity
    )


def identity_registered(scope: LogScope, values: tuple[Any, ...]) -> IdentityRegistered:
    """A wallet was tied to an OnchainID."""
    wallet, identity = values
    agent = scope.direct_caller
    return IdentityRegistered(
        **scope.about(wallet, identity, agent),
        agent=agent,
        identity=identity,
        country=_country(scope, wallet),
    )


def _country(scope: LogScope, wallet: str) -> int | None:
    """The country stands in the call only, so it is known where the call was direct."""
    selector = scope.call.selector
    if scope.direct_caller is None or selector is None:
        return None
    if selector not in _REGISTER and selector not in _REGISTER_MANY:
        return None
    try:
        wallets, _, countries = KNOWN_FUNCTIONS[selector].decode(scope.call.input)
    except AbiMismatch:
        return None
    if selector in _REGISTER:
        return countries
    return dict(zip(wallets, countries, strict=False)).get(wallet)


def identity_removed(scope: LogScope, values: tuple[Any, ...]) -> IdentityRemoved:
    """A wallet lost its OnchainID."""
    wallet, identity = values
    agent = scope.direct_caller
    return IdentityRemoved(**scope.about(wallet, identity, agent), agent=agent, identity=identity)


def identity_updated(scope: LogScope, values: tuple[Any, ...]) -> IdentityUpdated:
    """An OnchainID replaced another; the wallet stands in a direct call only."""
    old, new = values
    agent = scope.direct_caller
    more: dict[str, Any] = {"agent": agent, "identity": new, "previous_identity": old}
    wallet = _updated_wallet(scope)
    if wallet is None:
        return IdentityUpdated(**scope.fields, related_user=related(old, new, agent), **more)
    return IdentityUpdated(**scope.about(wallet, old, new, agent), **more)


def _updated_wallet(scope: LogScope) -> str | None:
    selector = scope.call.selector
    if scope.direct_caller is None or selector not in _UPDATE:
        return None
    try:
        return KNOWN_FUNCTIONS[selector].decode(scope.call.input)[0]
    except AbiMismatch:
        return None


def country_updated(scope: LogScope, values: tuple[Any, ...]) -> InvestorCountryUpdated:
    """A wallet's country changed."""
    wallet, country = values
    agent = scope.direct_caller
    return InvestorCountryUpdated(**scope.about(wallet, agent), agent=agent, country=country)
