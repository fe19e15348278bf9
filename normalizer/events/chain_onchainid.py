"""OnchainID: claims about an identity, its keys, its calls (ERC-734, ERC-735), and its wallets."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, Hash, Uint256, described


class _IdentityEvent(ChainEvent, kw_only=True):
    category: Keywords = field(name="event.category", default=("iam",))
    type: Keywords = field(name="event.type", default=("user", "change"))


class _OfIdentity(_IdentityEvent, kw_only=True):
    identity: Annotated[Address, described("The investor's OnchainID")] = field(
        name="investor.identity.address"
    )


class _Claim(_OfIdentity, kw_only=True):
    claim_id: Annotated[Hash, described("keccak256 of the claim's issuer and topic")] = field(
        name="investor.claim.id"
    )
    topic: Annotated[Uint256, described("What the claim is about, as its issuer numbers it")] = (
        field(name="investor.claim.topic")
    )
    scheme: Annotated[Uint256, described("How it is signed: 1 ECDSA, 2 RSA, 3 a contract")] = field(
        name="investor.claim.scheme"
    )
    issuer: Annotated[Address, described("Who certifies it", personal="no")] = field(
        name="investor.claim.issuer"
    )
    signature_hash: Annotated[
        Hash, described("keccak256 of its signature: by this hash a claim is revoked")
    ] = field(name="investor.claim.signature_hash")
    signature: Annotated[
        str | None,
        described("Its signature, hexadecimal", personal="encoded", es="binary_text"),
    ] = field(name="investor.claim.signature", default=None)
    data: Annotated[
        str | None,
        described(
            "What is claimed, hexadecimal: mostly a hash", personal="encoded", es="binary_text"
        ),
    ] = field(name="investor.claim.data", default=None)
    uri: Annotated[str | None, described("Where more about it is kept", personal="encoded")] = (
        field(name="investor.claim.uri", default=None)
    )


class ClaimAdded(_Claim, tag="claim-added", kw_only=True):
    """An identity got a claim (ERC-735 ``ClaimAdded``)."""


class ClaimChanged(_Claim, tag="claim-changed", kw_only=True):
    """A claim of the same issuer and topic replaced another (ERC-735 ``ClaimChanged``)."""


class ClaimRemoved(_Claim, tag="claim-removed", kw_only=True):
    """An identity lost a claim (ERC-735 ``ClaimRemoved``)."""


class ClaimRevoked(_IdentityEvent, tag="claim-revoked", kw_only=True):
    """The issuer of a claim takes it back (OnchainID ``ClaimRevoked``).

    The claim stays at the identity, but is valid no longer. Which one it is the signature's hash
    says, and a direct call of ``revokeClaim``.
    """

    issuer: Annotated[Address, described("Who certified it", personal="no")] = field(
        name="investor.claim.issuer"
    )
    signature_hash: Annotated[Hash, described("keccak256 of the claim's signature")] = field(
        name="investor.claim.signature_hash"
    )
    claim_id: Annotated[Hash | None, described("The claim, where the call itself tells it")] = (
        field(name="investor.claim.id", default=None)
    )
    identity: Annotated[
        Address | None, described("The investor's OnchainID, where the call itself tells it")
    ] = field(name="investor.identity.address", default=None)


class _Key(_OfIdentity, kw_only=True):
    key: Annotated[Hash, described("The key: keccak256 of the abi-encoded address behind it")] = (
        field(name="investor.identity.key.id")
    )
    purpose: Annotated[Uint256, described("What the key may do, by its number in ERC-734")] = field(
        name="investor.identity.key.purpose"
    )
    purpose_name: Annotated[
        str | None, described("management, action, claim-signer or encryption")
    ] = field(name="investor.identity.key.purpose_name", default=None)
    key_type: Annotated[Uint256, described("1 ECDSA, 2 RSA")] = field(
        name="investor.identity.key.type"
    )
    key_address: Annotated[
        Address | None, described("The address behind the key, where the transaction shows it")
    ] = field(name="investor.identity.key.address", default=None)


class IdentityKeyAdded(_Key, tag="identity-key-added", kw_only=True):
    """A key may act for an identity (ERC-734 ``KeyAdded``)."""


class IdentityKeyRemoved(_Key, tag="identity-key-removed", kw_only=True):
    """A key may act for an identity no longer (ERC-734 ``KeyRemoved``)."""


class _Decision(_OfIdentity, kw_only=True):
    execution_id: Annotated[Uint256, described("Number of the call at the identity")] = field(
        name="investor.identity.call.id"
    )


class _Call(_Decision, kw_only=True):
    target: Annotated[Address, described("What is called", personal="no")] = field(
        name="investor.identity.call.to"
    )
    value_raw: Annotated[
        Uint256, described("The chain's own currency that goes with it, exact")
    ] = field(name="investor.identity.call.value_raw")
    method: Annotated[
        str | None, described("Function that is called: its name where known, else the selector")
    ] = field(name="investor.identity.call.method", default=None)
    data: Annotated[
        str | None,
        described("Input of the call, hexadecimal", personal="encoded", es="binary_text"),
    ] = field(name="investor.identity.call.data", default=None)


class IdentityCallRequested(_Call, tag="identity-call-requested", kw_only=True):
    """Somebody asks an identity to call a contract (ERC-734 ``ExecutionRequested``)."""


class IdentityCallApproved(_Decision, tag="identity-call-approved", kw_only=True):
    """A key of an identity agrees to a call (ERC-734 ``Approved`` with true)."""


class IdentityCallRejected(_Decision, tag="identity-call-rejected", kw_only=True):
    """A key of an identity refuses a call (ERC-734 ``Approved`` with false)."""


class IdentityCallExecuted(_Call, tag="identity-call-executed", kw_only=True):
    """An identity called a contract (ERC-734 ``Executed``)."""

    outcome: str | None = field(name="event.outcome", default="success")


class IdentityCallFailed(_Call, tag="identity-call-failed", kw_only=True):
    """A call of an identity was refused by what it called (ERC-734 ``ExecutionFailed``)."""

    outcome: str | None = field(name="event.outcome", default="failure")


class WalletLinked(_OfIdentity, tag="wallet-linked", kw_only=True):
    """A wallet was tied to an OnchainID at its factory (OnchainID ``WalletLinked``).

    An identity has many wallets: they are of one owner.
    """


class WalletUnlinked(_OfIdentity, tag="wallet-unlinked", kw_only=True):
    """A wallet is no longer tied to an OnchainID at its factory (OnchainID ``WalletUnlinked``)."""


class TokenIdentityLinked(_IdentityEvent, tag="token-identity-linked", kw_only=True):
    """A token got an OnchainID of its own (OnchainID ``TokenLinked``)."""

    identity: Annotated[Address, described("The token's OnchainID", personal="no")] = field(
        name="token.information.identity"
    )


class IdentitySignerApproved(_IdentityEvent, tag="identity-signer-approved", kw_only=True):
    """The party may sign for new identities at a gateway (OnchainID ``SignerApproved``)."""


class IdentitySignerRevoked(_IdentityEvent, tag="identity-signer-revoked", kw_only=True):
    """The party may sign for new identities no longer (OnchainID ``SignerRevoked``)."""


class _DeploymentSignature(_IdentityEvent, kw_only=True):
    signature_hash: Annotated[Hash, described("keccak256 of the signature")] = field(
        name="investor.identity.signature_hash"
    )


class IdentitySignatureApproved(
    _DeploymentSignature, tag="identity-signature-approved", kw_only=True
):
    """A signature for a new identity counts again (OnchainID ``SignatureApproved``)."""


class IdentitySignatureRevoked(
    _DeploymentSignature, tag="identity-signature-revoked", kw_only=True
):
    """A signature for a new identity counts no longer (OnchainID ``SignatureRevoked``)."""
