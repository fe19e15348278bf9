"""Which lines told which events of late: what is a repeat, and what only has the same number.

A step is known by its number and its time. A line that is the same byte for byte is told twice, and
its events are the same. Another line of the same number and time is another step: venues number
messages rather than lines, or both sides of a trade. It has events of its own, and what they are
called depends on what it says alone.
"""

from hashlib import blake2b

from normalizer.events import Record
from normalizer.events.market import Trade

#: Events that are remembered, at least; at most twice as many. Such lines follow each other.
REMEMBERED_EVENTS = 20_000
_DIGEST_BYTES = 6
_Told = dict[str, tuple[int, str]]


class ToldLines:
    """Remembers the newest events by their ids, each with its line's content and place."""

    def __init__(self, remembered: int = REMEMBERED_EVENTS) -> None:
        self._remembered = remembered
        self._young: _Told = {}
        self._old: _Told = {}

    def tell_apart(
        self, events: list[Record], start: int, content: bytes, place: str
    ) -> str | None:
        """Look at the events of one line, which are those from `start` on; `place` is the line's.

        Events of another line by the same id get an id of their own. A trade that its venue gave
        the same trade id is the same trade, whatever it says: returned is where it was told first.
        """
        same_trade = None
        told = hash(content)
        for event in events[start:]:
            known = self._young.get(event.id) or self._old.get(event.id)
            if known is None:
                self._remember(event.id, told, place)
            elif known[0] != told:
                if isinstance(event, Trade) and event.id.endswith(f":trade:{event.trade_id}"):
                    same_trade = known[1]
                else:
                    digest = blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
                    event.id = f"{event.id}:{digest}"
        return same_trade

    def _remember(self, event_id: str, told: int, place: str) -> None:
        self._young[event_id] = (told, place)
        if len(self._young) >= self._remembered:
            self._old, self._young = self._young, {}
