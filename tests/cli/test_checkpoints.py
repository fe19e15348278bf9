"""`tapewatch checkpoints`: what is saved is listed, and an operator can go back to an older one."""

import asyncio
import json
from pathlib import Path

from pipeline.bus import Bus
from pipeline.bus.checkpoints import packed
from pipeline.bus.embedded import EmbeddedServer
from pipeline.config.schema import EmbeddedBus
from tests.cli.command_line import tapewatch, write_configuration


def save(folder: Path) -> None:
    settings = EmbeddedBus(path=folder / "nats")

    async def run() -> None:
        async with EmbeddedServer(settings), await Bus.connect(settings, name="test") as bus:
            for lane in ("detections", "market"):
                checkpoints = await bus.checkpoints(lane)
                for sequence in (10, 20, 30):
                    stored = b"".join(packed([b"state"]))
                    await checkpoints.save(7, sequence, stored, rules="abcdef" * 10)

    asyncio.run(run())


def sequences(folder: Path, lane: str) -> list[int]:
    answer = tapewatch("checkpoints", "list", "--json", folder=folder)
    assert answer.code == 0, answer
    found = [json.loads(line) for line in answer.out.splitlines()]
    return [one["sequence"] for one in found if one["lane"] == lane]


def test_they_are_listed_and_dropped(tmp_path: Path) -> None:
    write_configuration(tmp_path)
    save(tmp_path)
    table = tapewatch("checkpoints", "list", folder=tmp_path)
    assert table.code == 0, table
    assert "detections" in table.out
    assert "abcdefabcdef" in table.out
    assert sequences(tmp_path, "market") == [10, 20, 30]

    back = tapewatch("checkpoints", "drop", "market", "--after", "10", folder=tmp_path)
    assert back.code == 0, back
    assert back.out.strip() == "dropped 2 of lane market; it will go on from 10"
    assert sequences(tmp_path, "market") == [10]
    assert sequences(tmp_path, "detections") == [10, 20, 30], "other lanes keep theirs"

    everything = tapewatch("checkpoints", "drop", "market", folder=tmp_path)
    assert everything.out.strip() == "dropped 1 of lane market; it will be rebuilt from EVENTS"
    nothing = tapewatch("checkpoints", "drop", "market", folder=tmp_path)
    assert nothing.code == 1
    assert "lane market has no checkpoint: see `tapewatch checkpoints list`" in nothing.error


def test_while_it_runs_nothing_is_dropped(tmp_path: Path) -> None:
    write_configuration(tmp_path)
    save(tmp_path)

    async def run() -> None:
        async with EmbeddedServer(EmbeddedBus(path=tmp_path / "nats")):
            answer = await asyncio.to_thread(
                tapewatch, "checkpoints", "drop", "market", folder=tmp_path
            )
            assert answer.code == 1
            assert "stop it first" in answer.error

    asyncio.run(run())
    assert sequences(tmp_path, "market") == [10, 20, 30]
