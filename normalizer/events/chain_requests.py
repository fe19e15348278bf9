"""Transfers that wait for somebody: to be approved, or for the other half of a deal."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.chain_transfers import SourceAndDestination
from normalizer.events.fields import Address, Hash, Uint256, described


class _AskedFor(SourceAndDestination, kw_only=True):
    amount_raw: Annotated[Uint256, described("Amount in the token's smallest unit, exact")] = field(
        name="token.amount_raw"
    )
    amount: Annotated[float | None, described("Amount in whole tokens; not exact")] = field(
        name="token.amount", default=None
    )
    request: Annotated[
        str | None, described("The request: its number (SRC-20) or id (T-REX), where it has one")
    ] = field(name="token.transfer.request.id", default=None)


class TransferRequested(_AskedFor, tag="transfer-requested", kw_only=True):
    """A transfer waits for approval, and its tokens with it.

    SRC-20 ``TransferRequest``; T-REX ``TransferInitiated`` of the DVA transfer manager.
    """

    criteria: Annotated[
        Hash | None, described("Hash of the criteria by which it is approved (T-REX)")
    ] = field(name="token.transfer.approval.criteria_hash", default=None)


class TransferApproved(_AskedFor, tag="transfer-approved", kw_only=True):
    """A transfer may be made, or was by this.

    T-REX ``TransferApproved`` of the conditional transfer module; SRC-20 ``TransferApproval``.
    """

    type: Keywords = field(name="event.type", default=("allowed",))
    category: Keywords = field(name="event.category", default=("network",))


class TransferApprovalRemoved(_AskedFor, tag="transfer-approval-removed", kw_only=True):
    """A transfer may not be made, or was made and needs another approval to be made again.

    T-REX ``ApprovalRemoved`` of the conditional transfer module.
    """


class TransferRequestCompleted(_AskedFor, tag="transfer-request-completed", kw_only=True):
    """All approvers agreed, and the transfer was made (T-REX ``TransferCompleted``)."""

    outcome: str | None = field(name="event.outcome", default="success")


class _Step(ChainEvent, kw_only=True):
    request: Annotated[str, described("The request: its number (SRC-20) or id (T-REX)")] = field(
        name="token.transfer.request.id"
    )


class TransferRequestApproved(_Step, tag="transfer-request-approved", kw_only=True):
    """The party, an approver, agrees to a transfer (T-REX ``TransferApproved``, by its id)."""


class TransferRequestRejected(_Step, tag="transfer-request-rejected", kw_only=True):
    """The party, an approver, refuses a transfer (T-REX ``TransferRejected``)."""

    outcome: str | None = field(name="event.outcome", default="failure")


class TransferRequestCancelled(_Step, tag="transfer-request-cancelled", kw_only=True):
    """Who asked for a transfer takes it back (T-REX ``TransferCancelled``; SRC-20
    ``TransferRequestCanceled``, which also says what it was).
    """

    source_address: Annotated[Address | None, described("Wallet that the tokens leave")] = field(
        name="source.address", default=None
    )
    destination_address: Annotated[Address | None, described("Wallet that receives")] = field(
        name="destination.address", default=None
    )
    amount_raw: Annotated[Uint256 | None, described("Amount, exact")] = field(
        name="token.amount_raw", default=None
    )
    amount: Annotated[float | None, described("Amount in whole tokens; not exact")] = field(
        name="token.amount", default=None
    )


class TransferRequestReset(_Step, tag="transfer-request-reset", kw_only=True):
    """Who must approve changed, and all begin anew (T-REX ``TransferApprovalStateReset``)."""

    criteria: Annotated[Hash, described("Hash of the criteria that count now")] = field(
        name="token.transfer.approval.criteria_hash"
    )


class ApprovalCriteriaSet(ChainEvent, tag="approval-criteria-set", kw_only=True):
    """Who must approve the transfers of a token was set (T-REX ``ApprovalCriteriaSet``)."""

    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("change",))
    by_recipient: Annotated[bool, described("Whether the receiver must approve")] = field(
        name="token.transfer.approval.by_recipient"
    )
    by_agent: Annotated[bool, described("Whether an agent of the token must approve")] = field(
        name="token.transfer.approval.by_agent"
    )
    sequential: Annotated[bool, described("Whether they approve one after the other")] = field(
        name="token.transfer.approval.sequential"
    )
    approvers: Annotated[Keywords, described("Who else must approve", personal="wallet")] = field(
        name="token.transfer.approval.approvers", default=()
    )
    criteria: Annotated[Hash, described("Hash of the criteria")] = field(
        name="token.transfer.approval.criteria_hash"
    )


class DealInitiated(ChainEvent, tag="deal-initiated", kw_only=True):
    """The party offers tokens for other tokens (T-REX ``DVDTransferInitiated``).

    Delivery versus delivery: both transfers are made, or none. The event's token is the one that
    is offered.
    """

    deal: Annotated[Hash, described("Id of the deal")] = field(name="token.deal.id")
    counterparty: Annotated[Address, described("Who is to take the offer")] = field(
        name="token.deal.counterparty"
    )
    amount_raw: Annotated[Uint256, described("What the party gives, exact")] = field(
        name="token.amount_raw"
    )
    amount: Annotated[float | None, described("What the party gives, in whole tokens")] = field(
        name="token.amount", default=None
    )
    other_token: Annotated[Address, described("Token that the party gets", personal="no")] = field(
        name="token.deal.other.address"
    )
    other_amount_raw: Annotated[Uint256, described("What the party gets, exact")] = field(
        name="token.deal.other.amount_raw"
    )


class DealExecuted(ChainEvent, tag="deal-executed", kw_only=True):
    """Both halves of a deal were delivered (T-REX ``DVDTransferExecuted``)."""

    outcome: str | None = field(name="event.outcome", default="success")
    deal: Annotated[Hash, described("Id of the deal")] = field(name="token.deal.id")


class DealCancelled(ChainEvent, tag="deal-cancelled", kw_only=True):
    """A deal is off (T-REX ``DVDTransferCancelled``)."""

    outcome: str | None = field(name="event.outcome", default="failure")
    deal: Annotated[Hash, described("Id of the deal")] = field(name="token.deal.id")


class DealFeeSet(ChainEvent, tag="deal-fee-set", kw_only=True):
    """Deals in a pair of tokens cost a fee (T-REX ``FeeModified``)."""

    category: Keywords = field(name="event.category", default=("configuration",))
    type: Keywords = field(name="event.type", default=("change",))
    pair: Annotated[Hash, described("Hash of the two tokens, in this order")] = field(
        name="token.deal.pair"
    )
    other_token: Annotated[Address, described("The second token", personal="no")] = field(
        name="token.deal.other.address"
    )
    fee_raw: Annotated[
        Uint256, described("Fee on the first token, in parts of the base, exact")
    ] = field(name="token.deal.fee_raw")
    other_fee_raw: Annotated[
        Uint256, described("Fee on the second token, in parts of the base, exact")
    ] = field(name="token.deal.other.fee_raw")
    fee_base: Annotated[Uint256, described("The base is ten to the power of this")] = field(
        name="token.deal.fee_base"
    )
    collector: Annotated[Address, described("Who gets the fee on the first token")] = field(
        name="token.deal.fee_collector"
    )
    other_collector: Annotated[Address, described("Who gets the fee on the second token")] = field(
        name="token.deal.other.fee_collector"
    )
