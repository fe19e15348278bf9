"""Transfers that a token refused: failed transactions, which leave no log.

T-REX says ``Transfer not possible`` for an unverified receiver and for a compliance rule alike, so
the collector asked the contracts at that block, and its answers are in the frame.
"""

from collections.abc import Iterator
from typing import Any

from normalizer.abi import AbiMismatch
from normalizer.decoders.evm_checks import CheckedBlock
from normalizer.decoders.evm_scope import BlockScope, Call, both_parties, related, whole
from normalizer.decoders.unreadable import Unreadable
from normalizer.events.chain import ZERO_ADDRESS, TokenTransferRefused
from normalizer.signatures import KNOWN_FUNCTIONS, selectors
from normalizer.status_codes import ERC1066, ERC1400, meaning, reverted_with
from pipeline.evm_payload import Refusal

_TRANSFER = selectors("transfer", "transferWithData")
_BATCH = selectors("batchTransfer")
_BETWEEN = selectors(
    "transferFrom",
    "transferFromWithData",
    "forcedTransfer",
    "controllerTransfer",
    "transferTokenForced",
)
_BATCH_BETWEEN = selectors("batchForcedTransfer")
_BY_PARTITION = selectors("transferByPartition")
_BY_PARTITION_BETWEEN = selectors("operatorTransferByPartition")
_MINT = selectors("mint")
_BATCH_MINT = selectors("batchMint")
_TRANSFERS = _TRANSFER | _BATCH | _BETWEEN | _BATCH_BETWEEN | _BY_PARTITION | _BY_PARTITION_BETWEEN
_MOST_IN_BATCH = 1000


def is_transfer(call: Call) -> bool:
    """Whether a transaction calls a function that moves tokens."""
    return call.selector in _TRANSFERS and call.to is not None


def moves_tokens(call: Call) -> bool:
    """Whether a transaction calls a function that moves tokens, or makes new ones."""
    return is_transfer(call) or (
        call.to is not None and (call.selector in _MINT or call.selector in _BATCH_MINT)
    )


def refused(
    block: BlockScope, call: Call, refusal: Refusal | None, checked: CheckedBlock
) -> Iterator[TokenTransferRefused]:
    """The transfers that the call asked for. Raises :class:`Unreadable`."""
    assert call.to is not None
    asked = list(moves(call))
    token = block.token_of(call.to)
    for number, (source, destination, amount) in enumerate(asked):
        sender, receiver = block.party(source), block.party(destination)
        # What was asked is of the call as a whole, so it says nothing of one of many.
        single = refusal if refusal is not None and len(asked) == 1 else None
        event = TokenTransferRefused(
            **block.contract_fields(call.to),
            **call.fields,
            **both_parties(sender, receiver),
            id=f"{block.prefix}{call.hash}:refused" + (f":{number}" if number else ""),
            reason=refusal.reason if refusal else None,
            **_status(refusal),
            source_address=source,
            destination_address=destination,
            related_user=related(source, destination, call.sender, sender.id, receiver.id),
            amount_raw=str(amount),
            amount=whole(amount, token),
            receiver_verified=single.receiver_verified if single else None,
            compliance_allows=single.compliance_allows if single else None,
            tags=("batch",) if len(asked) > 1 else (),
        )
        checked.put(event, number)
        if event.check_destination_verified is not None:
            event.receiver_verified = event.check_destination_verified
        if event.check_compliance_allows is not None:
            event.compliance_allows = event.check_compliance_allows
        yield event


def _status(refusal: Refusal | None) -> dict[str, Any]:
    """What a token of the ERC-1400 family says by a code, in the words of both of its tables."""
    code = reverted_with(refusal.reason) if refusal else None
    if code is None:
        return {}
    return {
        "status_code": f"0x{code:02x}",
        "status_meaning": meaning(code),
        "status_in_erc1066": ERC1066.get(code) if code in ERC1400 else None,
    }


def moves(call: Call) -> Iterator[tuple[str, str, int]]:
    """Source, destination and amount of each transfer that was asked for.

    What was to be minted comes from the zero address, as in the event of what is.
    """
    assert call.selector is not None
    assert call.sender is not None
    try:
        values: tuple[Any, ...] = KNOWN_FUNCTIONS[call.selector].decode(call.input)
    except AbiMismatch as error:
        raise Unreadable(error.reason, error.field) from None
    if call.selector in _TRANSFER:
        yield call.sender, values[0], values[1]
    elif call.selector in _MINT:
        yield ZERO_ADDRESS, values[0], values[1]
    elif call.selector in _BETWEEN:
        yield values[0], values[1], values[2]
    elif call.selector in _BY_PARTITION:
        yield call.sender, values[1], values[2]
    elif call.selector in _BY_PARTITION_BETWEEN:
        yield values[1], values[2], values[3]
    else:
        if call.selector in _BATCH:
            values = ((call.sender,) * len(values[0]), *values)
        elif call.selector in _BATCH_MINT:
            values = ((ZERO_ADDRESS,) * len(values[0]), *values)
        sources, destinations, amounts = values
        if len(destinations) > _MOST_IN_BATCH:
            raise Unreadable(f"a batch of more than {_MOST_IN_BATCH} transfers", "input")
        # Lists of unequal length are themselves a reason to refuse: what pairs up is kept.
        yield from zip(sources, destinations, amounts, strict=False)
