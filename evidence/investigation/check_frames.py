"""The frames in a message of the stream RAW. It needs Python 3.9 or newer, and nothing else.

A message is MessagePack (https://github.com/msgpack/msgpack): the source's name, that of the
protocol, and frames, each with its position, the time of receipt in nanoseconds, what was received,
byte for byte, and what it is. check_timeline.py beside, or check.py in an export, runs this.
"""

from __future__ import annotations

from typing import Any, NamedTuple

#: What begins with this byte, and how many bytes say its length or are the number.
_KINDS = {
    **{0xC4 + place: ("bytes", 1 << place) for place in range(3)},
    **{0xCC + place: ("number", 1 << place) for place in range(4)},
    **{0xD0 + place: ("signed", 1 << place) for place in range(4)},
    **{0xD9 + place: ("text", 1 << place) for place in range(3)},
    **{0xDC + place: ("list", 2 << place) for place in range(2)},
}


class Frame(NamedTuple):
    """What was received once."""

    source: str
    position: str
    received: int
    payload: bytes


def frames_of(message: bytes) -> list[Frame]:
    """In their order; none where it is no such message."""
    try:
        value, end = _unpacked(message, 0)
        source, _, frames = value
        found = [Frame(source, *one[:3]) for one in frames]
    except (IndexError, TypeError, ValueError, RecursionError):
        return []
    return found if end == len(message) else []


def _unpacked(data: bytes, at: int) -> tuple[Any, int]:
    """A value and where it ends. Raises IndexError and ValueError."""
    first, at = data[at], at + 1
    if first < 0x80:
        return first, at
    if 0x90 <= first < 0xC0:
        kind, size = ("list", first - 0x90) if first < 0xA0 else ("text", first - 0xA0)
    elif first in _KINDS:
        kind, width = _KINDS[first]
        head, at = _taken(data, at, width)
        size = int.from_bytes(head, "big", signed=kind == "signed")
        if kind in ("number", "signed"):
            return size, at
    else:
        raise ValueError("messages have nothing of this kind")
    if kind == "list":
        items: list[Any] = []
        for _ in range(size):
            item, at = _unpacked(data, at)
            items.append(item)
        return items, at
    content, at = _taken(data, at, size)
    return content.decode() if kind == "text" else content, at


def _taken(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    content = data[at : at + size]
    if len(content) < size:
        raise ValueError("cut short")
    return content, at + size
