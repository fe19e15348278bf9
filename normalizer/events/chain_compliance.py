"""The rules of a token's compliance contract: its modules, and what each of them is set to."""

from typing import Annotated, Literal

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, Uint256, described


class _ComplianceChange(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("change",))
    log_name: Annotated[str, described("Name of the event, as the contract has it")] = field(
        name="blockchain.log.name"
    )
    compliance: Annotated[
        Address | None,
        described("The compliance contract, where the event or its contract is one", personal="no"),
    ] = field(name="token.compliance.address", default=None)


class _Module(_ComplianceChange, kw_only=True):
    module: Annotated[Address, described("The module's contract", personal="no")] = field(
        name="token.compliance.module"
    )


class ComplianceModuleAdded(_Module, tag="compliance-module-added", kw_only=True):
    """A rule was put into a compliance contract (T-REX ``ModuleAdded``)."""


class ComplianceModuleRemoved(_Module, tag="compliance-module-removed", kw_only=True):
    """A rule was taken out of a compliance contract (T-REX ``ModuleRemoved``)."""


class ComplianceCalled(_Module, tag="compliance-called", kw_only=True):
    """The owner called a function of a module, or of the compliance contract by its manager.

    T-REX ``ModuleInteraction`` and ``ComplianceInteraction``. What the module then set, its own
    event says.
    """

    method: Annotated[str, described("Function: its name where known, else the selector")] = field(
        name="token.compliance.method"
    )


class _Country(_ComplianceChange, kw_only=True):
    country: Annotated[int, described("ISO 3166-1 numeric code")] = field(
        name="token.compliance.country"
    )


class ComplianceCountryAllowed(_Country, tag="compliance-country-allowed", kw_only=True):
    """Residents of a country may hold the token.

    T-REX ``CountryAllowed``, ``RemovedRestrictedCountry`` (also of version 3),
    ``WhitelistedCountry``.
    """


class ComplianceCountryRestricted(_Country, tag="compliance-country-restricted", kw_only=True):
    """Residents of a country may hold the token no longer.

    T-REX ``CountryUnallowed``, ``AddedRestrictedCountry`` (also of version 3),
    ``UnWhitelistedCountry``.
    """


LimitKind = Literal["holder-balance", "supply", "transfers", "exchange-transfers"]


class ComplianceLimitSet(_ComplianceChange, tag="compliance-limit-set", kw_only=True):
    """A limit of a compliance contract was set.

    T-REX ``MaxBalanceSet`` and ``SupplyLimitSet`` (also of version 3),
    ``TimeTransferLimitUpdated``, ``ExchangeLimitUpdated``, ``ExchangeMonthlyLimitUpdated``,
    ``DailyLimitUpdated``, ``MonthlyLimitUpdated``.
    """

    limit: Annotated[LimitKind, described("What is limited")] = field(
        name="token.compliance.limit.type"
    )
    period_seconds: Annotated[
        int | None, described("Within how many seconds; a month of T-REX is 30 days")
    ] = field(name="token.compliance.limit.period_seconds", default=None)
    exchange: Annotated[
        Address | None, described("OnchainID of the exchange that it is for", personal="no")
    ] = field(name="token.compliance.exchange", default=None)
    amount_raw: Annotated[Uint256, described("The limit, exact")] = field(name="token.amount_raw")
    amount: Annotated[float | None, described("The limit in whole tokens")] = field(
        name="token.amount", default=None
    )


class ComplianceLimitRemoved(_ComplianceChange, tag="compliance-limit-removed", kw_only=True):
    """A limit of a compliance contract is gone (T-REX ``TimeTransferLimitRemoved``)."""

    limit: Annotated[LimitKind, described("What was limited")] = field(
        name="token.compliance.limit.type"
    )
    period_seconds: Annotated[int | None, described("Within how many seconds")] = field(
        name="token.compliance.limit.period_seconds", default=None
    )


class _Exchange(_ComplianceChange, kw_only=True):
    exchange: Annotated[Address, described("The exchange's OnchainID", personal="no")] = field(
        name="token.compliance.exchange"
    )


class ComplianceExchangeAdded(_Exchange, tag="compliance-exchange-added", kw_only=True):
    """An identity counts as an exchange, with limits of its own (T-REX ``ExchangeIDAdded``)."""


class ComplianceExchangeRemoved(_Exchange, tag="compliance-exchange-removed", kw_only=True):
    """An identity counts as an exchange no longer (T-REX ``ExchangeIDRemoved``)."""


class ComplianceUserAllowed(_ComplianceChange, tag="compliance-user-allowed", kw_only=True):
    """The party may send and receive the token (T-REX ``UserAllowed``)."""


class ComplianceUserDisallowed(_ComplianceChange, tag="compliance-user-disallowed", kw_only=True):
    """The party may send and receive the token no longer (T-REX ``UserDisallowed``)."""


class ComplianceBalancePreset(_ComplianceChange, tag="compliance-balance-preset", kw_only=True):
    """A module was told what an identity holds already (T-REX ``IDBalancePreSet``)."""

    identity: Annotated[Address, described("The investor's OnchainID")] = field(
        name="investor.identity.address"
    )
    amount_raw: Annotated[Uint256, described("What it holds, exact")] = field(
        name="token.amount_raw"
    )
    amount: Annotated[float | None, described("What it holds in whole tokens")] = field(
        name="token.amount", default=None
    )


class CompliancePresetCompleted(_ComplianceChange, tag="compliance-preset-completed", kw_only=True):
    """A module takes no more holdings by hand (T-REX ``PresetCompleted``)."""


class TransferFeeSet(_ComplianceChange, tag="transfer-fee-set", kw_only=True):
    """Transfers cost a share of the amount, which goes to the party (T-REX ``FeeUpdated``)."""

    rate: Annotated[Uint256, described("Share in hundredths of a percent: 10000 is all, exact")] = (
        field(name="token.transfer.fee.rate")
    )


class TokenListingConfigured(_ComplianceChange, tag="token-listing-configured", kw_only=True):
    """Investors list the tokens that they take, or don't (T-REX ``TokenListingConfigured``)."""

    listing: Annotated[
        Literal["none", "allowed", "refused", "unknown"],
        described("Whether listed tokens are the only ones taken, or are refused"),
    ] = field(name="token.compliance.listing")


class TokenListed(_ComplianceChange, tag="token-listed", kw_only=True):
    """An investor put the token on their list (T-REX ``TokenListed``).

    The party is the investor's wallet or OnchainID. Whether the token is taken or refused by this
    was said by ``token-listing-configured``.
    """


class TokenUnlisted(_ComplianceChange, tag="token-unlisted", kw_only=True):
    """An investor took the token off their list (T-REX ``TokenUnlisted``)."""
