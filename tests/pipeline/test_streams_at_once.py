"""Processes that come to a new bus at the same moment all find its streams."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from pipeline.bus import Bus
from pipeline.bus.embedded import EmbeddedServer
from pipeline.config.schema import EmbeddedBus


async def test_many_make_the_streams_at_once(tmp_path: Path) -> None:
    """As `tapewatch status`, asked while `tapewatch run` starts: it must not end the run.

    The streams' limits fill the storage. While two make a stream, its room is taken twice.
    """
    for number in range(2):
        settings = EmbeddedBus(path=tmp_path / str(number))
        async with EmbeddedServer(settings), AsyncExitStack() as stack:
            come = [Bus.connect(settings, name=f"process-{one}") for one in range(6)]
            for bus in await asyncio.gather(*come):
                await stack.enter_async_context(bus)
