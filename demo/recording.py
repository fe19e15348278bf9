"""Keeping a live session as a recording: the raw frames as they lie on the bus, and the truth."""

import shutil
from pathlib import Path

from collectors.recording import RecordedSource, RecordingWriter
from demo.ground_truth import GroundTruth
from demo.workspace import CHAIN_SOURCE, VENUE, VENUE_SOURCE, Workspace
from pipeline.bus import Bus, Stream
from pipeline.bus.embedded import EmbeddedServer
from pipeline.config.loading import load_configuration
from pipeline.config.schema import EmbeddedBus
from pipeline.frames import decode_batch

SESSION_FILE = "session.jsonl.gz"
REFERENCE_FILE = "reference.yaml"
TRUTH_FILE = "truth.json"

SOURCES = (
    RecordedSource(CHAIN_SOURCE, "evm"),
    RecordedSource(VENUE_SOURCE, "coinbase", VENUE),
)


async def keep(workspace: Workspace, truth: GroundTruth, folder: Path) -> int:
    """Write session, reference data and truth into ``folder``, which must be there.

    Returns the number of frames.
    """
    bus_settings = load_configuration(workspace.configuration, resolve="later").bus
    assert isinstance(bus_settings, EmbeddedBus)
    with RecordingWriter(folder / SESSION_FILE, SOURCES) as writer:
        async with (
            EmbeddedServer(bus_settings),
            await Bus.connect(bus_settings, name="recording") as bus,
        ):
            last = await bus.last_sequence(Stream.RAW)
            reader = bus.reader(Stream.RAW, after=0)
            while reader.position < last:
                for message in await reader.batch(64, wait=5):
                    batch = decode_batch(message.data)
                    for frame in batch.frames:
                        writer.write(batch.source, frame)
            await reader.close()
    shutil.copyfile(workspace.reference, folder / REFERENCE_FILE)
    truth.save(folder / TRUTH_FILE)
    return writer.frames
