"""Frames of transactions that no block has yet, as :mod:`pipeline.pending_payload` has them."""

from typing import Any

import msgspec
from msgspec import Struct, field

from normalizer.decoders.collected import Normalized
from normalizer.decoders.evm_intents import Intent, read_intent
from normalizer.decoders.evm_native import UNIT
from normalizer.decoders.evm_scope import BlockScope, Call, related, whole
from normalizer.decoders.evm_wire import Transaction, hash32, quantity, uint256
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.instrument import Instruments
from normalizer.decoders.unreadable import Unreadable, unreadable
from normalizer.enrichment import Enrichment, Party
from normalizer.events.pending import (
    PendingRecord,
    TransactionCancelled,
    TransactionDropped,
    TransactionIncluded,
    TransactionPending,
    TransactionReplaced,
)
from pipeline.frames import Frame
from pipeline.pending_payload import NOTHING, PendingNotice

_LARGEST = (1 << 63) - 1
_SECOND = 10**9
_ORPHANED = "the block that had it left the chain"

_notice = msgspec.json.Decoder(PendingNotice)


class _Wire(Struct, gc=False):
    """What a pending transaction has besides :class:`Transaction`."""

    nonce: str
    type: str | None = None
    gas: str | None = None
    gas_price: str | None = field(name="gasPrice", default=None)
    max_fee: str | None = field(name="maxFeePerGas", default=None)
    priority_fee: str | None = field(name="maxPriorityFeePerGas", default=None)


_wire = msgspec.json.Decoder(_Wire)
_transaction = msgspec.json.Decoder(Transaction)


class _Seen(Struct):
    """A transaction, read."""

    call: Call
    intent: Intent
    nonce: int
    value: int
    max_fee: int | None
    priority_fee: int | None
    gas: int | None
    type: int | None

    @property
    def is_cancellation(self) -> bool:
        """Whether it does nothing but use up its nonce."""
        return self.call.to == self.call.sender and not self.value and self.call.input == "0x"


class EvmPendingDecoder:
    """Decodes the frames of one source. Without state."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._source = source
        self._enrichment = enrichment
        self._gaps = Instruments(source, venue, enrichment)

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add the event of the frame. Raises :class:`Unreadable`."""
        if frame.kind == "gap":
            out.events.append(feed_gap(frame, original, self._gaps))
            return
        try:
            notice = _notice.decode(frame.payload)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise unreadable(error) from None
        if not 0 <= notice.chain_id <= _LARGEST:
            raise Unreadable("is out of bounds", "chain_id")
        if not 0 <= notice.first_seen <= frame.received:
            raise Unreadable("is after the receipt, or before 1970", "first_seen")
        scope = BlockScope(self._enrichment, notice.chain_id, "", frame.received)
        out.events.append(_event(scope, notice, frame, original, self._source))


def _event(
    scope: BlockScope, notice: PendingNotice, frame: Frame, original: str, source: str
) -> PendingRecord:
    seen = _read(scope, notice.transaction, "transaction")
    name = f"{notice.chain_id}:{seen.call.hash}"
    fields: dict[str, Any] = {
        **_fields(scope, seen),
        "timestamp": frame.received,
        "ingested": frame.received,
        "original": original,
        "provider": source,
        "chain_id": notice.chain_id,
        "network": notice.network[:128],
        "first_seen": notice.first_seen,
        "related_hash": (seen.call.hash,),
    }
    if notice.what == "seen":
        if notice.again:
            return TransactionPending(
                **fields, id=f"{name}:pending:{frame.received}", reason=_ORPHANED
            )
        return TransactionPending(**fields, id=f"{name}:pending")
    fields["pending_seconds"] = (frame.received - notice.first_seen) / _SECOND
    if notice.what == "dropped":
        return TransactionDropped(**fields, id=f"{name}:dropped:{frame.received}")
    if notice.what == "included":
        return _included(fields, notice, name)
    return _superseded(scope, fields, seen, notice, name)


def _included(fields: dict[str, Any], notice: PendingNotice, name: str) -> TransactionIncluded:
    block = notice.block
    if block is None:
        raise Unreadable("is missing", "block")
    if not 0 <= block.number <= _LARGEST:
        raise Unreadable("is out of bounds", "block.number")
    block_hash = hash32(block.hash, "block.hash")
    fields["related_hash"] = (*fields["related_hash"], block_hash)
    return TransactionIncluded(
        **fields,
        id=f"{name}:included:{block_hash}",
        block_number=block.number,
        block_hash=block_hash,
        transaction_index=notice.index,
        block_transactions=notice.transactions,
    )


def _superseded(
    scope: BlockScope, fields: dict[str, Any], seen: _Seen, notice: PendingNotice, name: str
) -> TransactionReplaced | TransactionCancelled:
    if bytes(notice.by) == bytes(NOTHING):
        raise Unreadable("is missing", "by")
    by = _read(scope, notice.by, "by")
    fields |= {
        "id": f"{name}:replaced:{by.call.hash}",
        "by_hash": by.call.hash,
        "by_max_fee_raw": _text(by.max_fee),
        "by_block_number": None if notice.block is None else notice.block.number,
        "related_hash": (seen.call.hash, by.call.hash),
    }
    if by.is_cancellation and not seen.is_cancellation:
        return TransactionCancelled(**fields)
    return TransactionReplaced(
        **fields,
        changes=_changes(seen, by),
        by_to=by.call.to,
        by_method=by.call.method,
        by_destination=by.intent.destination,
        by_amount_raw=_text(by.intent.amount),
    )


def _changes(seen: _Seen, by: _Seen) -> tuple[str, ...]:
    pairs = {
        "fee": ((seen.max_fee, seen.priority_fee), (by.max_fee, by.priority_fee)),
        "to": (seen.call.to, by.call.to),
        "value": (seen.value, by.value),
        "method": (seen.call.method, by.call.method),
        "input": (seen.call.input.lower(), by.call.input.lower()),
        "destination": (seen.intent.destination, by.intent.destination),
        "amount": (seen.intent.amount, by.intent.amount),
        "gas": (seen.gas, by.gas),
    }
    return tuple([name for name, (one, other) in pairs.items() if one != other])


def _read(scope: BlockScope, raw: msgspec.Raw, name: str) -> _Seen:
    try:
        wire = _wire.decode(raw)
        transaction = _transaction.decode(raw)
        call = scope.add_call(transaction)
        value = uint256(transaction.value, "value")
        nonce = quantity(wire.nonce, "nonce")
        if nonce > _LARGEST:
            raise Unreadable("is out of bounds", "nonce")
        return _Seen(
            call,
            read_intent(scope, call),
            nonce,
            value,
            _optional(wire.max_fee or wire.gas_price, "maxFeePerGas"),
            _optional(wire.priority_fee, "maxPriorityFeePerGas"),
            _optional(wire.gas, "gas"),
            _optional(wire.type, "type"),
        )
    except (msgspec.MsgspecError, RecursionError) as error:
        why = unreadable(error)
        raise Unreadable(why.reason, f"{name}.{why.field}" if why.field else name) from None
    except Unreadable as error:
        raise Unreadable(error.reason, f"{name}.{error.field}") from None


def _optional(text: str | None, name: str) -> int | None:
    return None if text is None else uint256(text, name)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _fields(scope: BlockScope, seen: _Seen) -> dict[str, Any]:
    call, intent = seen.call, seen.intent
    assert call.sender is not None
    signer = scope.party(call.sender)
    source, destination = _end(scope, intent.source), _end(scope, intent.destination)
    return {
        **({} if intent.token is None else intent.token.fields()),
        "investor_address": call.sender,
        "investor_id": signer.id,
        "investor_jurisdiction": signer.jurisdiction,
        "investor_accreditation": signer.accreditation,
        "investor_cluster": signer.cluster,
        "investor_labels": signer.labels,
        "transaction_hash": call.hash,
        "transaction_from": call.sender,
        "transaction_to": call.to,
        "transaction_method": call.method,
        "transaction_type": seen.type,
        "transaction_nonce": seen.nonce,
        "value_raw": str(seen.value),
        "value": seen.value / UNIT,
        "max_fee_raw": _text(seen.max_fee),
        "priority_fee_raw": _text(seen.priority_fee),
        "contract": intent.contract,
        "source_address": intent.source,
        "source_investor": source.id,
        "source_labels": source.labels,
        "destination_address": intent.destination,
        "destination_investor": destination.id,
        "destination_labels": destination.labels,
        "amount_raw": _text(intent.amount),
        "amount": None if intent.amount is None else whole(intent.amount, intent.token),
        "side": intent.side,
        "tags": ("batch",) if intent.batch else (),
        "related_user": related(
            call.sender,
            call.to if seen.value else None,
            intent.source,
            intent.destination,
            *(signer.id, source.id, destination.id),
        ),
    }


def _end(scope: BlockScope, wallet: str | None) -> Party:
    return scope.party(wallet) if wallet is not None else Party()
