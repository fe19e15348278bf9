"""Frames of EVM chains to events: one frame is one block."""

from normalizer.abi import AbiMismatch
from normalizer.decoders.collected import Normalized
from normalizer.decoders.evm_checks import CheckedBlock
from normalizer.decoders.evm_dead_parts import DeadParts
from normalizer.decoders.evm_flash_loans import mark
from normalizer.decoders.evm_native import native_transfer
from normalizer.decoders.evm_notices import finality, reorganised
from normalizer.decoders.evm_pools_v2 import put_owners, put_reserves
from normalizer.decoders.evm_records import BUILDERS
from normalizer.decoders.evm_refusals import moves_tokens, refused
from normalizer.decoders.evm_scope import BlockScope, LogScope
from normalizer.decoders.evm_transfers import tell_apart
from normalizer.decoders.evm_unrecorded import contract_event
from normalizer.decoders.evm_wire import (
    Log,
    Payload,
    address,
    hash32,
    quantity,
    read_payload,
)
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.instrument import Instruments
from normalizer.decoders.times import plausible
from normalizer.decoders.unreadable import Unreadable
from normalizer.enrichment import Enrichment
from normalizer.events.chain import Block, ChainRecord, TokenTransfer
from normalizer.signatures import KNOWN_TOPICS
from pipeline.frames import Frame


class EvmDecoder:
    """Decodes the frames of one source. Without state but for caches."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._source = source
        self._enrichment = enrichment
        self._gaps = Instruments(source, venue, enrichment)

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add the block's events in log order. Raises :class:`Unreadable`.

        What of a block does not fit becomes a dead letter of its own; the rest goes on.
        """
        if frame.kind == "gap":
            out.events.append(feed_gap(frame, original, self._gaps))
            return
        if frame.kind == "reorganisation":
            out.events.append(reorganised(frame, original, self._source))
            return
        if frame.kind == "finality":
            out.events.append(finality(frame, original, self._source))
            return
        payload, places, misfits = read_payload(frame.payload)
        letters = DeadParts(self._source, frame, original, out)
        for misfit in misfits:
            letters.misfit(misfit)
        block = self._block(payload, frame, original, out)
        for number, transaction in enumerate(payload.transactions):
            try:
                block.add_call(transaction)
            except Unreadable as error:
                letters.part("transactions", number, error)
        self._native_transfers(payload, block, letters, out)
        checked = CheckedBlock(payload.calls, payload.checks)
        self._logs(payload, places, block, letters, checked, out)
        self._refusals(payload, block, letters, checked, out)

    def _block(self, payload: Payload, frame: Frame, original: str, out: Normalized) -> BlockScope:
        header = payload.block
        block_hash = hash32(header.hash, "block.hash")
        number = quantity(header.number, "block.number")
        time = quantity(header.timestamp, "block.timestamp") * 10**9
        plausible(time, frame.received, "block.timestamp")
        parent = header.parent_hash
        block = BlockScope(self._enrichment, payload.chain_id, block_hash, time)
        block.fields = {
            "timestamp": time,
            "ingested": frame.received,
            "original": original,
            "provider": self._source,
            "chain_id": payload.chain_id,
            "network": payload.network,
            "block_number": number,
            "block_hash": block_hash,
            "finality": payload.finality,
        }
        block.feed_places = {place.aggregator: place for place in payload.feeds}
        out.events.append(
            Block(
                **block.fields,
                id=f"{payload.chain_id}:{block_hash}",
                parent_hash=None if parent is None else hash32(parent, "block.parentHash"),
                related_hash=(block_hash,),
            )
        )
        return block

    def _native_transfers(
        self, payload: Payload, block: BlockScope, letters: DeadParts, out: Normalized
    ) -> None:
        if not payload.native_transfers:
            return
        named = frozenset(payload.native_transfers)
        for number, transaction in enumerate(payload.transactions):
            if transaction.hash in named:
                try:
                    out.events.append(native_transfer(block, transaction))
                except Unreadable as error:
                    letters.part("transactions", number, error)

    def _logs(
        self,
        payload: Payload,
        places: list[int] | None,
        block: BlockScope,
        letters: DeadParts,
        checked: CheckedBlock,
        out: Normalized,
    ) -> None:
        events: list[tuple[int, ChainRecord]] = []
        for number, log in enumerate(payload.logs):
            if log.removed:
                out.ignore("removed-log")
                continue
            try:
                index, made = _log_event(log, block, out)
                if isinstance(made, list):
                    events += [(index, event) for event in made]
                else:
                    events.append((index, made))
            except (AbiMismatch, Unreadable) as error:
                place = number if places is None else places[number]
                letters.part("logs", place, error)
        events.sort(key=_by_index)
        in_order = [event for _, event in events]
        tell_apart(in_order)
        if block.tells_reserves:
            put_reserves(in_order)
            put_owners(block, in_order)
        if block.tells_loans:
            mark(in_order)
        if payload.checks:
            checked.put_into(in_order)
        out.events.extend(in_order)

    def _refusals(
        self,
        payload: Payload,
        block: BlockScope,
        letters: DeadParts,
        checked: CheckedBlock,
        out: Normalized,
    ) -> None:
        answers = {refusal.transaction_hash.lower(): refusal for refusal in payload.refusals}
        for number, receipt in enumerate(payload.receipts):
            try:
                if quantity(receipt.status, "status"):
                    continue
                call = block.call(receipt.transaction_hash)
                answer = answers.get(call.hash)
                if not moves_tokens(call) or (answer is None and call.to not in block.chain.tokens):
                    out.ignore("failed-transaction")
                    continue
                out.events.extend(list(refused(block, call, answer, checked)))
            except Unreadable as error:
                letters.part("receipts", number, error)


def _by_index(pair: tuple[int, ChainRecord]) -> int:
    return pair[0]


def _log_event(
    log: Log, block: BlockScope, out: Normalized
) -> tuple[int, ChainRecord | list[TokenTransfer]]:
    """The index of a log and its event, or events. Raises AbiMismatch or Unreadable."""
    contract = address(log.address, "address")
    index = quantity(log.log_index, "logIndex")
    if log.block_hash != block.hash and log.block_hash.lower() != block.hash:
        raise Unreadable("is not the hash of this frame's block", "blockHash")
    scope = LogScope(block, block.call(log.transaction_hash), contract, index)
    topics = log.topics
    topic0 = topics[0].lower() if topics else ""
    known = BUILDERS.get((topic0, len(topics)))
    if known is None:
        if topic0 in KNOWN_TOPICS:
            raise AbiMismatch("topics", f"{len(topics)} topics fit no known form of this event")
        out.undecoded += 1
        return index, contract_event(scope, log, None, ())
    abi, build = known
    values = abi.decode(topics, log.data)
    if build is None:
        return index, contract_event(scope, log, abi, values)
    return index, build(scope, values)
