"""Frames of Solana to events: one frame is one block."""

from collections.abc import Iterator, Sequence
from typing import Any

from normalizer.decoders.collected import Normalized
from normalizer.decoders.evm_notices import Notices, finality, reorganised
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.instrument import Instruments
from normalizer.decoders.solana_base58 import address
from normalizer.decoders.solana_dead_parts import SolanaDeadParts
from normalizer.decoders.solana_layouts import TooShort
from normalizer.decoders.solana_mint import read_mint
from normalizer.decoders.solana_refusals import refused
from normalizer.decoders.solana_scope import SlotScope, TransactionScope, related
from normalizer.decoders.solana_token_events import (
    HOUSEKEEPING,
    Read,
    TokenEvents,
    note_accounts,
)
from normalizer.decoders.solana_token_instructions import (
    TOKEN_PROGRAMS,
    TokenInstruction,
    read_token_instruction,
)
from normalizer.decoders.solana_wire import (
    Header,
    Transaction,
    read_account,
    read_payload,
    read_transaction,
)
from normalizer.decoders.times import plausible
from normalizer.decoders.unreadable import Unreadable
from normalizer.enrichment import Enrichment
from normalizer.events import Record
from normalizer.events.chain import Block
from normalizer.events.solana import DATASET, ProgramInstruction
from pipeline.frames import Frame
from pipeline.solana_payload import SlotPayload

_NOTICES = Notices(DATASET, address, counts_blocks=True)


class SolanaDecoder:
    """Decodes the frames of one source. Without state but for caches."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._source = source
        self._enrichment = enrichment
        self._gaps = Instruments(source, venue, enrichment)

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add the block's events in the order of its instructions. Raises :class:`Unreadable`.

        What of a block does not fit becomes a dead letter of its own; the rest goes on.
        """
        match frame.kind:
            case "gap":
                out.events.append(feed_gap(frame, original, self._gaps))
                return
            case "reorganisation":
                out.events.append(reorganised(frame, original, self._source, _NOTICES))
                return
            case "finality":
                out.events.append(finality(frame, original, self._source, _NOTICES))
                return
            case _:
                pass
        payload, header = read_payload(frame.payload)
        letters = SolanaDeadParts(self._source, frame, original, out)
        block = self._block(payload, header, frame, original, out)
        for place, mint in enumerate(payload.mints):
            try:
                name = address(mint.address, "address")
                block.mints[name] = None
                block.mints[name] = read_mint(read_account(mint.account))
            except Unreadable as error:
                letters.mint(payload, place, error)
        for place, placed in enumerate(payload.transactions):
            before = len(out.events)
            try:
                transaction = read_transaction(placed.content)
                out.events.extend(self._events(transaction, placed.index, block, out))
            except Unreadable as error:
                del out.events[before:]
                letters.transaction(payload, place, error)

    def _block(
        self, payload: SlotPayload, header: Header, frame: Frame, original: str, out: Normalized
    ) -> SlotScope:
        block_hash = address(header.blockhash, "block.blockhash")
        parent = address(header.previous_blockhash, "block.previousBlockhash")
        # Old blocks have no time of their own.
        time = frame.received if header.block_time is None else header.block_time * 10**9
        plausible(time, frame.received, "block.blockTime")
        fields: dict[str, Any] = {
            "timestamp": time,
            "ingested": frame.received,
            "original": original,
            "provider": self._source,
            "network": payload.network,
            "block_number": payload.slot,
            "block_hash": block_hash,
            "finality": payload.finality,
        }
        try:
            block = SlotScope(self._enrichment, payload.chain, block_hash, time, fields)
        except ValueError as error:
            raise Unreadable(str(error), "chain") from None
        out.events.append(
            Block(
                **block.fields,
                id=f"{block.chain_id}:{block_hash}",
                dataset=DATASET,
                parent_hash=parent,
                related_hash=(block_hash,),
            )
        )
        return block

    def _events(
        self, transaction: Transaction, index: int, block: SlotScope, out: Normalized
    ) -> Iterator[Record]:
        scope = TransactionScope(block, transaction, index)
        failed = transaction.meta.err is not None
        parts = list(_token_instructions(scope, failed))
        reads = [part for part in parts if isinstance(part, Read)]
        note_accounts(scope, reads)
        if failed:
            found = list(refused(scope, reads, transaction.meta))
            if not found:
                out.ignore("failed-transaction")
            yield from found
            return
        events = TokenEvents(scope)
        for part in parts:
            if isinstance(part, ProgramInstruction):
                out.undecoded += 1
                yield part
            elif part.instruction.name in HOUSEKEEPING:
                out.ignore("housekeeping")
            else:
                yield from events.of(part)
        yield from events.rest()


def _token_instructions(
    scope: TransactionScope, failed: bool
) -> Iterator[Read | ProgramInstruction]:
    """Those about watched mints. Raises :class:`Unreadable`."""
    opened: dict[str, str] = {}
    for number, call in enumerate(scope.calls):
        if call.program not in TOKEN_PROGRAMS:
            continue
        try:
            instruction = read_token_instruction(call.data, call.accounts)
        except TooShort as error:
            if failed:  # which may be why
                continue
            raise Unreadable(str(error), f"instruction {call.place}") from None
        if instruction is None:
            mint = _mint_among(scope, call.accounts, opened)
            if mint is not None:
                yield ProgramInstruction(
                    **scope.fields(call, mint),
                    related_user=related(*call.accounts),
                    data="0x" + call.data.hex(),
                    tags=("undecoded",),
                )
            continue
        mint = _mint_of(scope, instruction, opened)
        if mint is not None:
            yield Read(call, instruction, mint, number)


def _mint_of(
    scope: TransactionScope, instruction: TokenInstruction, opened: dict[str, str]
) -> str | None:
    """The watched mint that an instruction is about."""
    accounts = instruction.accounts
    named = accounts.get("mint")
    if instruction.name == "initialize-account":
        opened[accounts["account"]] = accounts["mint"]
    if named is not None:
        return named if named in scope.block.mints else None
    roles = ("account", "source", "destination")
    return _mint_among(scope, [accounts[role] for role in roles if role in accounts], opened)


def _mint_among(
    scope: TransactionScope, accounts: Sequence[str], opened: dict[str, str]
) -> str | None:
    """The watched mint that is among accounts, or that one of them holds."""
    for account in accounts:
        if account in scope.block.mints:
            return account
        holding = scope.holdings.get(account)
        mint = opened.get(account) if holding is None else holding.mint
        if mint in scope.block.mints:
            return mint
    return None
