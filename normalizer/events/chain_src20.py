"""What SRC-20 (Swarm) has of its own: supply against a stake, the asset behind, rules, managers."""

from typing import Annotated, Literal

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, Hash, Uint256, described


class StakedSupplyChanged(ChainEvent, tag="staked-supply-changed", kw_only=True):
    """Supply was minted, raised or lowered against a stake of the party.

    SRC-20 ``SRC20SupplyMinted``, ``SRC20SupplyIncreased``, ``SRC20SupplyDecreased``, by the token's
    manager. The token emits ``Transfer`` for it too.
    """

    change: Annotated[
        Literal["minted", "increased", "decreased"], described("What became of the supply")
    ] = field(name="token.supply.change")
    amount_raw: Annotated[Uint256, described("Tokens, exact")] = field(name="token.amount_raw")
    amount: Annotated[float | None, described("Whole tokens; not exact")] = field(
        name="token.amount", default=None
    )
    stake_raw: Annotated[
        Uint256 | None, described("What was staked in SWM, exact, where the event says it")
    ] = field(name="token.supply.stake_raw", default=None)


class _SourceOfTokens(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("change",))


class TokenRegistered(_SourceOfTokens, tag="token-registered", kw_only=True):
    """A token was made or entered in a registry; the party owns it, where the event says so.

    SRC-20 ``SRC20Created``, ``SRC20Registered``.
    """

    type: Keywords = field(name="event.type", default=("creation",))
    log_name: Annotated[str, described("Name of the event, as the contract has it")] = field(
        name="blockchain.log.name"
    )


class TokenUnregistered(_SourceOfTokens, tag="token-unregistered", kw_only=True):
    """A token was taken off a registry (SRC-20 ``SRC20Removed``)."""

    type: Keywords = field(name="event.type", default=("deletion",))


class _Asset(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("change",))


class AssetRegistered(_Asset, tag="asset-registered", kw_only=True):
    """The asset behind a token was described (SRC-20 ``AssetAdded``)."""

    type: Keywords = field(name="event.type", default=("creation",))
    document_hash: Annotated[Hash, described("Hash of the description (know your asset)")] = field(
        name="token.document.hash"
    )
    uri: Annotated[str, described("Where the description is kept")] = field(
        name="token.document.uri"
    )
    value_raw: Annotated[Uint256, described("Net asset value in USD as the issuer says, exact")] = (
        field(name="token.asset.value_raw")
    )


class AssetValueUpdated(_Asset, tag="asset-value-updated", kw_only=True):
    """The net asset value behind a token changed (SRC-20 ``AssetNVAUSDUpdated``)."""

    value_raw: Annotated[Uint256, described("Net asset value in USD as the issuer says, exact")] = (
        field(name="token.asset.value_raw")
    )


class AssetDescriptionUpdated(_Asset, tag="asset-description-updated", kw_only=True):
    """The description of the asset behind a token changed (SRC-20 ``AssetKYAUpdated``)."""

    document_hash: Annotated[Hash, described("Hash of the description (know your asset)")] = field(
        name="token.document.hash"
    )
    uri: Annotated[str, described("Where the description is kept")] = field(
        name="token.document.uri"
    )


class TransferRulesUpdated(_Asset, tag="transfer-rules-updated", kw_only=True):
    """Other contracts decide on a token's transfers (SRC-20 ``RestrictionsAndRulesUpdated``)."""

    restrictions: Annotated[
        Address, described("Contract that is asked for leave; zero is none", personal="no")
    ] = field(name="token.transfer.restrictions")
    rules: Annotated[
        Address, described("Contract that makes the transfers; zero is the token", personal="no")
    ] = field(name="token.transfer.rules")


class ManagementTransferred(_Asset, tag="management-transferred", kw_only=True):
    """The party mints and burns a token from now on (SRC-20 ``ManagementTransferred``)."""

    previous_manager: Annotated[Address, described("Who managed it before")] = field(
        name="token.manager.previous_address"
    )


class StakePriceUpdated(ChainEvent, tag="stake-price-updated", kw_only=True):
    """The price of what is staked changed (SRC-20 ``UpdatedSWMPriceUSD``), as fractions in USD."""

    numerator: Annotated[Uint256, described("Numerator of the new price, exact")] = field(
        name="token.supply.stake_price.numerator"
    )
    denominator: Annotated[Uint256, described("Denominator of the new price, exact")] = field(
        name="token.supply.stake_price.denominator"
    )
    previous_numerator: Annotated[Uint256, described("Numerator before, exact")] = field(
        name="token.supply.stake_price.previous_numerator"
    )
    previous_denominator: Annotated[Uint256, described("Denominator before, exact")] = field(
        name="token.supply.stake_price.previous_denominator"
    )
