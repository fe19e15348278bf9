"""The packaged server in bad luck: two at once, one that was killed, a disk that is full."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pipeline.bus.embedded import EmbeddedServer, EmbeddedServerFailed, running_server
from tests.pipeline.test_bus import (
    bus,
    configuration,
    server,
)

__all__ = ["bus", "server"]


async def until_killed(store: Path, lines: str) -> None:
    """Another process runs these lines, which kill it."""
    program = (
        "import asyncio, os, sys, signal\n"
        "from pathlib import Path\n"
        "from pipeline.bus.embedded import EmbeddedServer\n"
        "from pipeline.config.schema import EmbeddedBus\n"
    ) + lines
    run = [sys.executable, "-c", program, str(store)]
    done = await asyncio.to_thread(subprocess.run, run, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL


async def test_two_servers_that_start_at_once_never_share_a_store(tmp_path: Path) -> None:
    servers = [EmbeddedServer(configuration(tmp_path / "nats")) for _ in range(2)]
    outcomes = await asyncio.gather(*(s.start() for s in servers), return_exceptions=True)
    try:
        refused = [o for o in outcomes if isinstance(o, EmbeddedServerFailed)]
        assert len(refused) == 1
        assert "another Tapewatch runs" in str(refused[0])
    finally:
        for one in servers:
            await one.stop()


async def test_a_store_is_its_servers_own_even_when_its_file_is_gone(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    (tmp_path / "nats" / "server.json").unlink()

    with pytest.raises(EmbeddedServerFailed, match="another Tapewatch runs"):
        await EmbeddedServer(configuration(tmp_path / "nats")).start()


async def test_a_server_is_stopped_by_the_next_whose_tapewatch_was_killed_while_it_started(
    tmp_path: Path,
) -> None:
    store = tmp_path / "nats"
    await until_killed(
        store,
        "class Killed(EmbeddedServer):\n"
        "    async def _wait_until_ready(self, log):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(Killed(EmbeddedBus(path=Path(sys.argv[1]))).start())\n",
    )
    assert not (store / "server.json").exists()

    async with EmbeddedServer(configuration(store)) as mine:
        assert running_server(store) == mine


async def test_a_server_whose_tapewatch_was_killed_is_stopped_by_the_next(tmp_path: Path) -> None:
    store = tmp_path / "nats"
    await until_killed(
        store,
        "async def main():\n"
        "    await EmbeddedServer(EmbeddedBus(path=Path(sys.argv[1]))).start()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n",
    )
    orphan = running_server(store)
    assert orphan is not None

    async with EmbeddedServer(configuration(store)) as mine:
        assert mine.pid != orphan.pid
        assert msgspec.structs.astuple(mine)[0] != orphan.url


async def test_a_store_that_could_not_be_written_can_be_had_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the disk is full while a server that died is started again."""
    monkeypatch.setattr("pipeline.bus.store_lock._STOP_TIMEOUT", 0.2)
    config = configuration(tmp_path / "nats")
    config.path.mkdir()
    (config.path / "server.new").mkdir()  # where the configuration is written first
    embedded = EmbeddedServer(config)
    with pytest.raises(EmbeddedServerFailed, match="can't write"):
        await embedded.start()
    (config.path / "server.new").rmdir()
    await embedded.start()
    await embedded.stop()


async def test_a_store_is_nobodys_when_its_server_could_not_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration(tmp_path / "nats")
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.bus.embedded.server_binary", lambda: tmp_path / "nothing")
        with pytest.raises(EmbeddedServerFailed, match="nothing"):
            await EmbeddedServer(config).start()
    async with EmbeddedServer(config):
        pass
