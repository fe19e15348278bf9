"""Documents without end, each with a number for an id, and a count of where they came to.

A million of them take a megabyte to count: one byte for each, by its number.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from delivery.sink import Content, Document

#: One of so many is an alert.
ALERT_EVERY = 20
_START = 1_772_600_767_000_000_000
_EVENT = (
    b'{"@timestamp":"2026-03-04T05:06:07.%06dZ","event":{"id":"item-%d","kind":"event",'
    b'"action":"trade","module":"tapewatch","dataset":"tapewatch.venue"},"market":{"venue":'
    b'"demo-venue","instrument":"ACME-USD"},"related":{"user":["acct-%d","acct-%d"]}}'
)
_ALERT = (
    b'{"@timestamp":"2026-03-04T05:06:07.%06dZ","event":{"id":"item-%d","kind":"alert",'
    b'"reason":"acct-%d sold to acct-%d and bought back"},"rule":{"id":"r-1","name":"Wash trading"}'
    b',"surveillance":{"level":"critical","typology":"wash_trading"}}'
)
_ID = re.compile(r"item-(\d+)")


def documents(first: int, end: int, *, alerts_only: bool = False) -> Iterator[Document]:
    """Documents of these numbers."""
    for number in range(first, end):
        alert = alerts_only or number % ALERT_EVERY == 0
        content: Content = "alerts" if alert else "events"
        body = _ALERT if alert else _EVENT
        yield Document(
            content=content,
            id=f"item-{number}",
            timestamp=_START + number,
            source="demo-venue",
            position=f"{content.upper()}/1/{number}",
            body=body % (number % 1_000_000, number, number % 997, number % 991),
        )


def ids_in(text: str) -> list[str]:
    """Ids of documents that stand in a text, each once."""
    return [f"item-{number}" for number in dict.fromkeys(_ID.findall(text))]


class Arrived:
    """How often each document came."""

    def __init__(self, count: int) -> None:
        self._times = bytearray(count)
        self.strange = 0

    def add(self, document_id: str) -> None:
        """One of this id is there."""
        found = _ID.fullmatch(document_id)
        number = int(found[1]) if found else -1
        if not 0 <= number < len(self._times):
            self.strange += 1
        elif self._times[number] < 255:
            self._times[number] += 1

    def add_named(self, text: str) -> None:
        """All whose ids stand in a text, each once."""
        for one in ids_in(text):
            self.add(one)

    def counted(self) -> "Counted":
        """What came and what didn't."""
        return Counted(
            distinct=len(self._times) - self._times.count(0),
            lost=self._times.count(0),
            again=sum(times - 1 for times in self._times if times > 1),
            strange=self.strange,
        )


class Counted(Struct, frozen=True, kw_only=True):
    """What a sink holds in the end."""

    distinct: int
    lost: int
    #: Copies beyond the first, each under the same id.
    again: int
    strange: int
