"""What a contract's answer to a check says: whether it permits the transfer.

An answer is the return data of an ``eth_call``: words of 32 bytes. The collector reads it to know
what else to ask, the normalizer to fill the event.
Sources: EIP-3643 for the booleans; ERC-1404 for restriction codes, 0 being none; EIP-1594,
EIP-1410 and ERC-1066 for status codes.
"""

from msgspec import Struct

from pipeline.evm_payload import Check

#: Checks whose answer permits or forbids a transfer. The others say how things are.
PERMISSIONS: frozenset[Check] = frozenset(
    {
        "verified-source",
        "verified-destination",
        "compliance",
        "frozen-source",
        "frozen-destination",
        "paused",
        "restriction",
        "status",
        "partition",
    }
)
_TRUE_FORBIDS: frozenset[Check] = frozenset({"frozen-source", "frozen-destination", "paused"})
_WORD = 64
_LONGEST_TEXT = 1_000


class Status(Struct, frozen=True):
    """A status code (one byte, ERC-1066), what it comes with, and whether it permits.

    ``reason`` is an application's own, 32 bytes as hexadecimal; None for zeros. ``permits`` is None
    where the code doesn't say.
    """

    code: int
    permits: bool | None
    reason: str | None = None
    partition: str | None = None


def number(output: str) -> int | None:
    """The number in an answer of one word; None for anything else."""
    return int(output, 16) if len(output) == 2 + _WORD else None


def text(output: str) -> str | None:
    """The string in an answer, at most 1,000 characters; None for anything else."""
    try:
        data = bytes.fromhex(output[2:])
        start = int.from_bytes(data[:32])
        length = int.from_bytes(data[start : start + 32])
        if len(data) < 64 or start + 32 + length > len(data):
            return None
        return data[start + 32 : start + 32 + length].decode(errors="replace")[:_LONGEST_TEXT]
    except ValueError:
        return None


def status(check: Check, output: str) -> Status | None:
    """What ``canTransfer`` or ``canTransferByPartition`` say; None for what neither returns.

    EIP-1594's text has ``canTransfer`` return (byte, bytes32), its interface (bool, byte, bytes32):
    64 and 96 bytes. ``canTransferByPartition`` returns (byte, bytes32, bytes32). A single byte
    stands at the left of its word.
    """
    if len(output) not in (2 + 2 * _WORD, 2 + 3 * _WORD):
        return None
    words = [output[at : at + _WORD] for at in range(2, len(output), _WORD)]
    if check == "partition":
        code = _code(words[0])
        if code is None or len(words) != 3:
            return None
        return Status(code, _code_permits(code), _given(words[1]), _given(words[2]))
    if len(words) == 3:
        allowed, code = int(words[0], 16), _code(words[1])
        if allowed > 1 or code is None:
            return None
        return Status(code, bool(allowed), _given(words[2]))
    code = _code(words[0])
    return None if code is None else Status(code, _code_permits(code), _given(words[1]))


def permits(check: Check, output: str) -> bool | None:
    """Whether the answer permits the transfer; None where it doesn't say."""
    try:
        if check in ("status", "partition"):
            found = status(check, output)
            return None if found is None else found.permits
        value = number(output)
    except ValueError:
        return None
    if value is None or check not in PERMISSIONS:
        return None
    if check == "restriction":
        return value == 0
    return (value == 0) == (check in _TRUE_FORBIDS)


def _code(word: str) -> int | None:
    return int(word[:2], 16) if not word[2:].strip("0") else None


def _given(word: str) -> str | None:
    return "0x" + word if word.strip("0") else None


def _code_permits(code: int) -> bool | None:
    # In every row of ERC-1066 the reason 1 is success. Row A is an application's own: what isn't
    # its success says nothing that all applications agree on.
    if code & 0x0F == 1:
        return True
    return None if code >> 4 == 0xA else False
