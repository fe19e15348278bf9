"""Registries of an ERC-3643 suite: who is stored, which claims are asked for, who may certify."""

from typing import Annotated, Literal

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, Hash, Uint256, described


class _Stored(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("iam",))
    type: Keywords = field(name="event.type", default=("user", "change"))


class IdentityStored(_Stored, tag="identity-stored", kw_only=True):
    """A storage of identities took up a wallet (ERC-3643 ``IdentityStored``).

    Several tokens may share a storage: what is stored counts for all of them.
    """

    type: Keywords = field(name="event.type", default=("user", "creation"))
    identity: Annotated[Address, described("The investor's OnchainID")] = field(
        name="investor.identity.address"
    )
    country: Annotated[
        int | None, described("ISO 3166-1 numeric code, where the call itself tells it")
    ] = field(name="investor.identity.country", default=None)


class IdentityUnstored(_Stored, tag="identity-unstored", kw_only=True):
    """A storage of identities let a wallet go (ERC-3643 ``IdentityUnstored``)."""

    type: Keywords = field(name="event.type", default=("user", "deletion"))
    identity: Annotated[Address, described("The investor's OnchainID")] = field(
        name="investor.identity.address"
    )


class StoredIdentityModified(_Stored, tag="stored-identity-modified", kw_only=True):
    """An OnchainID replaced another in a storage (ERC-3643 ``IdentityModified``)."""

    identity: Annotated[Address, described("The new OnchainID")] = field(
        name="investor.identity.address"
    )
    previous_identity: Annotated[Address, described("The OnchainID before")] = field(
        name="investor.identity.previous_address"
    )


class StoredCountryModified(_Stored, tag="stored-country-modified", kw_only=True):
    """A wallet's country changed in a storage (ERC-3643 ``CountryModified``)."""

    country: Annotated[int, described("ISO 3166-1 numeric code")] = field(
        name="investor.identity.country"
    )


class _Trust(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("change",))


class ClaimTopicAdded(_Trust, tag="claim-topic-added", kw_only=True):
    """Investors need another claim from now on (ERC-3643 ``ClaimTopicAdded``)."""

    topic: Annotated[Uint256, described("Number of the topic")] = field(name="token.claim_topic.id")


class ClaimTopicRemoved(_Trust, tag="claim-topic-removed", kw_only=True):
    """Investors need a claim no longer (ERC-3643 ``ClaimTopicRemoved``)."""

    topic: Annotated[Uint256, described("Number of the topic")] = field(name="token.claim_topic.id")


class _TrustedIssuer(_Trust, kw_only=True):
    trusted_issuer: Annotated[
        Address, described("Who certifies investors: a contract of its own", personal="no")
    ] = field(name="token.trusted_issuer.address")


class TrustedIssuerAdded(_TrustedIssuer, tag="trusted-issuer-added", kw_only=True):
    """A party may certify investors (ERC-3643 ``TrustedIssuerAdded``)."""

    topics: Annotated[Keywords, described("Topics that it may certify, exact")] = field(
        name="token.trusted_issuer.claim_topics", default=()
    )


class TrustedIssuerTopicsUpdated(_TrustedIssuer, tag="trusted-issuer-topics-updated", kw_only=True):
    """A party may certify other topics than before (ERC-3643 ``ClaimTopicsUpdated``)."""

    topics: Annotated[Keywords, described("Topics that it may certify, exact")] = field(
        name="token.trusted_issuer.claim_topics", default=()
    )


class TrustedIssuerRemoved(_TrustedIssuer, tag="trusted-issuer-removed", kw_only=True):
    """A party may certify investors no longer (ERC-3643 ``TrustedIssuerRemoved``)."""


class _Binding(_Trust, kw_only=True):
    component: Annotated[
        Literal["identity-registry", "compliance", "token"],
        described("Which part of a suite the other contract is"),
    ] = field(name="token.component.type")
    component_address: Annotated[Address, described("The other contract", personal="no")] = field(
        name="token.component.address"
    )


class ContractBound(_Binding, tag="contract-bound", kw_only=True):
    """A contract serves another from now on.

    ERC-3643 ``IdentityRegistryBound`` of a storage, ``TokenBound`` of a compliance contract; T-REX
    ``ComplianceBound`` of a compliance module.
    """


class ContractUnbound(_Binding, tag="contract-unbound", kw_only=True):
    """A contract serves another no longer: the counterparts of those of ``contract-bound``."""


class TokenSuiteDeployed(_Trust, tag="token-suite-deployed", kw_only=True):
    """A factory made a token with its whole suite (T-REX ``TREXSuiteDeployed``)."""

    type: Keywords = field(name="event.type", default=("creation",))
    identity_registry: Annotated[Address, described("Its identity registry", personal="no")] = (
        field(name="token.suite.identity_registry")
    )
    identity_storage: Annotated[Address, described("Its identity storage", personal="no")] = field(
        name="token.suite.identity_storage"
    )
    trusted_issuers_registry: Annotated[
        Address, described("Its registry of trusted issuers", personal="no")
    ] = field(name="token.suite.trusted_issuers_registry")
    claim_topics_registry: Annotated[
        Address, described("Its registry of claim topics", personal="no")
    ] = field(name="token.suite.claim_topics_registry")
    compliance: Annotated[Address, described("Its compliance contract", personal="no")] = field(
        name="token.suite.compliance"
    )
    salt_hash: Annotated[Hash, described("Hash of the salt that its addresses come from")] = field(
        name="token.suite.salt_hash"
    )
