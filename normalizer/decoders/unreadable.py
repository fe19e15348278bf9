"""How a decoder says that a frame can't be read."""

import re

import msgspec

_PLACE = re.compile(r" - at `(?:key in )?\$\.?(.*)`$")


class Unreadable(ValueError):
    """A frame, or a part of it, that does not fit its protocol; ``field`` says where."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field


def unreadable(error: msgspec.MsgspecError | RecursionError) -> Unreadable:
    """What msgspec said, with its place in the message as the field."""
    if isinstance(error, RecursionError):
        return Unreadable("JSON is nested too deep")
    text = str(error)
    found = _PLACE.search(text)
    if found is None:
        return Unreadable(text)
    return Unreadable(text[: found.start()], found[1] or None)
