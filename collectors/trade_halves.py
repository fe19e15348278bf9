"""Finds the two lines, or messages, that tell of one trade, each of one side. Pure.

The first of them waits for at most so many lines; if the other one has not come by then, it is told
alone.
"""

from collections.abc import Iterator
from typing import NamedTuple

#: Lines that a first side waits.
WINDOW = 1_000


class SideKey(NamedTuple):
    """What the two sides of a trade share, and which of them it is."""

    venue: str
    symbol: str
    trade_id: str
    buys: bool


class Half(NamedTuple):
    """A side that came first: its number, and its text."""

    number: int
    text: str
    buys: bool


class TradeHalves:
    """First sides that wait for their other, by what they share."""

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._waiting: dict[tuple[str, str, str], Half] = {}

    def take(self, key: SideKey, number: int, text: str) -> Half | None:
        """The other side, if it came before; else the line waits for it."""
        shared = key[:3]
        before = self._waiting.get(shared)
        if before is None:
            self._waiting[shared] = Half(number, text, key.buys)
            return None
        if before.buys == key.buys:
            # Not two sides of one trade. The older one is told when it is due, and this one then.
            self._waiting[*shared[:2], f"{shared[2]}\0{number}"] = Half(number, text, key.buys)
            return None
        del self._waiting[shared]
        return before

    def overdue(self, number: int) -> Iterator[Half]:
        """Those that have waited long enough when line ``number`` was taken, oldest first."""
        # Lines come with rising numbers, so the oldest stand first.
        while self._waiting:
            shared, half = next(iter(self._waiting.items()))
            if half.number > number - self._window:
                return
            del self._waiting[shared]
            yield half

    def drop(self, number: int) -> Half | None:
        """The first side of this number waits no longer."""
        for shared, half in self._waiting.items():
            if half.number == number:
                del self._waiting[shared]
                return half
        return None

    def rest(self) -> Iterator[Half]:
        """All that still wait: nothing more comes."""
        waiting = list(self._waiting.values())
        self._waiting.clear()
        yield from waiting
