"""What goes wrong on real feeds, on demand: for tests of collectors and for the demo."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from demo.venue.subscriber import Subscriber

_T = TypeVar("_T")

TORN_FRAME = '{"type":"match","trade_id":'


class Faults:
    """Switches of one feed server. They act on all connections alike."""

    def __init__(self, subscribers: Callable[[], Iterable[Subscriber]]) -> None:
        self.silent = False
        """While True nothing is sent, heartbeats neither, though connections stay open; what
        happens meanwhile is lost to the readers, as on a network that died without a word."""
        self.rest_down = False
        """While True every REST request is answered with 503."""
        self._subscribers = subscribers
        self._to_lose = 0

    def drop_connections(self) -> int:
        """Break every connection now, without a closing handshake; returns how many."""
        subscribers = list(self._subscribers())
        for subscriber in subscribers:
            subscriber.connection.transport.abort()
        return len(subscribers)

    def lose_messages(self, count: int = 1) -> None:
        """The next `count` sequenced messages reach nobody: a gap in the sequence."""
        self._to_lose += count

    def send_malformed(self, text: str = TORN_FRAME) -> None:
        """Send a broken text frame to every client now."""
        for subscriber in self._subscribers():
            subscriber.offer([text.encode()])

    def arriving(self, messages: Sequence[_T]) -> Sequence[_T]:
        """What is left of sequenced messages after the loss that was asked for."""
        lost = min(self._to_lose, len(messages))
        self._to_lose -= lost
        return messages[lost:]
