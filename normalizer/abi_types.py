"""Solidity's ABI types as texts: parsing of human signatures, canonical names, what is static.

Source: Solidity documentation, "Contract ABI Specification".
"""

import re
from typing import Literal

from msgspec import Struct

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_ARRAY = re.compile(r"\[[0-9]*\]")
_ELEMENTARY = re.compile(r"(uint|int|ufixed|fixed|bytes)([0-9]*)(?:x([0-9]+))?")
_ALIASES = {
    "uint": "uint256",
    "int": "int256",
    "fixed": "fixed128x18",
    "ufixed": "ufixed128x18",
    "byte": "bytes1",
    "address payable": "address",
}
_SKIPPED_WORDS = frozenset({"memory", "calldata", "storage", "payable"})
_MOST_NESTED = 32


class SignatureError(ValueError):
    """A text that isn't a signature of an event or a function, or has an unknown type in it."""


class Parameter(Struct, frozen=True):
    """One parameter; ``type`` is canonical, such as ``(address,uint256)[]``."""

    name: str
    type: str
    indexed: bool = False

    @property
    def one_word(self) -> bool:
        """Whether its encoding is one 32-byte word, whether in the data or as a topic."""
        return self.type[-1] not in ")]" and self.type not in ("bytes", "string")


class Signature(Struct, frozen=True):
    """A parsed signature of an event or a function."""

    name: str
    parameters: tuple[Parameter, ...]

    @property
    def canonical(self) -> str:
        """Name and types without spaces, as topic0 and selectors are made of."""
        return f"{self.name}({','.join(parameter.type for parameter in self.parameters)})"


def parse_signature(text: str) -> Signature:
    """Read ``Transfer(address indexed from, uint256 value)``, also with ``event`` before it.

    Tuples are written ``(address a, uint256 b)`` or ``tuple(...)``; names may be missing. Raises
    :class:`SignatureError`.
    """
    reader = _Reader(text)
    for word in ("event ", "function "):
        if reader.rest().startswith(word):
            reader.position += len(word)
    name = reader.name() or reader.fail("a name")
    parameters = reader.parameters(0)
    return Signature(name, parameters)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())
        self.position = 0

    def rest(self) -> str:
        return self.text[self.position :]

    def fail(self, expected: str) -> str:
        raise SignatureError(
            f"expected {expected} at character {self.position + 1} of {self.text[:120]!r}"
        )

    def skip_space(self) -> None:
        while self.text[self.position : self.position + 1] == " ":
            self.position += 1

    def take(self, char: str) -> bool:
        self.skip_space()
        if self.text[self.position : self.position + 1] != char:
            return False
        self.position += 1
        return True

    def name(self) -> str:
        self.skip_space()
        found = _NAME.match(self.text, self.position)
        if found is None:
            return ""
        self.position = found.end()
        return found[0]

    def parameters(self, depth: int) -> tuple[Parameter, ...]:
        if depth > _MOST_NESTED:
            raise SignatureError(f"tuples are nested deeper than {_MOST_NESTED}")
        if not self.take("("):
            self.fail("(")
        parameters: list[Parameter] = []
        if self.take(")"):
            return ()
        while True:
            parameters.append(self.parameter(len(parameters), depth))
            if self.take(")"):
                return tuple(parameters)
            if not self.take(","):
                self.fail(", or )")

    def parameter(self, place: int, depth: int) -> Parameter:
        kind = self.type(depth)
        indexed = False
        name = ""
        while word := self.name():
            if word == "indexed":
                indexed = True
            elif word not in _SKIPPED_WORDS:
                name = word
        return Parameter(name or f"arg{place}", kind, indexed)

    def type(self, depth: int) -> str:
        word = self.name()
        if word in ("", "tuple"):
            inner = self.parameters(depth + 1)
            base = f"({','.join(parameter.type for parameter in inner)})"
        else:
            base = elementary(word)
        while found := _ARRAY.match(self.text, self.position):
            if found[0] == "[0]":
                self.fail("an array length above 0")
            base += found[0]
            self.position = found.end()
        return base


def elementary(word: str) -> str:
    """The canonical name of an elementary type. Raises :class:`SignatureError` for any other."""
    word = _ALIASES.get(word, word)
    if word in ("address", "bool", "string", "bytes", "function"):
        return word
    found = _ELEMENTARY.fullmatch(word)
    if found is not None and _in_range(found[1], found[2], found[3]):
        return word
    raise SignatureError(f"{word[:80]!r} is no elementary ABI type")


def _in_range(kind: str, size: str, decimals: str | None) -> bool:
    if not size or size[0] == "0":
        return False
    bits = int(size[:4])
    if kind == "bytes":
        return decimals is None and 1 <= bits <= 32
    whole = bits % 8 == 0 and 8 <= bits <= 256
    if kind in ("uint", "int"):
        return whole and decimals is None
    return whole and decimals is not None and decimals == str(int(decimals)) and int(decimals) <= 80


WordKind = Literal["address", "bool", "uint", "int", "bytes"]


def word_kind(kind: str) -> tuple[WordKind, int] | None:
    """Kind and size (bits, or bytes of ``bytesN``) of a type that the fast path reads, or None."""
    if kind == "address":
        return "address", 160
    if kind == "bool":
        return "bool", 1
    found = re.fullmatch(r"(uint|int|bytes)([0-9]+)", kind)
    if found is None:
        return None
    match found[1]:
        case "uint":
            return "uint", int(found[2])
        case "int":
            return "int", int(found[2])
        case _:
            return "bytes", int(found[2])
