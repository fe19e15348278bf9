"""The detections on the bus: the lanes that this process runs."""

import asyncio
from collections.abc import Sequence

from detections.event_messages import STAGE
from detections.lane import Lane
from pipeline.bus.status_board import ReaderState

__all__ = ["STAGE", "DetectionStage"]


class DetectionStage:
    """Runs lanes, each by itself."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = lanes

    @property
    def states(self) -> list[ReaderState]:
        """Where the lanes stand."""
        return [lane.relay.state for lane in self._lanes]

    async def run(self) -> None:
        """Work until cancelled, or until a lane fails."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(lane.run())
