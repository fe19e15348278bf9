"""What correlators knew behind a stream of events, as an earlier commit saved it.

    python -m tests.detections.states_of_then

writes it anew, for those whose state has another layout or version since, or that are new. What
is there for a state of today's stays: it is what shows that it still means the same. `--all` writes
all of it, with other events.
"""

import argparse
import itertools
import lzma
import random
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from detections.books.order_book import OrderBook
from detections.books.order_books import BOOKS_VERSION, parts_of_books, read_books
from detections.correlators.base import Correlator, correlators
from detections.engine.correlator_state import layout
from normalizer.events import Record
from tests.detections.random_records import records

GOLDEN = Path(__file__).parent / "golden" / "states_of_then.xz"
SEED, EVENTS, MOST_CHOICES = 20261128, 140, 2


class Then(Struct, array_like=True):
    """The state of one correlator behind the first half of the events that it sees."""

    name: str
    code: str
    parameters: dict[str, Any]
    state: bytes
    books: list[bytes]
    """Behind the same events."""
    stream: int
    """Which events, of all that are kept."""


class Golden(Struct, array_like=True):
    """All that is kept."""

    books: str
    """How the order books are written."""
    streams: list[list[bytes]]
    """Events for correlators that see the same kinds of them: JSON, as it is in EVENTS."""
    states: list[Then]


def code_of(kind: type[Correlator[Any]]) -> str:
    """What says of a correlator's state how it is written, and what it means."""
    return f"{kind.state_version} {layout(kind.state_type)}"


def code_of_books() -> str:
    """The same of order books."""
    return f"{BOOKS_VERSION} {layout(OrderBook)}"


def golden() -> Golden:
    """What an earlier commit wrote."""
    return msgspec.msgpack.decode(lzma.decompress(GOLDEN.read_bytes()), type=Golden)


def events_of(found: Golden, then: Then) -> list[Any]:
    """What it sees: the state is of half of it."""
    return [msgspec.json.decode(line, type=Record) for line in found.streams[then.stream]]


def observe(correlator: Correlator[Any], event: Any) -> list[bytes]:
    """What it finds at an event."""
    if correlator.uses_books:
        correlator.books.move(event)
    return [msgspec.json.encode(one) for one in correlator.observe(event)]


def books_of(correlator: Correlator[Any]) -> list[bytes]:
    """The books that it looks at, if it does."""
    return list(parts_of_books(correlator.books.state)) if correlator.uses_books else []


def restored(kind: type[Correlator[Any]], then: Then) -> Correlator[Any]:
    """One that goes on from there."""
    correlator = kind(kind.parameters_type(**then.parameters))
    correlator.restore(then.state)
    if correlator.uses_books:
        correlator.books.state = read_books(then.books)
    return correlator


def _written(before: Golden) -> Golden:
    from tests.detections.test_correlator_states import parameter_choices

    made = Golden(code_of_books(), list(before.streams), [])
    streams: dict[frozenset[str], int] = {}
    for name, kind in correlators().items():
        old = [one for one in before.states if one.name == name]
        books = not kind.uses_books or before.books == code_of_books()
        if old and books and all(one.code == code_of(kind) for one in old):
            made.states += old
            continue
        choices = parameter_choices(kind)
        step = -(-len(choices) // MOST_CHOICES)
        for parameters in itertools.islice(reversed(choices), 0, None, step):  # low ones first
            correlator = kind(parameters)
            if correlator.actions not in streams:
                streams[correlator.actions] = len(made.streams)
                found = records(correlator.actions, EVENTS, random.Random(SEED))
                made.streams.append([msgspec.json.encode(one) for one in found])
            stream = streams[correlator.actions]
            told = msgspec.to_builtins(parameters)
            then = Then(name, code_of(kind), told, b"", [], stream)
            for event in events_of(made, then)[: EVENTS // 2]:
                observe(correlator, event)
            then.state, then.books = correlator.snapshot(), books_of(correlator)
            made.states.append(then)
    return made


def main() -> None:
    """Write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.detections.states_of_then")
    parser.add_argument("--all", action="store_true", help="make everything anew")
    anew = parser.parse_args().all or not GOLDEN.exists()
    before = Golden(code_of_books(), [], []) if anew else golden()
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_bytes(lzma.compress(msgspec.msgpack.encode(_written(before)), preset=9))


if __name__ == "__main__":
    main()
