"""A chain that forks, as the stream EVENTS tells it, and as it is in the end."""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec

from detections.engine.engine import Engine
from detections.lanes.events import Taken
from detections.lanes.rewind import RewindingEngine, read_state
from detections.lanes.ruled_engine import RuledEngine
from normalizer.events import Alert, AlertUpdate, ChainReorganised, Record
from normalizer.events.chain import Block, TokenTransfer
from tests.detections.samples import START, transfer

SECOND = 10**9
Message = list[Record]


class ForkedChain:
    """Writes the messages of a chain, block by block. A block's hash is of its whole branch."""

    def __init__(self, provider: str = "chain", chain_id: int = 31337) -> None:
        self._of: dict[str, Any] = {"provider": provider, "chain_id": chain_id}
        self.messages: list[Message] = []
        #: Branch of each block on the present chain, from block 1 on.
        self.branches: list[str] = []
        self._made: dict[str, Message] = {}
        self._forks = 0

    @property
    def head(self) -> int:
        return len(self.branches)

    def grow(self, branch: str, amounts: Iterable[float] = ()) -> None:
        """The next block, with a transfer of each amount. A block that was there before is the
        same again.
        """
        self.branches.append(branch)
        name = "".join(self.branches)
        if name not in self._made:
            self._made[name] = self._block(name, list(amounts))
        received = START + (len(self.messages) + 2) * SECOND
        self.messages.append(
            [
                msgspec.structs.replace(record, original=self._next_frame(), ingested=received)
                for record in self._made[name]
            ]
        )

    def fork(self, depth: int, *, known: bool = True) -> None:
        """Leave so many blocks."""
        old, common = self.head, self.head - depth
        orphaned = tuple(self.hash_at(number) for number in range(common + 1, old + 1))
        self._forks += 1
        self.messages.append(
            [
                ChainReorganised(
                    **self._of,
                    id=f"{self._of['provider']}:fork-{self._forks}",
                    timestamp=START + common * SECOND,
                    ingested=START + (len(self.messages) + 2) * SECOND,
                    original=self._next_frame(),
                    common_number=common,
                    common_hash=self.hash_at(common),
                    depth=depth,
                    orphaned=orphaned if known else (),
                    old_number=old,
                    old_hash=self.hash_at(old),
                    new_number=old,
                    new_hash="0x" + "f" * 64,
                )
            ]
        )
        del self.branches[common:]

    def _next_frame(self) -> str:
        return f"RAW/{len(self.messages) + 1}/0"

    def final(self) -> list[Message]:
        """What a reader gets who comes when all is over: the blocks of the last chain, and what
        is no part of a chain.
        """
        kept: list[tuple[int, Message]] = []
        for message in self.messages:
            first = message[0]
            if isinstance(first, ChainReorganised):
                kept = [one for one in kept if one[0] <= first.common_number]
            else:
                kept.append((getattr(first, "block_number", 0), message))
        return [message for _, message in kept]

    def hash_at(self, number: int) -> str:
        """Of a block of the present chain."""
        return "0x" + "".join(self.branches[:number]).encode().hex()[-64:].rjust(64, "0")

    def _block(self, name: str, amounts: list[float]) -> Message:
        number = len(name)
        place: dict[str, Any] = {
            **self._of,
            "block_number": number,
            "block_hash": "0x" + name.encode().hex()[-64:].rjust(64, "0"),
            "timestamp": START + number * SECOND + ord(name[-1]),
            "ingested": 0,
            "original": "",
        }
        identity = f"{place['chain_id']}:{place['block_hash']}"
        transfers: list[TokenTransfer] = [
            transfer(id=f"{identity}:{at}", amount=amount, **place)
            for at, amount in enumerate(amounts)
        ]
        return [Block(id=identity, **place), *transfers]


class ListedPast:
    """Messages in a list, whose places count from 1, and states that were saved at some."""

    def __init__(self, messages: list[Message], make: Callable[[], Engine]) -> None:
        self.messages = messages
        self.saved: dict[int, bytes] = {}
        self.restored: list[int] = []
        self._make = make

    async def engine_at(self, usable: Callable[[int], bool]) -> tuple[RuledEngine, int]:
        engine = self._make()
        place = max((place for place in self.saved if usable(place)), default=0)
        if place:
            engine.restore(read_state(self.saved[place])[1])
        self.restored.append(place)
        return RuledEngine(engine), place

    async def taken(self, after: int, until: int) -> AsyncIterator[tuple[int, Taken]]:
        for place in range(after + 1, until):
            yield place, Taken(list(self.messages[place - 1]), True)


class Sink:
    """What became of the alerts: each came once, and updates tell of alerts that came."""

    def __init__(self) -> None:
        self.told: list[Alert | AlertUpdate] = []
        self.alerts: dict[str, Alert] = {}
        self.updates: list[AlertUpdate] = []
        self.standing: dict[str, None] = {}

    def take(self, told: Iterable[Alert | AlertUpdate]) -> None:
        for one in told:
            self.told.append(one)
            if isinstance(one, Alert):
                assert one.id not in self.alerts, "an alert came twice"
                self.alerts[one.id] = one
                self.standing[one.id] = None
                continue
            assert one.alert_id in self.alerts, "an update tells of an alert that never came"
            assert one.id not in {update.id for update in self.updates}
            self.updates.append(one)
            if one.status == "retracted":
                del self.standing[one.alert_id]
            else:
                assert one.alert_id not in self.standing
                self.standing[one.alert_id] = None


async def run(
    messages: list[Message], make: Callable[[], Engine], save_at: Callable[[int], bool]
) -> tuple[Sink, ListedPast]:
    """Take all messages one by one, saving the state behind some."""
    past = ListedPast(messages, make)
    engine = RewindingEngine(RuledEngine(make()), past)
    sink = Sink()
    for place, message in enumerate(messages, 1):
        sink.take(await engine.take(place, Taken(list(message), True)))
        if save_at(place):
            past.saved[place] = engine.snapshot()
    return sink, past
