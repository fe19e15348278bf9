"""Positions of FIX frames: which numbering of the other side, and the number in it. Pure."""

from typing import NamedTuple


class FixPlace(NamedTuple):
    """``numbering``: when their numbers were found to begin, nanoseconds since 1970; it changes
    with each reset. ``told``: a first side of a trade that is told alone behind the message.
    """

    numbering: int
    sequence: int
    told: int = 0

    @property
    def text(self) -> str:
        """As a frame's position."""
        place = f"{self.numbering}:{self.sequence:09d}"
        return f"{place}:{self.told:09d}" if self.told else place


def place_of(text: str) -> FixPlace | None:
    """The place in a position; None where it is of no FIX session."""
    parts = text.partition("#")[0].split(":")
    if not 2 <= len(parts) <= 3 or not all(part.isdecimal() for part in parts):
        return None
    return FixPlace(*(int(part) for part in parts))
