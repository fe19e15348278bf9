"""Registries of an ERC-3643 suite: stored identities, claim topics, trusted issuers, bindings."""

from collections.abc import Callable
from typing import Any, Literal

from normalizer.decoders.evm_fields import arguments, of_token, plain
from normalizer.decoders.evm_scope import LogScope
from normalizer.events.chain import (
    ClaimTopicAdded,
    ClaimTopicRemoved,
    ContractBound,
    ContractUnbound,
    IdentityStored,
    IdentityUnstored,
    StoredCountryModified,
    StoredIdentityModified,
    TokenSuiteDeployed,
    TrustedIssuerAdded,
    TrustedIssuerRemoved,
    TrustedIssuerTopicsUpdated,
)
from normalizer.signatures import selectors

Component = Literal["identity-registry", "compliance", "token"]

_STORE = selectors("addIdentityToStorage")


def identity_stored(scope: LogScope, values: tuple[Any, ...]) -> IdentityStored:
    """A wallet was taken up. Its country stands in a direct call only."""
    wallet, identity = values
    given = arguments(scope, _STORE)
    return IdentityStored(
        **scope.about(wallet, identity, scope.call.sender),
        identity=identity,
        country=given[2] if given else None,
    )


def identity_unstored(scope: LogScope, values: tuple[Any, ...]) -> IdentityUnstored:
    """A wallet was let go."""
    wallet, identity = values
    return IdentityUnstored(**scope.about(wallet, identity, scope.call.sender), identity=identity)


def identity_modified(scope: LogScope, values: tuple[Any, ...]) -> StoredIdentityModified:
    """An OnchainID replaced another; whose, the event doesn't say."""
    old, new = values
    return StoredIdentityModified(**plain(scope, old, new), identity=new, previous_identity=old)


def country_modified(scope: LogScope, values: tuple[Any, ...]) -> StoredCountryModified:
    """A wallet's country changed."""
    wallet, country = values
    return StoredCountryModified(**scope.about(wallet, scope.call.sender), country=country)


def topic_added(scope: LogScope, values: tuple[Any, ...]) -> ClaimTopicAdded:
    """Another claim is asked for."""
    return ClaimTopicAdded(**plain(scope), topic=str(values[0]))


def topic_removed(scope: LogScope, values: tuple[Any, ...]) -> ClaimTopicRemoved:
    """A claim is asked for no longer."""
    return ClaimTopicRemoved(**plain(scope), topic=str(values[0]))


def issuer_added(scope: LogScope, values: tuple[Any, ...]) -> TrustedIssuerAdded:
    """A party may certify."""
    issuer, topics = values
    return TrustedIssuerAdded(
        **plain(scope, issuer), trusted_issuer=issuer, topics=tuple(map(str, topics))
    )


def issuer_topics_updated(scope: LogScope, values: tuple[Any, ...]) -> TrustedIssuerTopicsUpdated:
    """A party may certify other topics."""
    issuer, topics = values
    return TrustedIssuerTopicsUpdated(
        **plain(scope, issuer), trusted_issuer=issuer, topics=tuple(map(str, topics))
    )


def issuer_removed(scope: LogScope, values: tuple[Any, ...]) -> TrustedIssuerRemoved:
    """A party may certify no longer."""
    return TrustedIssuerRemoved(**plain(scope, values[0]), trusted_issuer=values[0])


def bound(component: Component) -> Callable[[LogScope, tuple[Any, ...]], ContractBound]:
    """A builder for events that bind the contract to another, which is this part of a suite."""

    def build(scope: LogScope, values: tuple[Any, ...]) -> ContractBound:
        return ContractBound(**_binding(scope, component, values[0]))

    return build


def unbound(component: Component) -> Callable[[LogScope, tuple[Any, ...]], ContractUnbound]:
    """A builder for events that end a binding."""

    def build(scope: LogScope, values: tuple[Any, ...]) -> ContractUnbound:
        return ContractUnbound(**_binding(scope, component, values[0]))

    return build


def _binding(scope: LogScope, component: Component, other: str) -> dict[str, Any]:
    token = of_token(scope, other) if component == "token" else _token_behind(scope, other)
    return plain(scope) | token | {"component": component, "component_address": other}


def _token_behind(scope: LogScope, part: str) -> dict[str, Any]:
    known = scope.block.token_of(part)
    return {} if known is None else known.fields()


def suite_deployed(scope: LogScope, values: tuple[Any, ...]) -> TokenSuiteDeployed:
    """A token was made, with its suite."""
    token, registry, storage, issuers, topics, compliance, salt_hash = values
    return TokenSuiteDeployed(
        **(plain(scope) | of_token(scope, token)),
        identity_registry=registry,
        identity_storage=storage,
        trusted_issuers_registry=issuers,
        claim_topics_registry=topics,
        compliance=compliance,
        salt_hash=salt_hash,
    )
