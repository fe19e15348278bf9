"""A bus that is looked into for a while: of who runs it, and while somebody starts it."""

import asyncio
import os
from pathlib import Path

import pytest

from pipeline.bus import opened
from pipeline.bus.embedded import EmbeddedServer, StoreInUse, running_server
from pipeline.bus.opened import opened_bus
from pipeline.bus.store_lock import SETTINGS_FILE, take
from pipeline.failure import Failure
from tests.fixtures.buses import small_bus


async def test_a_store_is_opened_for_a_look_and_closed_again(tmp_path: Path) -> None:
    settings = small_bus(tmp_path / "nats")
    async with EmbeddedServer(settings):
        pass
    async with opened_bus(settings, name="look") as bus:
        assert bus.client.is_connected
    assert running_server(settings.path) is None
    assert not (settings.path / "server.json").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files another's")
async def test_root_who_looks_leaves_no_files_in_anothers_store(tmp_path: Path) -> None:
    """They would keep who runs Tapewatch from starting it again."""
    settings = small_bus(tmp_path / "nats")
    async with EmbeddedServer(settings):
        pass
    os.chown(settings.path / SETTINGS_FILE, 65534, 65534)
    before = sorted(settings.path.iterdir())
    with pytest.raises(Failure, match=r"nothing runs on .*nats, whose files are .*: do this as "):
        async with opened_bus(settings, name="look"):
            pass
    assert sorted(settings.path.iterdir()) == before


async def test_a_server_that_another_starts_at_the_same_time_is_waited_for(tmp_path: Path) -> None:
    settings = small_bus(tmp_path / "nats")
    settings.path.mkdir()
    starting = take(settings.path / "owner.lock")  # as one that has not started its server yet
    assert starting is not None

    async def look() -> bool:
        async with opened_bus(settings, name="look") as bus:
            return bus.client.is_connected

    looking = asyncio.create_task(look())
    await asyncio.sleep(0.3)
    assert not looking.done()
    os.close(starting)
    assert await looking


async def test_who_holds_a_store_and_serves_nothing_is_not_waited_for_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "PATIENCE", 0.2)
    settings = small_bus(tmp_path / "nats")
    settings.path.mkdir()
    held = take(settings.path / "owner.lock")
    assert held is not None
    with pytest.raises(StoreInUse, match="another Tapewatch runs"):
        async with opened_bus(settings, name="look"):
            pass
    os.close(held)


async def test_a_new_store_lets_in_nobody_though_a_folder_above_hands_on_its_group(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o2755)
    settings = small_bus(tmp_path / "var" / "nats")
    async with EmbeddedServer(settings):
        assert settings.path.stat().st_mode & 0o7777 == 0o700
        assert (settings.path / "server.json").stat().st_mode & 0o777 == 0o600
