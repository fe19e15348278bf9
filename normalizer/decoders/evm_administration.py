"""Pauses, agents, owners, and the wiring of a token's contracts."""

from collections.abc import Callable
from typing import Any

from normalizer.decoders.evm_scope import LogScope, related
from normalizer.events.chain import (
    AgentAdded,
    AgentRemoved,
    ContractWired,
    OwnershipOffered,
    OwnershipTransferred,
    TokenInformationUpdated,
    TokenPaused,
    TokenUnpaused,
)


def paused(scope: LogScope, values: tuple[Any, ...]) -> TokenPaused:
    """All transfers were halted."""
    return TokenPaused(**scope.about(values[0]), log_name="Paused")


def unpaused(scope: LogScope, values: tuple[Any, ...]) -> TokenUnpaused:
    """Transfers go on."""
    return TokenUnpaused(**scope.about(values[0]), log_name="Unpaused")


def agent_added(scope: LogScope, values: tuple[Any, ...]) -> AgentAdded:
    """The party may act as agent."""
    return AgentAdded(**scope.about(values[0], scope.call.sender))


def agent_removed(scope: LogScope, values: tuple[Any, ...]) -> AgentRemoved:
    """The party may no longer act as agent."""
    return AgentRemoved(**scope.about(values[0], scope.call.sender))


def ownership_transferred(scope: LogScope, values: tuple[Any, ...]) -> OwnershipTransferred:
    """The party is the new owner."""
    previous, new = values
    return OwnershipTransferred(**scope.about(new, previous), previous_owner=previous)


def ownership_offered(scope: LogScope, values: tuple[Any, ...]) -> OwnershipOffered:
    """The party may take the ownership over."""
    owner, offered = values
    return OwnershipOffered(**scope.about(offered, owner), previous_owner=owner)


def information_updated(scope: LogScope, values: tuple[Any, ...]) -> TokenInformationUpdated:
    """Name, symbol, decimals, version or OnchainID changed."""
    name, symbol, decimals, version, identity = values
    return TokenInformationUpdated(
        **scope.fields,
        related_user=related(scope.call.sender),
        new_name=name,
        new_symbol=symbol,
        new_decimals=decimals,
        new_version=version,
        new_identity=identity,
    )


def wired(component: str) -> Callable[[LogScope, tuple[Any, ...]], ContractWired]:
    """A builder for the events that say that a contract of the suite was set."""

    def build(scope: LogScope, values: tuple[Any, ...]) -> ContractWired:
        return ContractWired(
            **scope.fields,
            related_user=related(scope.call.sender),
            component=component,
            component_address=values[0],
        )

    return build
