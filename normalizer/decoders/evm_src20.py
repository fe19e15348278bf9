"""SRC-20 of Swarm: its manager and registries tell of tokens of other contracts.

Freezes and pauses become the records that ERC-3643's do. Forced transfers are told by the call
(``transferTokenForced``): they emit a plain ``Transfer``.
"""

from collections.abc import Callable
from typing import Any, Literal

from normalizer.decoders.evm_fields import hexadecimal, of_token, plain, tokens
from normalizer.decoders.evm_scope import LogScope
from normalizer.events.chain import (
    AssetDescriptionUpdated,
    AssetRegistered,
    AssetValueUpdated,
    ManagementTransferred,
    StakedSupplyChanged,
    StakePriceUpdated,
    TokenPaused,
    TokenRegistered,
    TokenUnpaused,
    TokenUnregistered,
    TransferRulesUpdated,
    WalletFrozen,
    WalletUnfrozen,
)


def supply_minted(scope: LogScope, values: tuple[Any, ...]) -> StakedSupplyChanged:
    """The first supply, against the party's stake."""
    token, account, stake, amount = values
    return StakedSupplyChanged(
        **(scope.about(account, scope.call.sender) | of_token(scope, token)),
        **tokens(amount, scope.block.token_of(token)),
        change="minted",
        stake_raw=str(stake),
    )


def supply_changed(
    change: Literal["increased", "decreased"],
) -> Callable[[LogScope, tuple[Any, ...]], StakedSupplyChanged]:
    """A builder for events of later supply, which don't say the stake."""

    def build(scope: LogScope, values: tuple[Any, ...]) -> StakedSupplyChanged:
        token, account, amount = values
        return StakedSupplyChanged(
            **(scope.about(account, scope.call.sender) | of_token(scope, token)),
            **tokens(amount, scope.block.token_of(token)),
            change=change,
        )

    return build


def created(scope: LogScope, values: tuple[Any, ...]) -> TokenRegistered:
    """A factory made a token."""
    fields = plain(scope) | of_token(scope, values[0])
    return TokenRegistered(**fields, log_name="SRC20Created")


def registered(scope: LogScope, values: tuple[Any, ...]) -> TokenRegistered:
    """A registry entered a token, which the party owns."""
    token, owner = values
    fields = scope.about(owner, scope.call.sender) | of_token(scope, token)
    return TokenRegistered(**fields, log_name="SRC20Registered")


def unregistered(scope: LogScope, values: tuple[Any, ...]) -> TokenUnregistered:
    """A registry took a token off."""
    return TokenUnregistered(**(plain(scope) | of_token(scope, values[0])))


def asset_added(scope: LogScope, values: tuple[Any, ...]) -> AssetRegistered:
    """The asset behind a token was described."""
    token, document_hash, uri, value = values
    return AssetRegistered(
        **(plain(scope) | of_token(scope, token)),
        document_hash=hexadecimal(document_hash),
        uri=uri,
        value_raw=str(value),
    )


def asset_value_updated(scope: LogScope, values: tuple[Any, ...]) -> AssetValueUpdated:
    """Its net asset value changed."""
    token, value = values
    return AssetValueUpdated(**(plain(scope) | of_token(scope, token)), value_raw=str(value))


def asset_description_updated(scope: LogScope, values: tuple[Any, ...]) -> AssetDescriptionUpdated:
    """Its description changed."""
    token, document_hash, uri = values
    fields = plain(scope) | of_token(scope, token)
    return AssetDescriptionUpdated(**fields, document_hash=hexadecimal(document_hash), uri=uri)


def account_frozen(scope: LogScope, values: tuple[Any, ...]) -> WalletFrozen:
    """The party can't send or receive."""
    agent = scope.direct_caller
    return WalletFrozen(**scope.about(values[0], agent), agent=agent, log_name="AccountFrozen")


def account_unfrozen(scope: LogScope, values: tuple[Any, ...]) -> WalletUnfrozen:
    """The party can send and receive again."""
    agent = scope.direct_caller
    return WalletUnfrozen(**scope.about(values[0], agent), agent=agent, log_name="AccountUnfrozen")


def token_frozen(scope: LogScope, values: tuple[Any, ...]) -> TokenPaused:
    """All transfers are halted; by whom, the call says."""
    return TokenPaused(**_by_caller(scope), log_name="TokenFrozen")


def token_unfrozen(scope: LogScope, values: tuple[Any, ...]) -> TokenUnpaused:
    """Transfers go on; by whom, the call says."""
    return TokenUnpaused(**_by_caller(scope), log_name="TokenUnfrozen")


def _by_caller(scope: LogScope) -> dict[str, Any]:
    caller = scope.direct_caller
    return plain(scope) if caller is None else scope.about(caller)


def rules_updated(scope: LogScope, values: tuple[Any, ...]) -> TransferRulesUpdated:
    """Other contracts decide on transfers."""
    restrictions, rules = values
    return TransferRulesUpdated(**plain(scope), restrictions=restrictions, rules=rules)


def management_transferred(scope: LogScope, values: tuple[Any, ...]) -> ManagementTransferred:
    """The party mints and burns from now on."""
    previous, new = values
    return ManagementTransferred(**scope.about(new, previous), previous_manager=previous)


def stake_price_updated(scope: LogScope, values: tuple[Any, ...]) -> StakePriceUpdated:
    """The price of what is staked."""
    old_numerator, old_denominator, numerator, denominator = map(str, values)
    return StakePriceUpdated(
        **plain(scope),
        numerator=numerator,
        denominator=denominator,
        previous_numerator=old_numerator,
        previous_denominator=old_denominator,
    )
