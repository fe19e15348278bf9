"""What RAW holds when a run has ended, and what the sink has to hold because of it."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from detections.engine.engine import Engine
from detections.offline import detect
from detections.rules import load_rules
from normalizer.events import Record
from normalizer.events.ecs import nest
from normalizer.normalize import Normalizer
from normalizer.reference_files import load_reference
from pipeline.bus import Bus, Stream
from pipeline.bus.embedded import EmbeddedServer
from pipeline.config.loading import load_configuration
from pipeline.config.schema import Configuration, EmbeddedBus
from pipeline.frames import Frame, FrameBatch, decode_batch
from pipeline.problems import Problem
from tests.chaos.outcome import Holding, holding


class Raw:
    """RAW of an installation that does not run any more."""

    def __init__(self, path: Path) -> None:
        """`path`: of its configuration."""
        self._configuration = load_configuration(path, resolve="later")
        self.batches: Sequence[FrameBatch] = asyncio.run(_read(self._configuration))

    def frames(self) -> list[Frame]:
        """All frames, in order."""
        return [frame for batch in self.batches for frame in batch.frames]

    def events(self, venues: dict[str, str]) -> list[Record]:
        """What the frames say, in order. `venues`: by source."""
        normalizer = Normalizer(load_reference(self._configuration.reference), venues)
        events: list[Record] = []
        for number, batch in enumerate(self.batches, 1):
            found = normalizer.normalize(number, batch)
            assert not found.dead, f"a frame can't be read: {found.dead[0].reason}"
            events += found.events
        return events

    def due(self, events: Sequence[Record]) -> Holding:
        """What a sink has to hold of these events: each once, and what is found in them."""
        problems: list[Problem] = []
        documents = [nest(event) for event in events]
        lines = [json.dumps(document).encode() for document in documents]
        engine = Engine(load_rules(self._configuration.detections.rules))
        alerts = [nest(alert) for alert in detect(engine, lines, report=problems.append)]
        assert not problems, problems[:3]
        return holding(documents, alerts)


async def _read(configuration: Configuration) -> list[FrameBatch]:
    assert isinstance(configuration.bus, EmbeddedBus)
    async with (
        EmbeddedServer(configuration.bus),
        await Bus.connect(configuration.bus, name="chaos") as bus,
    ):
        last = await bus.last_sequence(Stream.RAW)
        reader = bus.reader(Stream.RAW, after=0)
        found: list[FrameBatch] = []
        while len(found) < last:
            found += [decode_batch(message.data) for message in await reader.batch(256, wait=5)]
        await reader.close()
        return found


__all__ = ["Raw"]
