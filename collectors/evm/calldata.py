"""What a token's call asks for, from its calldata, and what revert data says.

Source: Solidity's contract ABI specification, with `Error(string)` and `Panic(uint256)`; EIP-20 and
EIP-3643 for the functions.
"""

from typing import cast

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak
from msgspec import Struct

_ZERO = "0x" + "00" * 20
_LONGEST_REASON = 1_000
#: Hex digits of calldata beyond which it isn't decoded.
_LONGEST_CALLDATA = 256 * 1024
_CALLER, _NOBODY = -1, -2


def selector(signature: str) -> bytes:
    """The first four bytes of the calldata of a function."""
    return keccak(signature.encode())[:4]


class Transfer(Struct, frozen=True):
    """What a call wanted to move: lower-case addresses, the amount in smallest units."""

    sender: str
    receiver: str
    amount: int
    #: ERC-1410: 32 bytes as hexadecimal with 0x.
    partition: str | None = None
    #: What was given with it (ERC-1594, ERC-1410), hexadecimal without 0x.
    data: str = ""
    #: The caller spends what the holder has allowed it.
    spends: bool = False


class _Layout(Struct, frozen=True):
    """Argument types, and which argument is the sender, the receiver, the amount and the rest."""

    types: tuple[str, ...]
    sender: int
    receiver: int
    amount: int
    partition: int | None = None
    data: int | None = None
    spends: bool = False


_TWO = ("address", "uint256")
_THREE = ("address", "address", "uint256")
_TRANSFERS = {
    selector(f"{name}({','.join(layout.types)})"): layout
    for name, layout in (
        ("transfer", _Layout(_TWO, _CALLER, 0, 1)),
        ("transferFrom", _Layout(_THREE, 0, 1, 2, spends=True)),
        ("forcedTransfer", _Layout(_THREE, 0, 1, 2)),
        ("mint", _Layout(_TWO, _NOBODY, 0, 1)),
        ("batchTransfer", _Layout(("address[]", "uint256[]"), _CALLER, 0, 1)),
        ("batchForcedTransfer", _Layout(("address[]", "address[]", "uint256[]"), 0, 1, 2)),
        ("batchMint", _Layout(("address[]", "uint256[]"), _NOBODY, 0, 1)),
        ("transferWithData", _Layout((*_TWO, "bytes"), _CALLER, 0, 1, data=2)),
        ("transferFromWithData", _Layout((*_THREE, "bytes"), 0, 1, 2, data=3, spends=True)),
        (
            "transferByPartition",
            _Layout(("bytes32", *_TWO, "bytes"), _CALLER, 1, 2, partition=0, data=3),
        ),
        (
            "operatorTransferByPartition",
            _Layout(("bytes32", *_THREE, "bytes", "bytes"), 1, 2, 3, partition=0, data=4),
        ),
    )
}
_ERROR = selector("Error(string)")
_PANIC = selector("Panic(uint256)")


def wanted_transfer(caller: str, calldata: str) -> Transfer | None:
    """The transfer that a token's calldata asks for, of a batch the first; None when it is none."""
    wanted = wanted_transfers(caller, calldata)
    return wanted[0] if wanted else None


def wanted_transfers(caller: str, calldata: str) -> list[Transfer]:
    """The transfers that a token's calldata asks for; lists of unequal length as far as they go."""
    if len(calldata) > _LONGEST_CALLDATA:
        return []
    try:
        data = bytes.fromhex(calldata[2:])
        layout = _TRANSFERS[data[:4]]
        arguments: tuple[object, ...] = decode(layout.types, data[4:])
        receivers = _each(arguments[layout.receiver])
        amounts = _each(arguments[layout.amount])
        constant = {_CALLER: caller, _NOBODY: _ZERO}.get(layout.sender)
        senders = [constant] * len(receivers) if constant else _each(arguments[layout.sender])
    except (ValueError, KeyError, IndexError, OverflowError, DecodingError):
        return []
    partition = None if layout.partition is None else "0x" + _hex(arguments[layout.partition])
    given = "" if layout.data is None else _hex(arguments[layout.data])
    return [
        Transfer(str(sender), str(receiver), int(str(amount)), partition, given, layout.spends)
        for sender, receiver, amount in zip(senders, receivers, amounts, strict=False)
    ]


def revert_reason(output: bytes) -> str | None:
    """What revert data says: the text of Error(string), the code of Panic(uint256), the selector of
    a custom error. None for no data.
    """
    try:
        if output[:4] == _ERROR:
            (text,) = decode(("string",), output[4:])
            return str(text)[:_LONGEST_REASON]
        if output[:4] == _PANIC:
            (code,) = decode(("uint256",), output[4:])
            return f"panic 0x{code:02x}"
    except (DecodingError, ValueError, OverflowError):
        pass  # the selector is left
    return f"custom error 0x{output[:4].hex()}" if len(output) >= 4 else None


def _each(value: object) -> tuple[object, ...]:
    return cast(tuple[object, ...], value) if isinstance(value, tuple) else (value,)


def _hex(value: object) -> str:
    return cast(bytes, value).hex()
