"""Who may do what with a token, and what it is made of: pauses, agents, owners, parts."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, described


class _AdministrativeChange(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("change",))


class _Pause(_AdministrativeChange, kw_only=True):
    log_name: Annotated[str | None, described("Name of the event, as the contract has it")] = field(
        name="blockchain.log.name", default=None
    )


class TokenPaused(_Pause, tag="token-paused", kw_only=True):
    """All transfers of the token were halted; the party is who did it.

    ``Paused``; SRC-20 ``TokenFrozen``.
    """


class TokenUnpaused(_Pause, tag="token-unpaused", kw_only=True):
    """Transfers of the token go on; the party is who did it.

    ``Unpaused``; SRC-20 ``TokenUnfrozen``.
    """


class TokenInformationUpdated(_AdministrativeChange, tag="token-information-updated", kw_only=True):
    """Name, symbol, decimals, version or OnchainID changed (``UpdatedTokenInformation``)."""

    new_name: Annotated[
        str | None, described("New name; its keccak256 hash where the contract indexes it")
    ] = field(name="token.information.name", default=None)
    new_symbol: Annotated[
        str | None, described("New symbol; its keccak256 hash where the contract indexes it")
    ] = field(name="token.information.symbol", default=None)
    new_decimals: Annotated[int, described("New number of decimals")] = field(
        name="token.information.decimals"
    )
    new_version: Annotated[str, described("New version")] = field(name="token.information.version")
    new_identity: Annotated[Address, described("New OnchainID of the token", personal="no")] = (
        field(name="token.information.identity")
    )


class ContractWired(_AdministrativeChange, tag="contract-wired", kw_only=True):
    """A contract of the token's suite was set: identity registry, compliance, storage, ..."""

    component: Annotated[str, described("Which part was set, such as identity-registry")] = field(
        name="token.component.type"
    )
    component_address: Annotated[Address, described("Address that was set", personal="no")] = field(
        name="token.component.address"
    )


class AgentAdded(_AdministrativeChange, tag="agent-added", kw_only=True):
    """The party may now act as agent of the contract (ERC-3643 ``AgentAdded``)."""


class AgentRemoved(_AdministrativeChange, tag="agent-removed", kw_only=True):
    """An address may no longer act as agent (ERC-3643 ``AgentRemoved``); it is the party."""


class OwnershipTransferred(_AdministrativeChange, tag="ownership-transferred", kw_only=True):
    """A contract has a new owner (``OwnershipTransferred``); the party is the new owner."""

    previous_owner: Annotated[Address, described("Owner before")] = field(
        name="token.owner.previous_address"
    )


class OwnershipOffered(_AdministrativeChange, tag="ownership-offered", kw_only=True):
    """The party may take over a contract's ownership (``OwnershipTransferStarted``)."""

    previous_owner: Annotated[Address, described("Owner until then")] = field(
        name="token.owner.previous_address"
    )
