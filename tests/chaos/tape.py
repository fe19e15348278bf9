"""A longer market than the demo's: its recorded session several times over, each a minute later.

Every pass has hashes, heights, sequences, order and trade ids of its own, so nothing of one pass is
a second copy of another's. The same number of passes gives the same bytes.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast

from msgspec.structs import replace

from collectors.recording import RecordingWriter, decode_line, open_lines, read_header
from pipeline.frames import Frame
from tests.end_to_end.pipeline_run import RECORDED

SESSION = RECORDED / "session.jsonl.gz"
#: Between the beginnings of two passes. The session takes 28 seconds.
PERIOD_SECONDS = 60

_HASHES = frozenset(("hash", "parentHash", "blockHash", "transactionHash", "transaction_hash"))
_ORDERS = frozenset(("order_id", "maker_order_id", "taker_order_id"))


class Session(NamedTuple):
    """The recorded session: frames with the places of their sources, and how much it counts."""

    frames: list[tuple[int, Frame]]
    blocks: list[str]
    sequences: int
    trades: int


def read_session(path: Path = SESSION) -> Session:
    """The recording, and what the next pass has to count on from."""
    sources = len(read_header(path).sources)
    frames: list[tuple[int, Frame]] = []
    blocks: list[str] = []
    sequences = trades = 0
    with open_lines(path) as file:
        file.readline()
        for line in file:
            place, frame = decode_line(line, sources)
            frames.append((place, frame))
            payload = json.loads(frame.payload)
            if "block" in payload:
                blocks.append(payload["block"]["hash"])
            sequences = max(sequences, payload.get("sequence", 0))
            trades = max(trades, payload.get("trade_id", 0))
    return Session(frames, blocks, sequences, trades)


def write_tape(
    path: Path, passes: int, received: Callable[[int, int], int] = lambda number, at: at
) -> int:
    """Write `passes` sessions one after another; the number of frames.

    `received(number, at)` may move the time of receipt (ns) of the frame with that number: a clock
    that jumps.
    """
    session = read_session()
    with RecordingWriter(path, read_header(SESSION).sources) as writer:
        names = [source.name for source in read_header(SESSION).sources]
        for number in range(passes):
            for place, frame in _pass(session, number):
                at = received(writer.frames, frame.received)
                writer.write(names[place], replace(frame, received=at))
        return writer.frames


def _pass(session: Session, number: int) -> Iterator[tuple[int, Frame]]:
    if number == 0:
        yield from session.frames
        return
    later = _Later(session, number)
    for place, frame in session.frames:
        payload = later.payload(json.loads(frame.payload))
        if "block" in payload:
            block = payload["block"]
            position = f"{int(block['number'], 16)}:{block['hash']}"
        else:
            connection, _, count = frame.position.partition(".")
            position = f"{int(connection) + later.nanoseconds}.{count}"
        yield (
            place,
            replace(
                frame,
                position=position,
                received=frame.received + later.nanoseconds,
                payload=json.dumps(payload, separators=(",", ":")).encode(),
            ),
        )


class _Later:
    """What the session says, so many passes later."""

    def __init__(self, session: Session, number: int) -> None:
        self._session = session
        self._number = number
        self._seconds = PERIOD_SECONDS * number
        self.nanoseconds = self._seconds * 10**9

    def payload(self, value: Any, key: str = "") -> Any:
        """`value`, which stands under `key`."""
        if isinstance(value, dict):
            members = cast(dict[str, Any], value)
            return {name: self.payload(one, name) for name, one in members.items()}
        if isinstance(value, list):
            return [self.payload(one, key) for one in cast(list[Any], value)]
        if key in _HASHES:
            return self._hash(value, key)
        if key in ("number", "blockNumber"):
            return hex(int(value, 16) + self._number * len(self._session.blocks))
        if key in ("timestamp", "blockTimestamp"):
            return value + self._seconds if isinstance(value, int) else self._hex_time(value)
        if key in _ORDERS:
            return str(uuid.uuid5(uuid.UUID(value), str(self._number)))
        if key == "sequence":
            return value + self._number * self._session.sequences
        if key in ("trade_id", "last_trade_id"):
            return value + self._number * self._session.trades
        if key == "time":
            return self._time(value)
        return value

    def _hash(self, value: str, key: str) -> str:
        if key == "parentHash" and value not in self._session.blocks:  # the first of the pass
            return _moved(self._session.blocks[-1], self._number - 1)
        return _moved(value, self._number)

    def _hex_time(self, value: str) -> str:
        return hex(int(value, 16) + self._seconds)

    def _time(self, value: str) -> str:
        moved = datetime.fromisoformat(value) + timedelta(seconds=self._seconds)
        return moved.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moved(value: str, number: int) -> str:
    """A hash of pass `number` in place of the recorded one."""
    return "0x" + hashlib.sha256(f"{number}/{value}".encode()).hexdigest() if number else value
