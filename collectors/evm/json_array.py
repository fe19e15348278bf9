"""The elements of a JSON array one by one, as the file is read: however large it is, no more than
a few of them are in memory.

Python's own scanner finds where an element ends. What is in it is for the caller to decode, so that
an element of an array is read just as a line of NDJSON is.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator

_PIECE = 1 << 20
_BLANK = re.compile(r"[ \t\n\r]*")
_BEHIND = tuple(" \t\n\r,]")
#: What of an element the window's end has cut off makes the scanner stop this near to it: `tru`,
#: `1e+`, an escape. A text without its end is told as such.
_NEAR = 16
#: Values are of no interest here, and a text of any length is made of any number.
_end_of = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=str, strict=False
).raw_decode


class DamagedArray(ValueError):
    """The array can't be read any further: why, and behind how many elements."""


def array_elements(read: Callable[[int], bytes], begin: bytes, *, longest: int) -> Iterator[bytes]:
    """The elements of the array that begins so and goes on with what `read` gives.

    Raises DamagedArray, also for an element of more than `longest` letters, RecursionError, and
    what `read` raises.
    """
    window = _Window(read, begin, longest)
    window.sign()
    window.at += 1
    if window.sign() != "]":
        yield window.element()
        while (sign := window.sign()) == ",":
            window.at += 1
            window.sign()
            yield window.element()
        if sign != "]":
            raise window.damaged()
    window.at += 1
    if window.sign():
        raise DamagedArray("something stands behind the end of the array")


class _Window:
    """The part of the text from `at` on that is there by now."""

    def __init__(self, read: Callable[[int], bytes], begin: bytes, longest: int) -> None:
        self._read = read
        # What is no UTF-8 comes out again as it went in, and is told of the element that has it.
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text = self._decoder.decode(begin)
        self._longest = longest
        self._ended = False
        self.at = 0

    def sign(self) -> str:
        """The next letter that isn't blank; empty at the end."""
        while True:
            found = _BLANK.match(self._text, self.at)
            assert found is not None
            self.at = found.end()
            if self.at < len(self._text):
                return self._text[self.at]
            if not self._more():
                return ""

    def element(self) -> bytes:
        """The value that begins here."""
        while True:
            end, cut = self._end()
            if end and not cut:
                found = self._text[self.at : end]
                self.at = end
                return found.encode("utf-8", "surrogateescape")
            if not cut:
                raise self.damaged()
            if len(self._text) - self.at > self._longest:
                raise DamagedArray(f"the next element is larger than {self._longest >> 20} MiB")
            if not self._more() and not end:
                raise self.damaged()

    def damaged(self) -> DamagedArray:
        """What to say of what stands here."""
        here = self._text[self.at : self.at + 40]
        if not here:
            return DamagedArray("the array is cut off: its end is missing")
        return DamagedArray(f"it is damaged{' or cut off' if self._ended else ''} at {here!a}")

    def _end(self) -> tuple[int, bool]:
        """Where the value ends, 0 where it doesn't; and whether what is to come may change that."""
        try:
            end = _end_of(self._text, self.at)[1]
        except json.JSONDecodeError as error:
            open_text = error.msg.startswith("Unterminated string")
            return 0, open_text or error.pos + _NEAR > len(self._text)
        # Of `1` and `1.` nobody knows yet what number it will be.
        over = self._text[end : end + 1] in _BEHIND
        return end, not (over or self._ended or end + _NEAR <= len(self._text))

    def _more(self) -> bool:
        """Read on, as much again as there is; whether there was anything."""
        left = self._text[self.at :]
        piece = b"" if self._ended else self._read(max(_PIECE, len(left)))
        self._ended = not piece
        self._text, self.at = left + self._decoder.decode(piece, final=self._ended), 0
        return not self._ended
