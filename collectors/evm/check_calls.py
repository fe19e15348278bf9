"""Which calls tell whether a transfer was permitted, and how things stand after it.

What permits is asked of the state before the block: after it, the amount is on the receiver's
balance already, and a limit of the balance would count it twice. What says how things stand is
asked of the state after it.
Sources: EIP-3643 (`IIdentityRegistry`, `ICompliance`, `IToken`), ERC-1404 (ethereum/EIPs#1404),
EIP-1594 and EIP-1410 of SecurityTokenStandard/EIP-Spec, EIP-20.
"""

from collections.abc import Iterator

from msgspec import Struct

from collectors.evm.calldata import selector
from collectors.evm.check_transfers import ZERO_ADDRESS, Move
from collectors.evm.state_calls import Call
from collectors.evm.watched import WatchedToken
from pipeline.config.checks import CheckGroup
from pipeline.evm_payload import Check


def _function(signature: str) -> str:
    return "0x" + selector(signature).hex()


_IS_VERIFIED = _function("isVerified(address)")
_INVESTOR_COUNTRY = _function("investorCountry(address)")
_COMPLIANCE = _function("canTransfer(address,address,uint256)")
_IS_FROZEN = _function("isFrozen(address)")
_FROZEN_TOKENS = _function("getFrozenTokens(address)")
_PAUSED = _function("paused()")
_BALANCE = _function("balanceOf(address)")
_SUPPLY = _function("totalSupply()")
_RESTRICTION = _function("detectTransferRestriction(address,address,uint256)")
_MESSAGE = _function("messageForTransferRestriction(uint8)")
_STATUS = _function("canTransfer(address,uint256,bytes)")
_STATUS_FROM = _function("canTransferFrom(address,address,uint256,bytes)")
_PARTITION = _function("canTransferByPartition(address,address,bytes32,uint256,bytes)")
#: ConsenSys' UniversalToken leaves out the source, which is the caller.
_PARTITION_OF_CALLER = _function("canTransferByPartition(bytes32,address,uint256,bytes)")
_WORD = 64
#: Hex digits of what was given with a call, beyond which it is left out of the question.
_LONGEST_DATA = 8 * 1024

Question = tuple[Check, Call]


class Subject(Struct, frozen=True):
    """A token, and which groups of checks apply to it."""

    address: str
    registry: str | None
    compliance: str | None
    groups: frozenset[CheckGroup]


def subject(address: str, token: WatchedToken, asked: frozenset[CheckGroup]) -> Subject:
    """What applies follows from the token's standard and from the contracts that are known."""
    standards = token.standards
    applies: set[CheckGroup] = {"balances", "supply"} if standards else set()
    if token.identity_registry is not None:
        applies |= {"verified", "country"}
    if token.compliance is not None:
        applies.add("compliance")
    if 3643 in standards:
        applies.add("frozen")
    if 1404 in standards:
        applies.add("restriction")
    if token.erc_1400:
        applies.add("status")
    return Subject(address, token.identity_registry, token.compliance, frozenset(applies & asked))


def permissions(of: Subject, move: Move) -> Iterator[Question]:
    """What permits or forbids the transfer. A burn has no receiver, and no rule to follow."""
    if move.destination == ZERO_ADDRESS:
        return
    minted = move.source == ZERO_ADDRESS
    source, destination = _word(move.source), _word(move.destination)
    whole = f"{source}{destination}{move.amount:064x}"
    groups, token = of.groups, of.address
    if "verified" in groups and of.registry is not None:
        yield "verified-destination", Call(of.registry, _IS_VERIFIED + destination)
        if not minted:
            yield "verified-source", Call(of.registry, _IS_VERIFIED + source)
    if "compliance" in groups and of.compliance is not None:
        yield "compliance", Call(of.compliance, _COMPLIANCE + whole)
    if "frozen" in groups:
        yield "paused", Call(token, _PAUSED)
        yield "frozen-destination", Call(token, _IS_FROZEN + destination)
        if not minted:
            yield "frozen-source", Call(token, _IS_FROZEN + source)
    if minted:
        return  # the rules below are those of transfers
    if "restriction" in groups:
        yield "restriction", Call(token, _RESTRICTION + whole)
    if "status" in groups:
        yield from _status(token, move)


def facts(of: Subject, move: Move) -> Iterator[Question]:
    """How things stand after the block."""
    minted, burned = move.source == ZERO_ADDRESS, move.destination == ZERO_ADDRESS
    source, destination = _word(move.source), _word(move.destination)
    groups, token = of.groups, of.address
    if "balances" in groups:
        if not burned:
            yield "balance-destination", Call(token, _BALANCE + destination)
        if not minted:
            yield "balance-source", Call(token, _BALANCE + source)
    if "supply" in groups:
        yield "supply", Call(token, _SUPPLY)
    if "frozen" in groups and not minted:
        yield "frozen-tokens", Call(token, _FROZEN_TOKENS + source)
    if "country" in groups and of.registry is not None:
        if not burned:
            yield "country-destination", Call(of.registry, _INVESTOR_COUNTRY + destination)
        if not minted:
            yield "country-source", Call(of.registry, _INVESTOR_COUNTRY + source)


def message(token: str, code: int) -> Call:
    """What an ERC-1404 token says of its restriction code."""
    return Call(token, f"{_MESSAGE}{code:064x}")


def is_of_caller(call: Call) -> bool:
    """Whether this is UniversalToken's form of ``canTransferByPartition``."""
    return call.data.startswith(_PARTITION_OF_CALLER)


def _status(token: str, move: Move) -> Iterator[Question]:
    destination, amount = _word(move.destination), f"{move.amount:064x}"
    given = move.data if len(move.data) <= _LONGEST_DATA else ""
    source = move.source
    if move.partition is not None:
        partition = move.partition[2:]
        words = f"{_word(source)}{destination}{partition}{amount}"
        yield "partition", Call(token, f"{_PARTITION}{words}{_bytes(5, given)}")
        words = f"{partition}{destination}{amount}"
        yield (
            "partition",
            Call(token, f"{_PARTITION_OF_CALLER}{words}{_bytes(4, given)}", source),
        )
    elif move.spender is not None:
        words = f"{_word(source)}{destination}{amount}"
        yield "status", Call(token, f"{_STATUS_FROM}{words}{_bytes(4, given)}", move.spender)
    else:
        words = f"{destination}{amount}"
        yield "status", Call(token, f"{_STATUS}{words}{_bytes(3, given)}", source)


def _word(address: str) -> str:
    return "0" * 24 + address[2:]


def _bytes(head: int, data: str) -> str:
    """A last argument ``bytes`` behind ``head`` words, itself among them: its place and itself."""
    padded = data + "0" * (-len(data) % _WORD)
    return f"{head * 32:064x}{len(data) // 2:064x}{padded}"
