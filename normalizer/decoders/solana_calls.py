"""The instructions of a transaction in the order in which they ran, with what they called.

Top-level instructions stand in the message, what they called by ``meta.innerInstructions``; the
height on the stack says who called whom. Logs say which program failed first.
Source: https://solana.com/docs/rpc/json-structures#transactions.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from normalizer.decoders.solana_base58 import decode
from normalizer.decoders.solana_layouts import TooShort
from normalizer.decoders.solana_token_instructions import SPL_TOKEN, batched
from normalizer.decoders.solana_wire import Instruction, Transaction
from normalizer.decoders.unreadable import Unreadable

_INVOKE = re.compile(r"Program ([1-9A-HJ-NP-Za-km-z]{32,44}) invoke \[(\d{1,3})\]")
_FAILED = re.compile(r"Program ([1-9A-HJ-NP-Za-km-z]{32,44}) failed: (.*)", re.DOTALL)
_LOG = "Program log: "
_ERROR = "Error: "
_NAMES_INSTRUCTION = "Instruction: "
_LONGEST_REASON = 1_000


class Call(Struct, gc=False):
    """One run of a program. ``top`` is the number of the top-level instruction that it is of."""

    #: ``2`` for the third instruction, ``2.0`` for the first that it called.
    place: str
    top: int
    program: str
    accounts: Sequence[str]
    data: bytes
    #: 1 for top-level instructions; one more than that of the caller for others.
    height: int


class Failure(Struct, frozen=True):
    """The program that failed first, who called it, and why. ``caller`` None: nobody did."""

    program: str
    caller: str | None
    reason: str


def read_calls(transaction: Transaction, accounts: Sequence[str]) -> list[Call]:
    """All of them. Raises :class:`Unreadable`."""
    inner = {part.index: part.instructions for part in transaction.meta.inner_instructions or ()}
    calls: list[Call] = []
    for number, instruction in enumerate(transaction.transaction.message.instructions):
        calls.extend(_call(instruction, str(number), number, 1, accounts))
        for place, one in enumerate(inner.get(number, ())):
            height = one.stack_height or 2
            calls.extend(_call(one, f"{number}.{place}", number, height, accounts))
    return calls


def _call(
    instruction: Instruction, place: str, top: int, height: int, accounts: Sequence[str]
) -> Iterator[Call]:
    where = f"instruction {place}"
    try:
        program = accounts[instruction.program_id_index]
        own = [accounts[index] for index in instruction.accounts]
    except IndexError:
        raise Unreadable("names an account that the transaction doesn't have", where) from None
    data = decode(instruction.data)
    try:
        parts = batched(data, own) if program == SPL_TOKEN else []
    except TooShort:
        parts = []  # stays whole, and unread
    if not parts:
        yield Call(place, top, program, own, data, height)
    for number, (part, some) in enumerate(parts):
        yield Call(f"{place}.{number}", top, program, some, part, height)


def first_failure(logs: Sequence[str] | None) -> Failure | None:
    """What the logs say of a failed transaction; None where they don't say it, or are cut."""
    callers: list[str] = []
    error = ""  # the last that the running program logged
    for line in logs or ():
        if (found := _INVOKE.fullmatch(line)) is not None:
            del callers[int(found[2]) - 1 :]
            callers.append(found[1])
            error = ""
        elif line.startswith(_LOG):
            error = line.removeprefix(_LOG).removeprefix(_ERROR)
        elif (failed := _FAILED.fullmatch(line)) is not None:
            program = failed[1]
            caller = callers[-2] if len(callers) > 1 and callers[-1] == program else None
            said = error if error and not error.startswith(_NAMES_INSTRUCTION) else ""
            reason = f"{said} ({failed[2]})" if said else failed[2]
            return Failure(program, caller, reason[:_LONGEST_REASON])
        elif line.endswith(" success") and callers and line == f"Program {callers[-1]} success":
            callers.pop()
            error = ""
    return None
