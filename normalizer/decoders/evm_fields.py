"""Attributes that records of several families have in common, and values as texts."""

from typing import Any

from normalizer.abi import AbiMismatch
from normalizer.decoders.evm_scope import LogScope, both_parties, related, whole
from normalizer.enrichment import TokenInfo
from normalizer.signatures import KNOWN_FUNCTIONS


def hexadecimal(value: bytes) -> str:
    """Bytes as a text with ``0x``."""
    return "0x" + value.hex()


def some_hexadecimal(value: bytes) -> str | None:
    """Bytes as a text with ``0x``; None where there are none."""
    return "0x" + value.hex() if value else None


def printable(word: bytes) -> str | None:
    """The text in a bytes32, as Solidity fills one from a string; None where it is no text.

    Numbers, hashes and the empty word are no text.
    """
    raw = word.rstrip(b"\x00")
    if not raw or b"\x00" in raw:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() and text.strip() else None


def named_partition(partition: bytes) -> dict[str, Any]:
    """The attributes of a partition."""
    return {"partition": hexadecimal(partition), "partition_name": printable(partition)}


def method(selector: bytes) -> str | None:
    """The function of a selector by its name, else the selector; None of less than four bytes."""
    if len(selector) < 4:
        return None
    text = hexadecimal(selector[:4])
    function = KNOWN_FUNCTIONS.get(text)
    return function.name if function else text


def tokens(amount: int, token: TokenInfo | None) -> dict[str, Any]:
    """The attributes of an amount of a token: exact, and in whole tokens."""
    return {"amount_raw": str(amount), "amount": whole(amount, token)}


def between(scope: LogScope, source: str, destination: str, *others: str | None) -> dict[str, Any]:
    """The fields of a record of something that goes from one to another."""
    block = scope.block
    sender, receiver = block.party(source), block.party(destination)
    return scope.fields | {
        "source_address": source,
        "destination_address": destination,
        **both_parties(sender, receiver),
        "related_user": related(source, destination, *others, sender.id, receiver.id),
    }


def plain(scope: LogScope, *others: str | None) -> dict[str, Any]:
    """The fields of a record without a party; who signed and the others are related."""
    return scope.fields | {"related_user": related(scope.call.sender, *others)}


def behind(scope: LogScope, identity: str, *others: str | None) -> dict[str, Any]:
    """The fields of a record of the person behind an OnchainID, whose wallet nobody says."""
    fields = scope.about(identity, scope.call.sender, *others)
    del fields["investor_address"]
    return fields


def of_token(scope: LogScope, token: str) -> dict[str, Any]:
    """The token attributes of a record of another contract than the token's own.

    ``token`` is the address that the event names; the reference data need not have it.
    """
    known = scope.block.token_of(token)
    return {"token_address": token} if known is None else known.fields()


def arguments(scope: LogScope, selectors: frozenset[str]) -> tuple[Any, ...] | None:
    """What was given to the log's contract by a direct call of one of these functions."""
    selector = scope.call.selector
    if scope.direct_caller is None or selector is None or selector not in selectors:
        return None
    try:
        return KNOWN_FUNCTIONS[selector].decode(scope.call.input)
    except AbiMismatch:
        return None
