"""Transfers that a token refused on Solana: failed transactions, of which nothing remains.

A failed transaction keeps its instructions, also those that were called, and its logs. Refused is a
transfer where its token program failed first (a frozen account, a paused mint, too little, the
wrong signer), or the program of its transfer hook did. Where something else failed first, such as
an exchange's limit on the price, the transfer was undone and not refused.
"""

from collections.abc import Iterator
from typing import Any

from normalizer.decoders.solana_calls import Failure, first_failure
from normalizer.decoders.solana_scope import TransactionScope
from normalizer.decoders.solana_token_events import Read, asked_hook, moved_fields
from normalizer.decoders.solana_token_instructions import TOKEN_PROGRAMS
from normalizer.decoders.solana_wire import Status
from normalizer.events.chain import TokenTransferRefused

_TRANSFER = "transfer"


def refused(
    scope: TransactionScope, reads: list[Read], meta: Status
) -> Iterator[TokenTransferRefused]:
    """The transfer that was refused; nothing where the transaction failed otherwise."""
    top, code = _failed_instruction(meta.err)
    if top is None:
        return
    calls = scope.calls
    there = [number for number, call in enumerate(calls) if call.top == top]
    failure = first_failure(meta.log_messages)
    if failure is None and len(there) == 1 and calls[there[0]].program in TOKEN_PROGRAMS:
        # Without logs it is certain only where nothing else ran.
        failure = Failure(calls[there[0]].program, None, code)
    if failure is None:
        return
    if failure.program in TOKEN_PROGRAMS:
        # Nothing of it ran after what failed first.
        own = [number for number in there if calls[number].program == failure.program]
        number, hook = max(own, default=-1), None
    elif failure.caller in TOKEN_PROGRAMS:
        asked = [read.number for read in reads if read.call.top == top]
        number, hook = max(asked, default=-1), failure.program
        if number < 0 or asked_hook(calls, number) != hook:
            return
    else:
        return
    read = next((one for one in reads if one.number == number), None)
    if read is None or read.instruction.name != _TRANSFER:
        return
    yield _event(scope, read, failure.reason or code, hook)


def _event(
    scope: TransactionScope, read: Read, reason: str, hook: str | None
) -> TokenTransferRefused:
    accounts = read.instruction.accounts
    source, destination = accounts["source"], accounts["destination"]
    fields = scope.fields(read.call, read.mint)
    fields["id"] += ":refused"
    known = scope.knows_owner(source) and scope.knows_owner(destination)
    return TokenTransferRefused(
        **fields,
        **moved_fields(
            scope,
            scope.owner(source),
            scope.owner(destination),
            read.instruction.values["amount"],
            read,
        ),
        reason=reason,
        source_account=source,
        destination_account=destination,
        authority=accounts["authority"],
        hook=hook,
        tags=() if known else ("owner-unknown",),
    )


def _failed_instruction(err: Any) -> tuple[int | None, str]:
    """``{"InstructionError": [2, {"Custom": 17}]}``: the instruction's number and what it says."""
    match err:
        case {"InstructionError": [int(number), {"Custom": int(code)}]}:
            return number, f"custom program error: {code:#x}"
        case {"InstructionError": [int(number), what]}:
            return number, str(what)[:200]
        case _:
            return None, ""
