"""Messages of FIX's tag=value encoding: their fields, and whether they are whole. Pure.

Source: FIX 4.4, Volume 1, "FIX Message Format and Delivery" (https://www.fixtrading.org/).
A field is ``tag=value`` and ends with SOH; the first are 8, 9 and 35, the last is 10. 9 counts
the bytes behind it up to 10; 10 is the sum of all bytes before it, modulo 256. A field of data may
hold SOH: its length stands in the field before it.
"""

from collections.abc import Iterator

SOH = b"\x01"
#: Fields that give the length of the field of data behind them.
_LENGTHS = {
    *(90, 93, 95, 212, 348, 350, 352, 354, 356, 358, 360, 362, 364, 445, 618, 621),
}
_MESSAGE_ENCODING = 347
_MOST_FIELDS = 100_000
#: The header's own fields are mostly 7 or 8, and hardly ever more than this.
_HEADER_FIELDS = 16
_TRAILER = 7  # "10=nnn" and SOH

Fields = list[tuple[int, bytes]]


class BadMessage(ValueError):
    """Bytes that are no message of FIX. The text says why."""


def checksum(data: bytes) -> int:
    """What field 10 must be, for everything before it."""
    return sum(data) % 256


def fields_of(message: bytes) -> Fields:
    """All fields in their order. Raises BadMessage."""
    parts = message.split(SOH)
    if parts.pop():
        raise BadMessage("doesn't end with SOH")
    if len(parts) > _MOST_FIELDS:
        raise BadMessage(f"has more than {_MOST_FIELDS} fields")
    found: Fields = []
    data_length = 0
    remaining = iter(parts)
    for part in remaining:
        tag, equals, value = part.partition(b"=")
        if not equals or not tag.isdigit() or len(tag) > 9:
            raise BadMessage(f"{part[:40]!r} is no field")
        if data_length:
            # What looked like fields is the rest of this one's data.
            pieces, length = [value], len(value)
            while length < data_length:
                rest = next(remaining, None)
                if rest is None:
                    raise BadMessage(f"field {int(tag)} is shorter than was said")
                pieces.append(rest)
                length += 1 + len(rest)
            value = SOH.join(pieces)
            data_length = 0
        number = int(tag)
        if number in _LENGTHS:
            if not value.isdigit() or len(value) > 9:
                raise BadMessage(f"field {number} is no length")
            data_length = int(value)
        found.append((number, value))
    return found


def values_of(fields: Fields) -> dict[int, bytes]:
    """The fields by tag, the first of each: the header's, and those outside of groups."""
    values: dict[int, bytes] = {}
    for tag, value in fields:
        values.setdefault(tag, value)
    return values


def header_of(message: bytes) -> dict[int, bytes]:
    """The fields at the message's beginning, by tag: those of its header, and a few more.

    It looks at no more of the message, and so doesn't say whether the rest is right. Raises
    BadMessage.
    """
    parts = message.split(SOH, _HEADER_FIELDS)
    if len(parts) <= _HEADER_FIELDS:
        return values_of(fields_of(message))
    values: dict[int, bytes] = {}
    for part in parts[:-1]:
        tag, equals, value = part.partition(b"=")
        if not equals or not tag.isdigit() or len(tag) > 9:
            raise BadMessage(f"{part[:40]!r} is no field")
        values.setdefault(int(tag), value)
    return values


def group(fields: Fields, count: int, first: int) -> list[dict[int, bytes]]:
    """The entries of a repeating group: behind field ``count`` each begins with field ``first``.

    What follows the last entry is taken for its own: without the venue's dictionary nothing tells
    them apart. Groups within an entry keep the first of each tag. In which encoding the message's
    text is, each entry says as well.
    """
    entries: list[dict[int, bytes]] = []
    inside = False
    shared: dict[int, bytes] = {}
    for tag, value in fields:
        if tag == count:
            inside = True
        elif tag == _MESSAGE_ENCODING:
            shared = {tag: value}
        elif inside and tag == first:
            entries.append({first: value, **shared})
        elif inside and entries:
            entries[-1].setdefault(tag, value)
    return entries


class Garbled(Exception):
    """Bytes between messages, or a message that isn't whole, which FIX says is to be ignored."""

    def __init__(self, reason: str, data: bytes) -> None:
        super().__init__(reason)
        self.reason = reason
        self.data = data


class TooLong(Exception):
    """A message says that it is longer than is allowed."""


class Framing:
    """Parts a stream of bytes into messages, and holds each to its length and its checksum."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """More bytes came."""
        self._buffer += data

    def messages(self) -> Iterator[bytes | Garbled]:
        """Whole messages, and what was none. Raises TooLong."""
        while True:
            found = self._next()
            if found is None:
                return
            yield found

    def _next(self) -> bytes | Garbled | None:
        buffer = self._buffer
        begin = buffer.find(b"8=FIX")
        if begin < 0:
            if len(buffer) > 16:
                return self._cut(len(buffer) - 4, "no beginning of a message")
            return None
        if begin:
            return self._cut(begin, "bytes before the beginning of a message")
        head = bytes(buffer[:64]).split(SOH)
        if len(head) < 3:
            return self._cut(5, "no BodyLength (9)") if len(buffer) >= 64 else None
        length = head[1].removeprefix(b"9=")
        if not head[1].startswith(b"9=") or not length.isdigit() or len(length) > 9:
            return self._cut(5, "no BodyLength (9)")
        end = len(head[0]) + len(head[1]) + 2 + int(length)
        if end + _TRAILER > self._longest:
            raise TooLong(f"BodyLength (9) is {int(length)}")
        if len(buffer) < end + _TRAILER:
            # A wrong length must not wait for ever: the next message then begins within.
            following = buffer.find(b"\x018=FIX", 5)
            if following > 0:
                return self._cut(following + 1, "BodyLength (9) is wrong")
            return None
        trailer = bytes(buffer[end : end + _TRAILER])
        if not (trailer.startswith(b"10=") and trailer.endswith(SOH) and trailer[3:6].isdigit()):
            following = buffer.find(b"\x018=FIX", 5)
            return self._cut(following + 1 if following > 0 else 5, "BodyLength (9) is wrong")
        whole = bytes(buffer[: end + _TRAILER])
        if checksum(whole[:end]) != int(trailer[3:6]):
            return self._cut(end + _TRAILER, "CheckSum (10) is wrong")
        del buffer[: end + _TRAILER]
        return whole

    def _cut(self, length: int, reason: str) -> Garbled:
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return Garbled(reason, data)


def is_whole(message: bytes) -> bool:
    """Whether bytes are one message with the right length and checksum."""
    framing = Framing(len(message) + 1)
    framing.feed(message)
    try:
        return list(framing.messages()) == [message]
    except TooLong:
        return False
