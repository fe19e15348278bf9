"""Transfers that wait: conditional transfers, SRC-20's manual approval, T-REX's DVA and DVD."""

from typing import Any

from normalizer.decoders.evm_fields import between, hexadecimal, of_token, plain, tokens
from normalizer.decoders.evm_scope import LogScope, related
from normalizer.events.chain import (
    ApprovalCriteriaSet,
    DealCancelled,
    DealExecuted,
    DealFeeSet,
    DealInitiated,
    TransferApprovalRemoved,
    TransferApproved,
    TransferRequestApproved,
    TransferRequestCancelled,
    TransferRequestCompleted,
    TransferRequested,
    TransferRequestRejected,
    TransferRequestReset,
)


def _move(
    scope: LogScope, token: str, source: str, destination: str, amount: int
) -> dict[str, Any]:
    """The fields of a transfer of a token that another contract tells of."""
    return (
        between(scope, source, destination, scope.call.sender)
        | of_token(scope, token)
        | tokens(amount, scope.block.token_of(token))
    )


def conditionally_approved(scope: LogScope, values: tuple[Any, ...]) -> TransferApproved:
    """One transfer of this amount may be made."""
    source, destination, amount, token = values
    return TransferApproved(**_move(scope, token, source, destination, amount))


def approval_removed(scope: LogScope, values: tuple[Any, ...]) -> TransferApprovalRemoved:
    """One transfer less of this amount may be made."""
    source, destination, amount, token = values
    return TransferApprovalRemoved(**_move(scope, token, source, destination, amount))


def src20_requested(scope: LogScope, values: tuple[Any, ...]) -> TransferRequested:
    """A transfer of the token that the contract's rules are for waits."""
    number, source, destination, amount = values
    fields = between(scope, source, destination, scope.call.sender)
    return TransferRequested(**fields, **tokens(amount, scope.token), request=str(number))


def src20_approved(scope: LogScope, values: tuple[Any, ...]) -> TransferApproved:
    """A transfer that waited was approved, and is made."""
    number, source, destination, amount = values
    fields = between(scope, source, destination, scope.call.sender)
    return TransferApproved(**fields, **tokens(amount, scope.token), request=str(number))


def src20_cancelled(scope: LogScope, values: tuple[Any, ...]) -> TransferRequestCancelled:
    """A transfer that waited was called off."""
    number, source, destination, amount = values
    return TransferRequestCancelled(
        **plain(scope, source, destination),
        **tokens(amount, scope.token),
        request=str(number),
        source_address=source,
        destination_address=destination,
    )


def initiated(scope: LogScope, values: tuple[Any, ...]) -> TransferRequested:
    """A transfer waits for its approvers."""
    request, token, source, destination, amount, criteria = values
    fields = _move(scope, token, source, destination, amount)
    return TransferRequested(**fields, request=hexadecimal(request), criteria=hexadecimal(criteria))


def completed(scope: LogScope, values: tuple[Any, ...]) -> TransferRequestCompleted:
    """All approvers agreed."""
    request, token, source, destination, amount = values
    fields = _move(scope, token, source, destination, amount)
    return TransferRequestCompleted(**fields, request=hexadecimal(request))


def approved(scope: LogScope, values: tuple[Any, ...]) -> TransferRequestApproved:
    """The party agrees."""
    request, approver = values
    return TransferRequestApproved(**scope.about(approver), request=hexadecimal(request))


def rejected(scope: LogScope, values: tuple[Any, ...]) -> TransferRequestRejected:
    """The party refuses."""
    request, approver = values
    return TransferRequestRejected(**scope.about(approver), request=hexadecimal(request))


def cancelled(scope: LogScope, values: tuple[Any, ...]) -> TransferRequestCancelled:
    """Who asked takes it back."""
    return TransferRequestCancelled(**plain(scope), request=hexadecimal(values[0]))


def reset(scope: LogScope, values: tuple[Any, ...]) -> TransferRequestReset:
    """All approvers begin anew."""
    request, criteria = values
    return TransferRequestReset(
        **plain(scope), request=hexadecimal(request), criteria=hexadecimal(criteria)
    )


def criteria_set(scope: LogScope, values: tuple[Any, ...]) -> ApprovalCriteriaSet:
    """Who must approve the transfers of a token."""
    token, by_recipient, by_agent, sequential, approvers, criteria = values
    return ApprovalCriteriaSet(
        **(plain(scope, *approvers) | of_token(scope, token)),
        by_recipient=by_recipient,
        by_agent=by_agent,
        sequential=sequential,
        approvers=tuple(approvers),
        criteria=hexadecimal(criteria),
    )


def deal_initiated(scope: LogScope, values: tuple[Any, ...]) -> DealInitiated:
    """The party offers tokens for others."""
    deal, maker, token, amount, taker, other, other_amount = values
    return DealInitiated(
        **(scope.about(maker, taker) | of_token(scope, token)),
        **tokens(amount, scope.block.token_of(token)),
        deal=hexadecimal(deal),
        counterparty=taker,
        other_token=other,
        other_amount_raw=str(other_amount),
    )


def deal_executed(scope: LogScope, values: tuple[Any, ...]) -> DealExecuted:
    """Both halves were delivered."""
    return DealExecuted(**plain(scope), deal=hexadecimal(values[0]))


def deal_cancelled(scope: LogScope, values: tuple[Any, ...]) -> DealCancelled:
    """A deal is off."""
    return DealCancelled(**plain(scope), deal=hexadecimal(values[0]))


def deal_fee_set(scope: LogScope, values: tuple[Any, ...]) -> DealFeeSet:
    """What deals in a pair of tokens cost."""
    pair, token, other, fee, other_fee, base, collector, other_collector = values
    fields = scope.fields | of_token(scope, token)
    return DealFeeSet(
        **fields,
        related_user=related(scope.call.sender, collector, other_collector),
        pair=hexadecimal(pair),
        other_token=other,
        fee_raw=str(fee),
        other_fee_raw=str(other_fee),
        fee_base=str(base),
        collector=collector,
        other_collector=other_collector,
    )
