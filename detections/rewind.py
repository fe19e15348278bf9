"""A chain reorganisation: back to before it, and on without what was orphaned.

The alerts that come true this way are the ones that stand. What was given and doesn't come true is
retracted, what is new is given. Nothing here depends on which saved state is at hand: any that
holds no orphaned event gives the same.
"""

from collections.abc import AsyncIterator, Callable
from typing import Protocol

import msgspec

from detections.chain_history import ChainHistory, Fork, Orphans
from detections.engine import Engine
from detections.engine_state import CannotRestore
from detections.given_alerts import GivenAlerts
from detections.lane_events import Taken
from normalizer.events import Alert, AlertUpdate, ChainReorganised
from pipeline.bus.lane_order import Mark

_VERSION = 1


class Past(Protocol):
    """What lies behind a lane."""

    async def engine_at(self, usable: Callable[[int], bool]) -> tuple[Engine, int]:
        """An engine with the newest saved state whose place is `usable`, and that place.

        Where there is none, an engine without state and 0.
        """
        ...

    def taken(self, after: int, until: int) -> AsyncIterator[tuple[int, Taken]]:
        """What the lane took of the messages behind `after` and before `until`, with the places."""
        ...


class LaneState(msgspec.Struct, array_like=True):
    """A lane's state as it is saved."""

    version: int
    engine: bytes
    history: ChainHistory
    alerts: GivenAlerts


class RewindingEngine:
    """A lane's engine, which goes back and on where a chain was reorganised."""

    def __init__(self, engine: Engine, past: Past) -> None:
        self.engine = engine
        """The present one: a reorganisation puts another in its place."""
        self.rewinds = 0
        """How many times it went back."""
        self._past = past
        self._history = ChainHistory()
        self._alerts = GivenAlerts()

    async def take(self, place: int, taken: Taken) -> list[Alert | AlertUpdate]:
        """Take what came at a place, in the order of the stream."""
        told: list[Alert | AlertUpdate] = []
        for record in taken.records:
            if type(record) is ChainReorganised:
                told += await self._reorganised(place, record)
        self._history.saw(place, taken.records)
        return told + self._alerts.give(place, taken.show(self.engine))

    def snapshot(self) -> bytes:
        """The state. The same state gives the same bytes."""
        return msgspec.msgpack.encode(
            LaneState(_VERSION, self.engine.snapshot(), self._history, self._alerts)
        )

    def restore(self, data: bytes) -> None:
        """Take the state of a snapshot. Raises CannotRestore, and then nothing has changed."""
        state = read_state(data)
        self.engine.restore(state.engine)
        self._history, self._alerts = state.history, state.alerts

    async def _reorganised(self, place: int, record: ChainReorganised) -> list[Alert | AlertUpdate]:
        fork = self._history.reorganised(place, record)
        if fork.first == place:
            return []  # it saw nothing of the branch that was left
        self.rewinds += 1
        self.engine, alerts = await self._again(fork)
        return self._alerts.replace(fork.first, alerts, record)

    async def _again(self, fork: Fork) -> tuple[Engine, dict[str, tuple[int, Alert]]]:
        """Run once more up to now. Gives the engine and the alerts from the fork on."""
        engine, known = await self._past.engine_at(self._history.usable)
        orphans = self._history.orphans()
        alerts: dict[str, tuple[int, Alert]] = {}
        async for place, taken in self._past.taken(known, fork.place):
            for alert in _without(orphans, place, taken).show(engine):
                if place >= fork.first:
                    alerts.setdefault(alert.id, (place, alert))
        engine.take_problems()  # they are dead letters already
        return engine, alerts


def read_state(data: bytes) -> LaneState:
    """A state that was saved. Raises CannotRestore."""
    try:
        state = msgspec.msgpack.decode(data, type=LaneState)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CannotRestore(f"the saved state can't be read: {error}") from error
    if state.version != _VERSION:
        raise CannotRestore(f"it is of version {state.version}, and this one reads {_VERSION}")
    return state


def _without(orphans: Orphans, place: int, taken: Taken) -> Taken:
    steps = [
        step for step in taken.steps if isinstance(step, Mark) or not orphans.orphaned(place, step)
    ]
    return Taken(steps, taken.judged)
