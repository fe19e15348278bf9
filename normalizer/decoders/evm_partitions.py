"""The ERC-1400 family: partitions, operators, issuance, redemption, controllers, documents, holds.

It is not one ABI: the EIPs' texts, their reference contracts and UniversalToken differ in events of
the same name, so each form is told by its topic0 and has its own builder here.
"""

from typing import Any

from normalizer.decoders.evm_fields import (
    between,
    hexadecimal,
    named_partition,
    plain,
    printable,
    some_hexadecimal,
    tokens,
)
from normalizer.decoders.evm_scope import LogScope
from normalizer.events.chain import (
    ControllerRedemption,
    ControllerTransfer,
    DocumentRemoved,
    DocumentUpdated,
    OperatorAuthorized,
    OperatorRevoked,
    PartitionApproval,
    PartitionChanged,
    PartitionTransfer,
    TokensIssued,
    TokensRedeemed,
)


def _given(data: bytes, operator_data: bytes = b"") -> dict[str, Any]:
    return {"data": some_hexadecimal(data), "operator_data": some_hexadecimal(operator_data)}


def partition_transfer(scope: LogScope, values: tuple[Any, ...]) -> PartitionTransfer:
    """Tokens moved within their partition."""
    partition, operator, source, destination, amount, data, operator_data = values
    return PartitionTransfer(
        **between(scope, source, destination, operator),
        **named_partition(partition),
        **tokens(amount, scope.token),
        **_given(data, operator_data),
        operator=operator,
    )


def partition_changed(scope: LogScope, values: tuple[Any, ...]) -> PartitionChanged:
    """Tokens went to another partition."""
    before, after, amount = values
    return PartitionChanged(
        **plain(scope),
        **named_partition(before),
        **tokens(amount, scope.token),
        new_partition=hexadecimal(after),
        new_partition_name=printable(after),
    )


def _operator(
    scope: LogScope, log_name: str, operator: str, holder: str, partition: bytes | None = None
) -> dict[str, Any]:
    fields = scope.about(holder, operator) | {
        "log_name": log_name,
        "operator": operator,
        "operator_labels": scope.block.party(operator).labels,
    }
    return fields if partition is None else fields | named_partition(partition)


def authorized(scope: LogScope, values: tuple[Any, ...]) -> OperatorAuthorized:
    """For all partitions."""
    return OperatorAuthorized(**_operator(scope, "AuthorizedOperator", *values))


def revoked(scope: LogScope, values: tuple[Any, ...]) -> OperatorRevoked:
    """For all partitions."""
    return OperatorRevoked(**_operator(scope, "RevokedOperator", *values))


def authorized_by_partition(scope: LogScope, values: tuple[Any, ...]) -> OperatorAuthorized:
    """For one partition."""
    partition, operator, holder = values
    name = "AuthorizedOperatorByPartition"
    return OperatorAuthorized(**_operator(scope, name, operator, holder, partition))


def revoked_by_partition(scope: LogScope, values: tuple[Any, ...]) -> OperatorRevoked:
    """For one partition."""
    partition, operator, holder = values
    name = "RevokedOperatorByPartition"
    return OperatorRevoked(**_operator(scope, name, operator, holder, partition))


def approval_for_all(
    scope: LogScope, values: tuple[Any, ...]
) -> OperatorAuthorized | OperatorRevoked:
    """ERC-721 and ERC-1155: an operator of everything that the owner has."""
    owner, operator, given = values
    record = OperatorAuthorized if given else OperatorRevoked
    return record(**_operator(scope, "ApprovalForAll", operator, owner))


def partition_approval(scope: LogScope, values: tuple[Any, ...]) -> PartitionApproval:
    """The owner, who is the party, allowed a spender an amount of a partition."""
    partition, owner, spender, amount = values
    return PartitionApproval(
        **scope.about(owner, spender),
        **named_partition(partition),
        **tokens(amount, scope.token),
        spender=spender,
        spender_labels=scope.block.party(spender).labels,
    )


def issued(scope: LogScope, values: tuple[Any, ...]) -> TokensIssued:
    """ERC-1594: new tokens, of no partition or the contract's own choice."""
    operator, receiver, amount, data = values
    return TokensIssued(
        **scope.about(receiver, operator),
        **tokens(amount, scope.token),
        **_given(data),
        log_name="Issued",
        operator=operator,
    )


def issued_by_partition(scope: LogScope, values: tuple[Any, ...]) -> TokensIssued:
    """The EIPs' texts and UniversalToken: with the operator, and what it gave."""
    partition, operator, receiver, amount, data, operator_data = values
    return TokensIssued(
        **scope.about(receiver, operator),
        **named_partition(partition),
        **tokens(amount, scope.token),
        **_given(data, operator_data),
        log_name="IssuedByPartition",
        operator=operator,
    )


def issued_by_partition_short(scope: LogScope, values: tuple[Any, ...]) -> TokensIssued:
    """The reference contracts: without the operator."""
    partition, receiver, amount, data = values
    return TokensIssued(
        **scope.about(receiver, scope.direct_caller),
        **named_partition(partition),
        **tokens(amount, scope.token),
        **_given(data),
        log_name="IssuedByPartition",
    )


def redeemed(scope: LogScope, values: tuple[Any, ...]) -> TokensRedeemed:
    """ERC-1594: tokens that are no more."""
    operator, holder, amount, data = values
    return TokensRedeemed(
        **scope.about(holder, operator),
        **tokens(amount, scope.token),
        **_given(data),
        log_name="Redeemed",
        operator=operator,
    )


def redeemed_by_partition(scope: LogScope, values: tuple[Any, ...]) -> TokensRedeemed:
    """The reference contracts: with what the holder gave, and the operator."""
    partition, operator, holder, amount, data, operator_data = values
    return TokensRedeemed(
        **scope.about(holder, operator),
        **named_partition(partition),
        **tokens(amount, scope.token),
        **_given(data, operator_data),
        log_name="RedeemedByPartition",
        operator=operator,
    )


def redeemed_by_partition_short(scope: LogScope, values: tuple[Any, ...]) -> TokensRedeemed:
    """The EIPs' texts and UniversalToken: with what the operator gave only."""
    partition, operator, holder, amount, operator_data = values
    return TokensRedeemed(
        **scope.about(holder, operator),
        **named_partition(partition),
        **tokens(amount, scope.token),
        **_given(b"", operator_data),
        log_name="RedeemedByPartition",
        operator=operator,
    )


def controller_transfer(scope: LogScope, values: tuple[Any, ...]) -> ControllerTransfer:
    """A controller moved a holder's tokens."""
    controller, source, destination, amount, data, operator_data = values
    return ControllerTransfer(
        **between(scope, source, destination, controller),
        **tokens(amount, scope.token),
        **_given(data, operator_data),
        operator=controller,
    )


def controller_redemption(scope: LogScope, values: tuple[Any, ...]) -> ControllerRedemption:
    """A controller redeemed the party's tokens."""
    controller, holder, amount, data, operator_data = values
    return ControllerRedemption(
        **scope.about(holder, controller),
        **tokens(amount, scope.token),
        **_given(data, operator_data),
        log_name="ControllerRedemption",
        operator=controller,
    )


def _document(scope: LogScope, log_name: str, values: tuple[Any, ...]) -> dict[str, Any]:
    name, uri, document_hash = values
    return plain(scope) | {
        "log_name": log_name,
        "document": hexadecimal(name),
        "document_name": printable(name),
        "uri": uri,
        "document_hash": hexadecimal(document_hash),
    }


def document_updated(scope: LogScope, values: tuple[Any, ...]) -> DocumentUpdated:
    """ERC-1643: attached or replaced."""
    return DocumentUpdated(**_document(scope, "DocumentUpdated", values))


def document(scope: LogScope, values: tuple[Any, ...]) -> DocumentUpdated:
    """The ERC-1400 text and UniversalToken: attached or replaced."""
    return DocumentUpdated(**_document(scope, "Document", values))


def document_removed(scope: LogScope, values: tuple[Any, ...]) -> DocumentRemoved:
    """ERC-1643: taken away."""
    return DocumentRemoved(**_document(scope, "DocumentRemoved", values))
