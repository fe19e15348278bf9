"""Base58 as Bitcoin and Solana write it: addresses, signatures, instruction data.

Source: https://datatracker.ietf.org/doc/html/draft-msporny-base58. Python's whole numbers do the
work; texts are short, and bounded before they come here.
"""

from normalizer.decoders.unreadable import Unreadable

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {char: place for place, char in enumerate(_ALPHABET)}
_MOST_KEPT = 1 << 16
ADDRESS_BYTES = 32
SIGNATURE_BYTES = 64
#: Of a text; an instruction of a transaction has at most 1,232 bytes, an inner one 10 KiB.
_LONGEST = 16 * 1024


def decode(text: str) -> bytes:
    """The bytes. Raises :class:`Unreadable`."""
    if len(text) > _LONGEST:
        raise Unreadable(f"base58 of more than {_LONGEST} characters")
    number = 0
    try:
        for char in text:
            number = number * 58 + _DIGITS[char]
    except KeyError:
        raise Unreadable(f"{text[:40]!r} is no base58") from None
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)


def encode(data: bytes) -> str:
    """The text."""
    number = int.from_bytes(data)
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(digits))


class _Checked(set[str]):
    """Texts that were found good; the same few come again and again."""

    def __init__(self, size: int, what: str) -> None:
        super().__init__()
        self._size = size
        self._what = what

    def check(self, text: str, name: str) -> str:
        if text in self:
            return text
        # 58^44 > 256^32 and 58^88 > 256^64: no longer text can be of that size.
        if len(text) > self._size * 11 // 8:
            raise Unreadable(f"{text[:60]!r} is no {self._what}", name)
        try:
            size = len(decode(text))
        except Unreadable as error:
            raise Unreadable(error.reason, name) from None
        if size != self._size:
            raise Unreadable(f"{text[:60]!r} has {size} bytes, not {self._size}", name)
        if len(self) >= _MOST_KEPT:
            self.clear()
        self.add(text)
        return text


_addresses = _Checked(ADDRESS_BYTES, "address")
_signatures = _Checked(SIGNATURE_BYTES, "signature")


def address(text: str, name: str) -> str:
    """An address, or a block's hash: 32 bytes. Raises :class:`Unreadable`."""
    return _addresses.check(text, name)


def signature(text: str, name: str) -> str:
    """A signature: 64 bytes. Raises :class:`Unreadable`."""
    return _signatures.check(text, name)
