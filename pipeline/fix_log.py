"""Messages of FIX in the logs that engines write: one a line, with a time or more before it. Pure.

What separates fields is SOH on the wire, and in logs often `|`, `^A` or `<SOH>`. It stands behind
BeginString (8), the first field of each message, so that each line says its own. A text that holds
the same sign is taken apart with the rest, and its line is refused.
"""

import re

from pipeline.fix_message import SOH

_BEGIN = re.compile(rb"8=FIXT?\.[0-9]\.[0-9](?:SP[0-9])?(.{1,5}?)9=[0-9]{1,9}\1", re.DOTALL)
_BEGINNING = b"8=FIX"
_END = re.compile(rb"\x0110=[0-9]{3}(?:\x01|$)")
#: So far into a line its message begins at most.
_MOST_BEFORE = 512


def is_of_fix_log(line: bytes) -> bool:
    """Whether a line of a log has a message in it."""
    return _BEGIN.search(line, 0, _MOST_BEFORE) is not None


def logged_message(line: bytes) -> bytes | None:
    """The message in a line, its fields ended by SOH as on the wire; None where there is none.

    What stands behind CheckSum (10) is left out. A line that has no CheckSum is given as it is: it
    was cut, or its separator is not the same all through. One in which another message begins is
    given up to there, and not ended by SOH: the fields of both would make a third.
    """
    found = _BEGIN.search(line, 0, _MOST_BEFORE)
    if found is None:
        return None
    other = _other(line, found.end())
    message, separator = line[found.start() : other].rstrip(b"\r\n"), found[1]
    if separator != SOH:
        message = message.replace(separator, SOH)
    if other is not None:
        return message.rstrip(SOH)
    end = _END.search(message)
    return message if end is None else message[: end.end()].rstrip(SOH) + SOH


def has_another(line: bytes) -> bool:
    """Whether behind the beginning of a message there is another one: the first was cut before its
    line's end was written, or messages aren't a line each."""
    found = _BEGIN.search(line, 0, _MOST_BEFORE)
    return found is not None and _other(line, found.end()) is not None


def _other(line: bytes, behind: int) -> int | None:
    place = line.find(_BEGINNING, behind)
    if place < 0:  # as of nearly all lines
        return None
    found = _BEGIN.search(line, place)
    return None if found is None else found.start()
