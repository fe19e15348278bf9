"""A chain reorganisation: back to before it, and on without what was orphaned.

The alerts that come true this way are the ones that stand. What was given and doesn't come true is
retracted, what is new is given. Nothing here depends on which saved state is at hand: any that
holds no orphaned event gives the same.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import cache
from itertools import chain
from typing import Protocol

import msgspec

from detections.alerting.given_alerts import GivenAlerts
from detections.engine.chain_history import ChainHistory, Fork, Orphans
from detections.engine.correlator_state import layout
from detections.engine.engine import Engine
from detections.engine.rule_states import Unfit
from detections.engine.state import BY_NAME, CannotRestore, check_layout
from detections.identity import fingerprint
from detections.lanes.events import Taken
from detections.lanes.ruled_engine import RuledEngine
from normalizer.events import Alert, AlertUpdate, ChainEvent, ChainReorganised
from normalizer.events.market import TradeBusted, TradeCorrected
from pipeline.bus.lane_order import Mark

_VERSION = 2
#: The layout of those states that don't say theirs: they were saved when it had always been this.
_UNSAID = "6f740b98f527ff5d"
_LENGTH = 4


class Past(Protocol):
    """What lies behind a lane."""

    async def engine_at(self, usable: Callable[[int], bool]) -> tuple[RuledEngine, int]:
        """Another engine with the newest saved state whose place is `usable`, and that place.

        Where there is none, one without state and 0.
        """
        ...

    def taken(self, after: int, until: int) -> AsyncIterator[tuple[int, Taken]]:
        """What the lane took of the messages behind `after` and before `until`, with the places."""
        ...


class Beside(msgspec.Struct, array_like=True):
    """What a lane knows beside its engine, as it is saved."""

    version: int
    history: ChainHistory
    alerts: GivenAlerts
    layout: str = ""
    """Of the other two, which are read by places: one of another is none of ours."""


@cache
def beside_layout() -> str:
    """A hash of how what a lane knows beside its engine is written."""
    return fingerprint([layout(one, BY_NAME) for one in (ChainHistory, GivenAlerts)])[:16]


class RewindingEngine:
    """A lane's engine, which goes back and on where a chain was reorganised."""

    def __init__(self, ruled: RuledEngine, past: Past) -> None:
        self.ruled = ruled
        """A reorganisation gives it another engine."""
        self.rewinds = 0
        """How many times it went back."""
        self._past = past
        self._history = ChainHistory()
        self._alerts = GivenAlerts()

    def orphans(self) -> Orphans:
        """What of the past is orphaned, as far as was told."""
        return self._history.orphans()

    @property
    def engine(self) -> Engine:
        """The engine at work."""
        return self.ruled.engine

    async def begin(self, place: int) -> None:
        """An engine without state, of the rules that are in force behind this place."""
        await self.ruled.begin(place)
        self._history, self._alerts = ChainHistory(), GivenAlerts()

    async def take(self, place: int, taken: Taken) -> list[Alert | AlertUpdate]:
        """Take what came at a place, in the order of the stream."""
        told: list[Alert | AlertUpdate] = []
        if ChainReorganised in taken.kinds:
            for record in taken.records:
                if type(record) is ChainReorganised:
                    told += await self._reorganised(place, record)
        if any(issubclass(kind, ChainEvent) for kind in taken.kinds):
            self._history.saw(place, taken.records)
        alerts = await self.ruled.take(taken, place)
        revises = TradeBusted in taken.kinds or TradeCorrected in taken.kinds
        return told + self._alerts.follow(place, alerts, taken.records if revises else ())

    def beside(self) -> bytes:
        """What is saved in front of the engine's state. The same state gives the same bytes."""
        data = msgspec.msgpack.encode(
            Beside(_VERSION, self._history, self._alerts, beside_layout())
        )
        return len(data).to_bytes(_LENGTH, "big") + data

    def snapshot(self) -> bytes:
        """The state: not while it takes something. The same state gives the same bytes."""
        return b"".join(self.snapshot_parts())

    def snapshot_parts(self) -> Iterator[bytes]:
        """The state, part by part: all of it together may be much. Nothing may change meanwhile."""
        yield self.beside()
        yield from self.engine.snapshot_parts()

    def restore(self, data: bytes | Iterable[bytes]) -> list[Unfit]:
        """Take the state of a snapshot, which may come in pieces.

        Returns the rules whose state isn't in it or doesn't fit; they begin empty. Raises
        CannotRestore, and then nothing has changed.
        """
        beside, engine = read_state(data)
        unfit = self.engine.restore(engine)
        self._history, self._alerts = beside.history, beside.alerts
        return unfit

    async def _reorganised(self, place: int, record: ChainReorganised) -> list[Alert | AlertUpdate]:
        fork = self._history.reorganised(place, record)
        if fork.first == place:
            return []  # it saw nothing of the branch that was left
        self.rewinds += 1
        again, alerts = await self._again(fork)
        self.ruled.go_on_as(again)
        return self._alerts.replace(fork.first, alerts, record)

    async def _again(self, fork: Fork) -> tuple[RuledEngine, dict[str, tuple[int, Alert]]]:
        """Run once more up to now. Gives the engine and the alerts from the fork on."""
        ruled, known = await self._past.engine_at(self._history.usable)
        orphans = self._history.orphans()
        alerts: dict[str, tuple[int, Alert]] = {}
        async for place, taken in self._past.taken(known, fork.place):
            for alert in await ruled.take(without_orphans(orphans, place, taken), place):
                if place >= fork.first:
                    alerts.setdefault(alert.id, (place, alert))
        ruled.engine.take_problems()  # they are dead letters already
        return ruled, alerts


def read_state(data: bytes | Iterable[bytes]) -> tuple[Beside, Iterable[bytes]]:
    """What a saved state has beside the engine's, and that. Raises CannotRestore."""
    chunks = iter((data,) if isinstance(data, bytes) else data)
    held = b""
    while len(held) < (end := _LENGTH + int.from_bytes(held[:_LENGTH], "big")):
        chunk = next(chunks, None)
        if chunk is None:
            raise CannotRestore("the saved state can't be read: it ends too early")
        held += chunk
    try:
        state = msgspec.msgpack.decode(held[_LENGTH:end], type=Beside)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CannotRestore(f"the saved state can't be read: {error}") from error
    if state.version != _VERSION:
        raise CannotRestore(f"it is of version {state.version}, and this one reads {_VERSION}")
    check_layout(state.layout or _UNSAID, beside_layout())
    return state, chain((held[end:],), chunks)


def without_orphans(orphans: Orphans, place: int, taken: Taken) -> Taken:
    """What came at a place, but for what a later reorganisation took back."""
    steps = [
        kept
        for step in taken.steps
        if (kept := step if isinstance(step, Mark) else orphans.kept(place, step)) is not None
    ]
    return Taken(steps, taken.judged)
