"""Compliance contracts and their modules: T-REX 4 by its modules' events, version 3 by its own.

A module serves many compliance contracts and names the one that it means, mostly as its first
value; a contract of version 3 is itself the compliance contract. Where an event names neither (an
exchange's identity counts for all) the record has none.
"""

from collections.abc import Callable
from typing import Any, Literal

from normalizer.decoders.evm_fields import method, of_token, plain, tokens
from normalizer.decoders.evm_scope import LogScope
from normalizer.events.chain import (
    ComplianceBalancePreset,
    ComplianceCalled,
    ComplianceCountryAllowed,
    ComplianceCountryRestricted,
    ComplianceExchangeAdded,
    ComplianceExchangeRemoved,
    ComplianceLimitRemoved,
    ComplianceLimitSet,
    ComplianceModuleAdded,
    ComplianceModuleRemoved,
    CompliancePresetCompleted,
    ComplianceUserAllowed,
    ComplianceUserDisallowed,
    TokenListed,
    TokenListingConfigured,
    TokenUnlisted,
    TransferFeeSet,
)
from normalizer.events.chain_compliance import LimitKind

DAY = 86_400
#: T-REX counts a month as 30 days (``ExchangeMonthlyLimitsModule``, ``DayMonthLimits``).
MONTH = 30 * DAY
#: T-REX's ListingType.
_LISTINGS: dict[int, Literal["none", "allowed", "refused"]] = {
    0: "none",
    1: "allowed",
    2: "refused",
}


def _of(
    scope: LogScope, log_name: str, compliance: str, *others: str | None, party: str | None = None
) -> dict[str, Any]:
    """The fields of a change of a compliance contract, with the token that it belongs to."""
    fields = plain(scope, *others) if party is None else scope.about(party, scope.call.sender)
    token = scope.block.token_of(compliance)
    if token is not None:
        fields |= token.fields()
    return fields | {"log_name": log_name, "compliance": compliance}


def module_added(scope: LogScope, values: tuple[Any, ...]) -> ComplianceModuleAdded:
    """A rule was put in."""
    fields = _of(scope, "ModuleAdded", scope.contract)
    return ComplianceModuleAdded(**fields, module=values[0])


def module_removed(scope: LogScope, values: tuple[Any, ...]) -> ComplianceModuleRemoved:
    """A rule was taken out."""
    fields = _of(scope, "ModuleRemoved", scope.contract)
    return ComplianceModuleRemoved(**fields, module=values[0])


def module_called(scope: LogScope, values: tuple[Any, ...]) -> ComplianceCalled:
    """A function of a module was called by the compliance contract."""
    module, selector = values
    return ComplianceCalled(
        **_of(scope, "ModuleInteraction", scope.contract),
        module=module,
        method=method(selector) or "",
    )


def compliance_called(scope: LogScope, values: tuple[Any, ...]) -> ComplianceCalled:
    """A function of the compliance contract was called by its manager."""
    target, selector = values
    return ComplianceCalled(
        **_of(scope, "ComplianceInteraction", target), module=target, method=method(selector) or ""
    )


def country_allowed(
    log_name: str,
) -> Callable[[LogScope, tuple[Any, ...]], ComplianceCountryAllowed]:
    """A builder for events that open a compliance contract, the first of two values."""

    def build(scope: LogScope, values: tuple[Any, ...]) -> ComplianceCountryAllowed:
        *named, country = values
        compliance = named[0] if named else scope.contract
        return ComplianceCountryAllowed(**_of(scope, log_name, compliance), country=country)

    return build


def country_restricted(
    log_name: str,
) -> Callable[[LogScope, tuple[Any, ...]], ComplianceCountryRestricted]:
    """A builder for events that close a compliance contract to a country."""

    def build(scope: LogScope, values: tuple[Any, ...]) -> ComplianceCountryRestricted:
        *named, country = values
        compliance = named[0] if named else scope.contract
        return ComplianceCountryRestricted(**_of(scope, log_name, compliance), country=country)

    return build


def limit_set(
    log_name: str, limit: LimitKind, period_seconds: int | None = None
) -> Callable[[LogScope, tuple[Any, ...]], ComplianceLimitSet]:
    """A builder for events of a compliance contract (the first of two values) and an amount."""

    def build(scope: LogScope, values: tuple[Any, ...]) -> ComplianceLimitSet:
        *named, amount = values
        compliance = named[0] if named else scope.contract
        return _limit(scope, log_name, compliance, limit, amount, period_seconds)

    return build


def exchange_monthly_limit(scope: LogScope, values: tuple[Any, ...]) -> ComplianceLimitSet:
    """The most that an investor may send to an exchange in a month."""
    *named, exchange, amount = values
    compliance = named[0] if named else scope.contract
    name = "ExchangeMonthlyLimitUpdated"
    return _limit(scope, name, compliance, "exchange-transfers", amount, MONTH, exchange)


def exchange_limit(scope: LogScope, values: tuple[Any, ...]) -> ComplianceLimitSet:
    """The most that an investor may send to an exchange in a time."""
    compliance, exchange, amount, seconds = values
    name = "ExchangeLimitUpdated"
    return _limit(scope, name, compliance, "exchange-transfers", amount, seconds, exchange)


def time_limit(scope: LogScope, values: tuple[Any, ...]) -> ComplianceLimitSet:
    """The most that an investor may send in a time."""
    compliance, seconds, amount = values
    return _limit(scope, "TimeTransferLimitUpdated", compliance, "transfers", amount, seconds)


def _limit(
    scope: LogScope,
    log_name: str,
    compliance: str,
    limit: LimitKind,
    amount: int,
    period_seconds: int | None,
    exchange: str | None = None,
) -> ComplianceLimitSet:
    return ComplianceLimitSet(
        **_of(scope, log_name, compliance, exchange),
        limit=limit,
        period_seconds=period_seconds,
        exchange=exchange,
        **tokens(amount, scope.block.token_of(compliance)),
    )


def time_limit_removed(scope: LogScope, values: tuple[Any, ...]) -> ComplianceLimitRemoved:
    """Investors may send what they like in a time."""
    compliance, seconds = values
    return ComplianceLimitRemoved(
        **_of(scope, "TimeTransferLimitRemoved", compliance),
        limit="transfers",
        period_seconds=seconds,
    )


def exchange_added(scope: LogScope, values: tuple[Any, ...]) -> ComplianceExchangeAdded:
    """An identity counts as an exchange, for all whom the contract serves."""
    fields = plain(scope, values[0])
    return ComplianceExchangeAdded(**fields, log_name="ExchangeIDAdded", exchange=values[0])


def exchange_removed(scope: LogScope, values: tuple[Any, ...]) -> ComplianceExchangeRemoved:
    """An identity counts as an exchange no longer."""
    fields = plain(scope, values[0])
    return ComplianceExchangeRemoved(**fields, log_name="ExchangeIDRemoved", exchange=values[0])


def user_allowed(scope: LogScope, values: tuple[Any, ...]) -> ComplianceUserAllowed:
    """The party may send and receive."""
    compliance, user = values
    return ComplianceUserAllowed(**_of(scope, "UserAllowed", compliance, party=user))


def user_disallowed(scope: LogScope, values: tuple[Any, ...]) -> ComplianceUserDisallowed:
    """The party may send and receive no longer."""
    compliance, user = values
    return ComplianceUserDisallowed(**_of(scope, "UserDisallowed", compliance, party=user))


def balance_preset(scope: LogScope, values: tuple[Any, ...]) -> ComplianceBalancePreset:
    """A module was told what an identity holds."""
    compliance, identity, amount = values
    return ComplianceBalancePreset(
        **_of(scope, "IDBalancePreSet", compliance, identity),
        identity=identity,
        **tokens(amount, scope.block.token_of(compliance)),
    )


def preset_completed(scope: LogScope, values: tuple[Any, ...]) -> CompliancePresetCompleted:
    """A module takes no more holdings by hand."""
    return CompliancePresetCompleted(**_of(scope, "PresetCompleted", values[0]))


def fee_set(scope: LogScope, values: tuple[Any, ...]) -> TransferFeeSet:
    """Transfers cost a share, which goes to the party."""
    compliance, rate, collector = values
    return TransferFeeSet(**_of(scope, "FeeUpdated", compliance, party=collector), rate=str(rate))


def listing_configured(scope: LogScope, values: tuple[Any, ...]) -> TokenListingConfigured:
    """Whether listed tokens are taken or refused."""
    token, listing = values
    return TokenListingConfigured(
        **(plain(scope) | of_token(scope, token)),
        log_name="TokenListingConfigured",
        listing=_LISTINGS.get(listing, "unknown"),
    )


def token_listed(scope: LogScope, values: tuple[Any, ...]) -> TokenListed:
    """The party, an investor, listed a token."""
    token, investor = values
    fields = scope.about(investor, scope.call.sender) | of_token(scope, token)
    return TokenListed(**fields, log_name="TokenListed")


def token_unlisted(scope: LogScope, values: tuple[Any, ...]) -> TokenUnlisted:
    """The party, an investor, took a token off the list."""
    token, investor = values
    fields = scope.about(investor, scope.call.sender) | of_token(scope, token)
    return TokenUnlisted(**fields, log_name="TokenUnlisted")
