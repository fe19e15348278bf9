"""The detections on the bus: the lanes that this process runs."""

import asyncio
import os
import re
import socket
from collections.abc import Callable, Sequence

from detections.lanes.event_messages import STAGE
from detections.lanes.events import LaneEvents
from detections.lanes.lane import Lane
from detections.lanes.routing import asset_rules, market_rules
from detections.lanes.rule_shares import share_of
from detections.rules.rule_set import RuleSet
from pipeline.bus import Bus
from pipeline.bus.lane_sharing import LaneSharing
from pipeline.bus.reader_names import lane_names
from pipeline.bus.status_board import ReaderState

__all__ = ["STAGE", "DetectionStage", "LanePlace", "lane_places"]

MakeLane = Callable[["LanePlace"], Lane]


class LanePlace:
    """One of the lanes: its name, what it reads, and which rules run in it."""

    def __init__(
        self, name: str, number: int | None, several: bool, share: tuple[int, int] = (0, 1)
    ) -> None:
        """`share`: which part of the rules it has, from 0 on, of how many."""
        self.name = name
        self._number = number
        self._several = several
        self._share = share

    def events(self, bus: Bus) -> LaneEvents:
        """What it reads of EVENTS. Of lanes that read the same, the first tells what it can't."""
        first = self._share[0] == 0
        return LaneEvents(bus, several=self._several, lane=self._number, buries=first)

    def rules(self, rules: RuleSet) -> RuleSet:
        """Those of all rules that run in it."""
        if self._several:
            rules = market_rules(rules) if self._number is None else asset_rules(rules)
        number, shares = self._share
        return rules if shares == 1 else share_of(rules, number, shares)


def lane_places(count: int, shares: int = 1) -> list[LanePlace]:
    """The lanes where EVENTS has so many parts, and the rules of each so many shares."""
    names = iter(lane_names(count, shares))
    places = [
        LanePlace(next(names), None if count == 1 else number, count > 1, (share, shares))
        for number in range(count)
        for share in range(shares)
    ]
    return [*places, *(LanePlace(market, None, several=True) for market in names)]


class DetectionStage:
    """Runs lanes: all of them, or this worker's share."""

    def __init__(self, bus: Bus, places: Sequence[LanePlace], make: MakeLane) -> None:
        """`make` makes a lane that was not run yet; a lane that comes back is another one."""
        self._bus = bus
        self._places = {place.name: place for place in places}
        self._make = make
        self._running: dict[str, Lane] = {}

    @property
    def states(self) -> list[ReaderState]:
        """Where the lanes stand that run here."""
        return [lane.relay.reported() for lane in self._running.values()]

    async def run(self) -> None:
        """Run all lanes until cancelled, or until one fails."""
        async with asyncio.TaskGroup() as group:
            for name in self._places:
                group.create_task(self._run_lane(name))

    async def share(self, worker: str) -> None:
        """Run the lanes that are this worker's, until cancelled or until one fails."""
        sharing = LaneSharing(
            self._bus.config, self._bus.names, list(self._places), worker, self._run_lane
        )
        await sharing.run()

    async def _run_lane(self, name: str) -> None:
        lane = self._running[name] = self._make(self._places[name])
        try:
            await lane.run()
        finally:
            if self._running.get(name) is lane:
                del self._running[name]


def worker_id(number: str | None) -> str:
    """What the worker is called among all: by machine, and its number there or its process."""
    machine = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname()) or "machine"
    return f"{machine}-{number}" if number else f"{machine}-p{os.getpid()}"
