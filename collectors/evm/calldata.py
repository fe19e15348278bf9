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


class _Layout(Struct, frozen=True):
    """Argument types, and which argument is the sender, the receiver and the amount."""

    types: tuple[str, ...]
    sender: int
    receiver: int
    amount: int


_TWO = ("address", "uint256")
_THREE = ("address", "address", "uint256")
_TRANSFERS = {
    selector(f"{name}({','.join(layout.types)})"): layout
    for name, layout in (
        ("transfer", _Layout(_TWO, _CALLER, 0, 1)),
        ("transferFrom", _Layout(_THREE, 0, 1, 2)),
        ("forcedTransfer", _Layout(_THREE, 0, 1, 2)),
        ("mint", _Layout(_TWO, _NOBODY, 0, 1)),
        ("batchTransfer", _Layout(("address[]", "uint256[]"), _CALLER, 0, 1)),
        ("batchForcedTransfer", _Layout(("address[]", "address[]", "uint256[]"), 0, 1, 2)),
        ("batchMint", _Layout(("address[]", "uint256[]"), _NOBODY, 0, 1)),
    )
}
_ERROR = selector("Error(string)")
_PANIC = selector("Panic(uint256)")


def wanted_transfer(caller: str, calldata: str) -> Transfer | None:
    """The transfer that a token's calldata asks for, of a batch the first; None when it is none."""
    if len(calldata) > _LONGEST_CALLDATA:
        return None
    try:
        data = bytes.fromhex(calldata[2:])
        layout = _TRANSFERS[data[:4]]
        arguments: tuple[object, ...] = decode(layout.types, data[4:])
        values = [_first(argument) for argument in arguments]
    except (ValueError, KeyError, IndexError, OverflowError, DecodingError):
        return None
    sender = {_CALLER: caller, _NOBODY: _ZERO}.get(layout.sender) or values[layout.sender]
    amount = values[layout.amount]
    return Transfer(str(sender), str(values[layout.receiver]), int(str(amount)))


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


def _first(value: object) -> object:
    return cast(tuple[object, ...], value)[0] if isinstance(value, tuple) else value
