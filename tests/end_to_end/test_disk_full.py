"""A disk that is full: the bus's, and the file sink's. Nothing is lost, and it is told."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pipeline.bus import Bus, Stream
from pipeline.bus.embedded import EmbeddedServer
from pipeline.config.schema import EmbeddedBus, StreamLimits, Streams
from pipeline.units import MIB
from tests.end_to_end.pipeline_run import Installation, Running
from tests.fixtures.small_disk import SmallDiskFactory


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A run to which nothing happened."""
    installation = Installation(tmp_path_factory.mktemp("quiet"))
    installation.configuration["sources"][0]["speed"] = "maximum"
    installation.write()
    with installation.running("--until-done") as run:
        assert run.wait() == 0, run.tail()
    return installation


def ids(installation: Installation, content: str) -> list[str]:
    return sorted(document["event"]["id"] for document in installation.documents(content))


def readiness(run: Running) -> dict[str, Any]:
    """What `/readyz` says."""
    lines = [line for line in run.log.read_text().splitlines() if line.startswith("{")]
    entries = [json.loads(line) for line in lines]
    urls = [entry["labels"]["ready"] for entry in entries if entry["message"] == "metrics"]
    if not urls:
        return {"ready": False, "problems": []}
    url = urls[0]
    try:
        with urllib.request.urlopen(url) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def says(run: Running, text: str) -> bool:
    return any(text in problem for problem in readiness(run)["problems"])


async def test_a_server_whose_disk_was_full_writes_again_after_a_start(
    small_disk: SmallDiskFactory,
) -> None:
    disk = small_disk(48 * MIB)
    large = StreamLimits(max_size=200 * MIB)
    config = EmbeddedBus(
        path=disk.path / "nats", streams=Streams(raw=large, events=large, alerts=large, dead=large)
    )
    server = EmbeddedServer(config)
    async with server, await Bus.connect(config, name="test") as bus:
        disk.fill(leave=8 * MIB)
        stored = 0
        while not server.gave_up_writing:
            try:
                await bus.acknowledgements.publish("raw.a", b"%06d" % stored + bytes(100_000), {})
                stored += 1
            except TimeoutError:
                continue  # this is how nats-server says that a disk is full
        disk.make_room()
        with pytest.raises(TimeoutError):
            await bus.acknowledgements.publish("raw.a", b"with room", {})
        await server.stop()
        await server.start()
        writer = bus.writer(Stream.RAW, "b")
        await writer.write(b"after", "1")

        state = (await bus.info(Stream.RAW)).state
        newest = await bus.jetstream.get_last_msg("RAW", "raw.a")
        assert not server.gave_up_writing
        assert state.last_seq == stored + 1, "what was acknowledged is there, and nothing else"
        assert (newest.data or b"")[:6] == b"%06d" % (stored - 1)


def test_a_run_whose_bus_has_a_full_disk_waits_tells_and_loses_nothing(
    quiet: Installation, small_disk: SmallDiskFactory, tmp_path: Path
) -> None:
    disk = small_disk(160 * MIB)
    installation = Installation(tmp_path)
    installation.configuration["bus"]["path"] = str(disk.path / "nats")
    installation.configuration["bus"]["max_storage"] = "1GiB"
    installation.configuration["bus"]["streams"] = {
        name: {"max_size": "160MiB"}
        for name in ("raw", "events", "alerts", "dead", "reference", "cases")
    }
    installation.write()
    disk.fill(leave=MIB)  # half of what the bus will have, so it is full in the middle of the run
    with installation.running("--until-done") as run:
        run.until(lambda: says(run, "the disk of the bus was full"))
        disk.make_room()
        assert run.wait() == 0, run.tail()

    assert ids(installation, "alerts") == ids(quiet, "alerts")
    assert ids(installation, "events") == ids(quiet, "events")


def test_a_run_whose_file_sink_has_a_full_disk_waits_tells_and_loses_nothing(
    quiet: Installation, small_disk: SmallDiskFactory, tmp_path: Path
) -> None:
    disk = small_disk(24 * MIB)
    installation = Installation(tmp_path)
    installation.configuration["sinks"][0]["path"] = str(disk.path / "out")
    installation.configuration["sinks"].append({"name": "other", "type": "file", "path": "other"})
    installation.write()
    disk.fill(leave=100_000)
    with installation.running("--until-done") as run:
        run.until(lambda: says(run, "No space left on device"))
        run.until(lambda: len(installation.documents("events", "other")) > 400)
        assert len(installation.documents("events", str(disk.path / "out"))) < 400
        disk.make_room()
        assert run.wait() == 0, run.tail()

    for content in ("alerts", "events"):
        found = [d["event"]["id"] for d in installation.documents(content, str(disk.path / "out"))]
        assert sorted(found) == ids(quiet, content), "every line is whole, each there once"
        assert ids(installation, content) == []
