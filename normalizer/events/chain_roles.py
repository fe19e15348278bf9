"""Roles at a contract, and the code and the administrator behind a proxy."""

from typing import Annotated, Literal

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, Hash, described


class _RoleChange(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("iam",))
    type: Keywords = field(name="event.type", default=("admin", "change"))
    log_name: Annotated[str, described("Name of the event, as the contract has it")] = field(
        name="blockchain.log.name"
    )
    role: Annotated[
        Hash | None,
        described("The role as the contract has it, bytes32; zero is the one that grants the rest"),
    ] = field(name="token.role.id", default=None)
    role_name: Annotated[
        str | None,
        described(
            "Name of the role, where the contract says it or its hash is that of a known one"
        ),
    ] = field(name="token.role.name", default=None)
    granted_by: Annotated[Address | None, described("Who granted the role or took it away")] = (
        field(name="token.role.granted_by", default=None)
    )


class RoleGranted(_RoleChange, tag="role-granted", kw_only=True):
    """The party got a role of a contract.

    OpenZeppelin ``RoleGranted``; T-REX ``RoleAdded``, ``TokenAgentAdded``; SRC-20 ``MinterAdded``,
    ``AuthorityAdded``, ``DelegateAdded``, ``FactoryAdded``.
    """


class RoleRevoked(_RoleChange, tag="role-revoked", kw_only=True):
    """The party lost a role of a contract: the counterparts of those of ``role-granted``."""


class RoleAdminChanged(ChainEvent, tag="role-admin-changed", kw_only=True):
    """Another role grants a role from now on (OpenZeppelin ``RoleAdminChanged``)."""

    category: Keywords = field(name="event.category", default=("iam",))
    type: Keywords = field(name="event.type", default=("admin", "change"))
    role: Annotated[Hash, described("The role that is granted")] = field(name="token.role.id")
    role_name: Annotated[str | None, described("Its name, where its hash is a known one")] = field(
        name="token.role.name", default=None
    )
    admin_role: Annotated[Hash, described("The role that grants it from now on")] = field(
        name="token.role.admin.id"
    )
    previous_admin_role: Annotated[Hash, described("The role that granted it before")] = field(
        name="token.role.admin.previous_id"
    )


class _ProxyChange(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("change",))


class ContractUpgraded(_ProxyChange, tag="contract-upgraded", kw_only=True):
    """A contract runs other code from now on.

    EIP-1967 ``Upgraded``, ``BeaconUpgraded``; OnchainID ``UpdatedImplementation``; T-REX
    ``ImplementationAuthoritySet``, ``ImplementationAuthorityChanged``.
    """

    log_name: Annotated[str, described("Name of the event, as the contract has it")] = field(
        name="blockchain.log.name"
    )
    implementation: Annotated[
        Address, described("Where the code comes from now, by its kind", personal="no")
    ] = field(name="blockchain.proxy.implementation")
    kind_of_implementation: Annotated[
        Literal["implementation", "beacon", "implementation-authority"],
        described("The code itself; or a beacon or authority that says where the code is"),
    ] = field(name="blockchain.proxy.kind")


class ProxyAdminChanged(_ProxyChange, tag="proxy-admin-changed", kw_only=True):
    """Another address may replace a proxy's code (EIP-1967 ``AdminChanged``); it is the party."""

    previous_admin: Annotated[Address, described("Who could before")] = field(
        name="blockchain.proxy.previous_admin"
    )


class ImplementationVersionSet(_ProxyChange, tag="implementation-version-set", kw_only=True):
    """An implementation authority moved all contracts that follow it (T-REX ``VersionUpdated``)."""

    version_hash: Annotated[
        Hash, described("keccak256 of major, minor and patch, which the contract indexes")
    ] = field(name="blockchain.proxy.version_hash")
