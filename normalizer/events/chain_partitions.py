"""The ERC-1400 family: partitions and their operators, issuance, redemption, controllers."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_checks import CheckedTransfer
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, Hash, Uint256, described


class _Moved(CheckedTransfer, kw_only=True):
    amount_raw: Annotated[Uint256, described("Amount in the token's smallest unit, exact")] = field(
        name="token.amount_raw"
    )
    amount: Annotated[float | None, described("Amount in whole tokens; not exact")] = field(
        name="token.amount", default=None
    )
    operator: Annotated[Address, described("Who moved them: the holder, or for the holder")] = (
        field(name="token.operator.address")
    )
    data: Annotated[
        str | None,
        described(
            "What the holder gave with it, hexadecimal", personal="encoded", es="binary_text"
        ),
    ] = field(name="token.transfer.data", default=None)
    operator_data: Annotated[
        str | None,
        described(
            "What the operator gave with it, hexadecimal", personal="encoded", es="binary_text"
        ),
    ] = field(name="token.transfer.operator_data", default=None)


class PartitionTransfer(_Moved, tag="partition-transfer", kw_only=True):
    """Tokens moved within the partition that they are in (ERC-1410 ``TransferByPartition``).

    A contract that is ERC-20 as well emits ``Transfer`` for it too, so whoever counts amounts takes
    one of the two. Where the tokens also change their partition, ``partition-changed`` says it.
    """

    partition: Annotated[Hash, described("The partition as the contract has it, bytes32")] = field(
        name="token.partition.id"
    )
    partition_name: Annotated[
        str | None, described("The partition as text, where it is printable")
    ] = field(name="token.partition.name", default=None)


class ControllerTransfer(_Moved, tag="controller-transfer", kw_only=True):
    """A controller moved a holder's tokens without their leave (ERC-1644 ``ControllerTransfer``).

    The operator is the controller.
    """


class PartitionChanged(ChainEvent, tag="partition-changed", kw_only=True):
    """Tokens went from one partition to another (ERC-1400 ``ChangedPartition``).

    Whose they are, the ``partition-transfer`` of the same transaction says.
    """

    partition: Annotated[Hash, described("The partition before, bytes32")] = field(
        name="token.partition.id"
    )
    partition_name: Annotated[str | None, described("It as text, where it is printable")] = field(
        name="token.partition.name", default=None
    )
    new_partition: Annotated[Hash, described("The partition that they are in now, bytes32")] = (
        field(name="token.partition.new_id")
    )
    new_partition_name: Annotated[str | None, described("It as text, where it is printable")] = (
        field(name="token.partition.new_name", default=None)
    )
    amount_raw: Annotated[Uint256, described("Amount, exact")] = field(name="token.amount_raw")
    amount: Annotated[float | None, described("Amount in whole tokens; not exact")] = field(
        name="token.amount", default=None
    )


class _InPartition(ChainEvent, kw_only=True):
    partition: Annotated[
        Hash | None, described("The partition, bytes32; missing where it is all of them")
    ] = field(name="token.partition.id", default=None)
    partition_name: Annotated[str | None, described("It as text, where it is printable")] = field(
        name="token.partition.name", default=None
    )


class _Operator(_InPartition, kw_only=True):
    log_name: Annotated[str, described("Name of the event, as the contract has it")] = field(
        name="blockchain.log.name"
    )
    operator: Annotated[Address, described("Who may move the holder's tokens")] = field(
        name="token.operator.address"
    )
    operator_labels: Annotated[Keywords, described("Labels of the operator")] = field(
        name="token.operator.labels", default=()
    )


class OperatorAuthorized(_Operator, tag="operator-authorized", kw_only=True):
    """An operator may move all tokens of a holder, who is the party.

    ERC-1410 ``AuthorizedOperator``, ``AuthorizedOperatorByPartition``; ``ApprovalForAll`` of
    ERC-721 and ERC-1155 with true.
    """


class OperatorRevoked(_Operator, tag="operator-revoked", kw_only=True):
    """An operator may move the tokens of the party no longer.

    ERC-1410 ``RevokedOperator``, ``RevokedOperatorByPartition``; ``ApprovalForAll`` with false.
    """


class PartitionApproval(ChainEvent, tag="partition-approval", kw_only=True):
    """An owner, who is the party, allowed a spender an amount of one partition.

    UniversalToken ``ApprovalByPartition``.
    """

    partition: Annotated[Hash, described("The partition, bytes32")] = field(
        name="token.partition.id"
    )
    partition_name: Annotated[str | None, described("It as text, where it is printable")] = field(
        name="token.partition.name", default=None
    )
    spender: Annotated[Address, described("Who may spend")] = field(name="token.spender.address")
    spender_labels: Annotated[Keywords, described("Labels of the spender")] = field(
        name="token.spender.labels", default=()
    )
    amount_raw: Annotated[Uint256, described("Allowed amount, exact")] = field(
        name="token.amount_raw"
    )
    amount: Annotated[float | None, described("Allowed amount in whole tokens")] = field(
        name="token.amount", default=None
    )


class _SupplyChange(_InPartition, kw_only=True):
    log_name: Annotated[str, described("Name of the event, as the contract has it")] = field(
        name="blockchain.log.name"
    )
    operator: Annotated[
        Address | None, described("Who did it; one form of IssuedByPartition doesn't say")
    ] = field(name="token.operator.address", default=None)
    amount_raw: Annotated[Uint256, described("Amount, exact")] = field(name="token.amount_raw")
    amount: Annotated[float | None, described("Amount in whole tokens; not exact")] = field(
        name="token.amount", default=None
    )
    data: Annotated[
        str | None,
        described("What was given with it, hexadecimal", personal="encoded", es="binary_text"),
    ] = field(name="token.transfer.data", default=None)
    operator_data: Annotated[
        str | None,
        described(
            "What the operator gave with it, hexadecimal", personal="encoded", es="binary_text"
        ),
    ] = field(name="token.transfer.operator_data", default=None)


class TokensIssued(_SupplyChange, tag="tokens-issued", kw_only=True):
    """New tokens went to the party (ERC-1594 ``Issued``; ERC-1410 ``IssuedByPartition``).

    A contract that is ERC-20 as well emits ``Transfer`` from the zero address for it too.
    """


class TokensRedeemed(_SupplyChange, tag="tokens-redeemed", kw_only=True):
    """Tokens of the party are no more (ERC-1594 ``Redeemed``; ERC-1410 ``RedeemedByPartition``).

    A contract that is ERC-20 as well emits ``Transfer`` to the zero address for it too.
    """


class ControllerRedemption(_SupplyChange, tag="controller-redemption", kw_only=True):
    """A controller redeemed tokens of the party without their leave (ERC-1644).

    The operator is the controller.
    """
