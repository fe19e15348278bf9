"""Roles at a contract, and the code and the administrator behind a proxy."""

from collections.abc import Callable
from typing import Any, Literal

from eth_hash.auto import keccak

from normalizer.decoders.evm_fields import hexadecimal, of_token, plain
from normalizer.decoders.evm_scope import LogScope
from normalizer.events.chain import (
    ContractUpgraded,
    ImplementationVersionSet,
    ProxyAdminChanged,
    RoleAdminChanged,
    RoleGranted,
    RoleRevoked,
)

# Roles by the names that OpenZeppelin's contracts and presets, and token issuers, give them.
_NAMES = (
    *("MINTER_ROLE", "BURNER_ROLE", "PAUSER_ROLE", "UPGRADER_ROLE", "SNAPSHOT_ROLE"),
    *("OPERATOR_ROLE", "CONTROLLER_ROLE", "ISSUER_ROLE", "TRANSFER_ROLE", "TRANSFER_AGENT_ROLE"),
    *("COMPLIANCE_ROLE", "FREEZER_ROLE", "BLACKLISTER_ROLE", "WHITELISTER_ROLE", "AGENT_ROLE"),
    *("MANAGER_ROLE", "ADMIN_ROLE", "CUSTODIAN_ROLE", "PROPOSER_ROLE", "EXECUTOR_ROLE"),
    *("CANCELLER_ROLE", "TIMELOCK_ADMIN_ROLE", "GOVERNOR_ROLE", "KEEPER_ROLE", "ORACLE_ROLE"),
)
_KNOWN_ROLES = {keccak(name.encode()): name for name in _NAMES} | {
    b"\x00" * 32: "DEFAULT_ADMIN_ROLE"
}


def _role(role: bytes) -> dict[str, Any]:
    return {"role": hexadecimal(role), "role_name": _KNOWN_ROLES.get(role)}


def role_granted(scope: LogScope, values: tuple[Any, ...]) -> RoleGranted:
    """OpenZeppelin's role, by hash."""
    role, account, sender = values
    return RoleGranted(
        **scope.about(account, sender), log_name="RoleGranted", **_role(role), granted_by=sender
    )


def role_revoked(scope: LogScope, values: tuple[Any, ...]) -> RoleRevoked:
    """OpenZeppelin's role, by hash."""
    role, account, sender = values
    return RoleRevoked(
        **scope.about(account, sender), log_name="RoleRevoked", **_role(role), granted_by=sender
    )


def role_admin_changed(scope: LogScope, values: tuple[Any, ...]) -> RoleAdminChanged:
    """Another role grants a role."""
    role, previous, new = values
    return RoleAdminChanged(
        **plain(scope),
        **_role(role),
        admin_role=hexadecimal(new),
        previous_admin_role=hexadecimal(previous),
    )


def got(
    log_name: str, role: str | None = None
) -> Callable[[LogScope, tuple[Any, ...]], RoleGranted]:
    """A builder for events that give a role by its name: ``role``, or the second value."""

    def build(scope: LogScope, values: tuple[Any, ...]) -> RoleGranted:
        return RoleGranted(
            **scope.about(values[0], scope.call.sender),
            log_name=log_name,
            role_name=role or values[1],
            granted_by=scope.direct_caller,
        )

    return build


def lost(
    log_name: str, role: str | None = None
) -> Callable[[LogScope, tuple[Any, ...]], RoleRevoked]:
    """A builder for events that take away a role by its name: ``role``, or the second value."""

    def build(scope: LogScope, values: tuple[Any, ...]) -> RoleRevoked:
        return RoleRevoked(
            **scope.about(values[0], scope.call.sender),
            log_name=log_name,
            role_name=role or values[1],
            granted_by=scope.direct_caller,
        )

    return build


def upgraded(
    log_name: str, kind: Literal["implementation", "beacon", "implementation-authority"]
) -> Callable[[LogScope, tuple[Any, ...]], ContractUpgraded]:
    """A builder for events whose one value says where a contract's code comes from."""

    def build(scope: LogScope, values: tuple[Any, ...]) -> ContractUpgraded:
        return ContractUpgraded(
            **plain(scope),
            log_name=log_name,
            implementation=values[0],
            kind_of_implementation=kind,
        )

    return build


def authority_changed(scope: LogScope, values: tuple[Any, ...]) -> ContractUpgraded:
    """A token of an implementation authority follows another one."""
    token, authority = values
    return ContractUpgraded(
        **(plain(scope) | of_token(scope, token)),
        log_name="ImplementationAuthorityChanged",
        implementation=authority,
        kind_of_implementation="implementation-authority",
    )


def admin_changed(scope: LogScope, values: tuple[Any, ...]) -> ProxyAdminChanged:
    """The party is a proxy's new administrator."""
    previous, new = values
    return ProxyAdminChanged(
        **scope.about(new, previous, scope.call.sender), previous_admin=previous
    )


def version_updated(scope: LogScope, values: tuple[Any, ...]) -> ImplementationVersionSet:
    """All contracts that follow an authority have other code."""
    return ImplementationVersionSet(**plain(scope), version_hash=values[0])
