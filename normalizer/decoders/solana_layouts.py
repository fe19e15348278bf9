"""How values stand in the bytes of instructions and accounts of the token programs.

Source: https://github.com/solana-program/token and https://github.com/solana-program/token-2022
(``instruction.rs`` of both, and of the extensions). Numbers are little-endian.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

from normalizer.decoders.solana_base58 import ADDRESS_BYTES, encode

Kind = Literal[
    "u8", "u16", "i16", "u64", "bool", "pubkey", "optional", "nullable", "state", "authority",
    "text", "rest",
]  # fmt: skip
#: What ``SetAuthority`` can be about, by number.
AUTHORITIES = (
    "mint-tokens", "freeze-account", "account-owner", "close-account", "transfer-fee-config",
    "withheld-withdraw", "close-mint", "interest-rate", "permanent-delegate",
    "confidential-transfer-mint", "transfer-hook", "confidential-transfer-fee",
    "metadata-pointer", "group-pointer", "group-member-pointer", "scaled-ui-amount", "pause",
    "permissioned-burn",
)  # fmt: skip
ACCOUNT_STATES = ("uninitialized", "initialized", "frozen")
_NOBODY = bytes(ADDRESS_BYTES)


class TooShort(ValueError):
    """The bytes end before the value does."""


class Reader:
    """Reads values one after another. Raises :class:`TooShort`."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self._at = at

    def take(self, size: int) -> bytes:
        """So many bytes."""
        end = self._at + size
        if end > len(self._data):
            raise TooShort(f"{len(self._data)} bytes; at least {end} were expected")
        part = self._data[self._at : end]
        self._at = end
        return part

    def number(self, size: int) -> int:
        """An unsigned number of so many bytes."""
        return int.from_bytes(self.take(size), "little")

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data) - self._at)

    def value(self, kind: Kind) -> Any:
        """A value of this kind; None for an address that isn't there."""
        return _READ[kind](self)


def _optional(reader: Reader) -> str | None:
    return encode(reader.take(ADDRESS_BYTES)) if reader.number(1) else None


def _nullable(reader: Reader) -> str | None:
    key = reader.take(ADDRESS_BYTES)
    return None if key == _NOBODY else encode(key)


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if number < len(names) else str(number)


def _text(reader: Reader) -> str:
    return reader.take(reader.number(4)).decode(errors="replace")


_READ: Mapping[Kind, Callable[[Reader], Any]] = {
    "u8": lambda reader: reader.number(1),
    "u16": lambda reader: reader.number(2),
    "i16": lambda reader: int.from_bytes(reader.take(2), "little", signed=True),
    "u64": lambda reader: reader.number(8),
    "bool": lambda reader: bool(reader.number(1)),
    "pubkey": lambda reader: encode(reader.take(ADDRESS_BYTES)),
    "optional": _optional,
    "nullable": _nullable,
    "state": lambda reader: _named(ACCOUNT_STATES, reader.number(1)),
    "authority": lambda reader: _named(AUTHORITIES, reader.number(1)),
    "text": _text,
    "rest": lambda reader: "0x" + reader.rest().hex(),
}


class Layout(Struct, frozen=True):
    """An instruction: its name, the roles of its accounts, and its values in their order."""

    name: str
    roles: tuple[str, ...] = ()
    values: tuple[tuple[str, Kind], ...] = ()
    #: Its amounts, or its state, are encrypted.
    confidential: bool = False

    def read(self, data: bytes, at: int) -> dict[str, Any]:
        """The values that stand from ``at`` on. Raises :class:`TooShort`."""
        reader = Reader(data, at)
        return {name: reader.value(kind) for name, kind in self.values}


def layout(name: str, roles: str = "", confidential: bool = False, /, **values: Kind) -> Layout:
    """A layout; ``roles`` are words."""
    return Layout(name, tuple(roles.split()), tuple(values.items()), confidential)
