"""OnchainID: claims, keys and calls of an identity, and the wallets that are tied to it.

Sources: ERC-734, ERC-735, and OnchainID 2.2.1 (``Identity``, ``ClaimIssuer``, ``IdFactory``,
``Gateway``).
"""

from typing import Any, TypeVar

from eth_hash.auto import keccak

from normalizer.decoders.evm_fields import (
    arguments,
    behind,
    hexadecimal,
    method,
    of_token,
    plain,
    some_hexadecimal,
)
from normalizer.decoders.evm_scope import LogScope
from normalizer.events.chain import (
    ClaimAdded,
    ClaimChanged,
    ClaimRemoved,
    ClaimRevoked,
    IdentityCallApproved,
    IdentityCallExecuted,
    IdentityCallFailed,
    IdentityCallRejected,
    IdentityCallRequested,
    IdentityKeyAdded,
    IdentityKeyRemoved,
    IdentitySignatureApproved,
    IdentitySignatureRevoked,
    IdentitySignerApproved,
    IdentitySignerRevoked,
    TokenIdentityLinked,
    WalletLinked,
    WalletUnlinked,
)
from normalizer.signatures import selectors

_REVOKE = selectors("revokeClaim")
#: ERC-734 names the first two, ERC-735 the third, OnchainID the fourth.
_PURPOSES = {1: "management", 2: "action", 3: "claim-signer", 4: "encryption"}

_Claim = TypeVar("_Claim", ClaimAdded, ClaimChanged, ClaimRemoved)
_Key = TypeVar("_Key", IdentityKeyAdded, IdentityKeyRemoved)
_Call = TypeVar("_Call", IdentityCallRequested, IdentityCallExecuted, IdentityCallFailed)


def claim_added(scope: LogScope, values: tuple[Any, ...]) -> ClaimAdded:
    """An identity got a claim."""
    return _claim(ClaimAdded, scope, values)


def claim_changed(scope: LogScope, values: tuple[Any, ...]) -> ClaimChanged:
    """A claim was replaced."""
    return _claim(ClaimChanged, scope, values)


def claim_removed(scope: LogScope, values: tuple[Any, ...]) -> ClaimRemoved:
    """An identity lost a claim."""
    return _claim(ClaimRemoved, scope, values)


def _claim(record: type[_Claim], scope: LogScope, values: tuple[Any, ...]) -> _Claim:
    claim_id, topic, scheme, issuer, signature, data, uri = values
    return record(
        **behind(scope, scope.contract, issuer),
        identity=scope.contract,
        claim_id=hexadecimal(claim_id),
        topic=str(topic),
        scheme=str(scheme),
        issuer=issuer,
        signature_hash=hexadecimal(keccak(signature)),
        signature=some_hexadecimal(signature),
        data=some_hexadecimal(data),
        uri=uri or None,
    )


def claim_revoked(scope: LogScope, values: tuple[Any, ...]) -> ClaimRevoked:
    """The contract, an issuer of claims, takes one back."""
    given = arguments(scope, _REVOKE)
    identity = given[1] if given else None
    fields = plain(scope, scope.contract) if identity is None else behind(scope, identity)
    return ClaimRevoked(
        **fields,
        issuer=scope.contract,
        signature_hash=values[0],
        claim_id=hexadecimal(given[0]) if given else None,
        identity=identity,
    )


def key_added(scope: LogScope, values: tuple[Any, ...]) -> IdentityKeyAdded:
    """A key may act for an identity."""
    return _key(IdentityKeyAdded, scope, values)


def key_removed(scope: LogScope, values: tuple[Any, ...]) -> IdentityKeyRemoved:
    """A key may act for an identity no longer."""
    return _key(IdentityKeyRemoved, scope, values)


def _key(record: type[_Key], scope: LogScope, values: tuple[Any, ...]) -> _Key:
    key, purpose, key_type = values
    behind_key = _behind_key(scope, key)
    return record(
        **behind(scope, scope.contract, behind_key),
        identity=scope.contract,
        key=hexadecimal(key),
        purpose=str(purpose),
        purpose_name=_PURPOSES.get(purpose),
        key_type=str(key_type),
        key_address=behind_key,
    )


def _behind_key(scope: LogScope, key: bytes) -> str | None:
    """A hash says no address, but it can be tried with those that are at hand."""
    for address in (scope.call.sender, scope.call.to):
        if address is not None and keccak(bytes(12) + bytes.fromhex(address[2:])) == key:
            return address
    return None


def call_requested(scope: LogScope, values: tuple[Any, ...]) -> IdentityCallRequested:
    """An identity is asked to call a contract."""
    return _call(IdentityCallRequested, scope, values)


def call_executed(scope: LogScope, values: tuple[Any, ...]) -> IdentityCallExecuted:
    """An identity called a contract."""
    return _call(IdentityCallExecuted, scope, values)


def call_failed(scope: LogScope, values: tuple[Any, ...]) -> IdentityCallFailed:
    """What an identity called refused."""
    return _call(IdentityCallFailed, scope, values)


def _call(record: type[_Call], scope: LogScope, values: tuple[Any, ...]) -> _Call:
    number, target, value, data = values
    return record(
        **behind(scope, scope.contract, target),
        identity=scope.contract,
        execution_id=str(number),
        target=target,
        value_raw=str(value),
        method=method(data),
        data=some_hexadecimal(data),
    )


def call_decided(
    scope: LogScope, values: tuple[Any, ...]
) -> IdentityCallApproved | IdentityCallRejected:
    """A key agrees to a call, or refuses it."""
    number, approved = values
    record = IdentityCallApproved if approved else IdentityCallRejected
    return record(
        **behind(scope, scope.contract), identity=scope.contract, execution_id=str(number)
    )


def wallet_linked(scope: LogScope, values: tuple[Any, ...]) -> WalletLinked:
    """The party, a wallet, is tied to an OnchainID."""
    wallet, identity = values
    return WalletLinked(**scope.about(wallet, identity), identity=identity)


def wallet_unlinked(scope: LogScope, values: tuple[Any, ...]) -> WalletUnlinked:
    """The party, a wallet, is tied to an OnchainID no longer."""
    wallet, identity = values
    return WalletUnlinked(**scope.about(wallet, identity), identity=identity)


def token_linked(scope: LogScope, values: tuple[Any, ...]) -> TokenIdentityLinked:
    """A token has an OnchainID."""
    token, identity = values
    return TokenIdentityLinked(**(plain(scope) | of_token(scope, token)), identity=identity)


def signer_approved(scope: LogScope, values: tuple[Any, ...]) -> IdentitySignerApproved:
    """The party may sign for new identities."""
    return IdentitySignerApproved(**scope.about(values[0], scope.call.sender))


def signer_revoked(scope: LogScope, values: tuple[Any, ...]) -> IdentitySignerRevoked:
    """The party may sign for new identities no longer."""
    return IdentitySignerRevoked(**scope.about(values[0], scope.call.sender))


def signature_approved(scope: LogScope, values: tuple[Any, ...]) -> IdentitySignatureApproved:
    """A signature counts again."""
    return IdentitySignatureApproved(**plain(scope), signature_hash=values[0])


def signature_revoked(scope: LogScope, values: tuple[Any, ...]) -> IdentitySignatureRevoked:
    """A signature counts no longer."""
    return IdentitySignatureRevoked(**plain(scope), signature_hash=values[0])
