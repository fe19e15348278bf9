"""How a command asks the bus something: once, with only the answer on standard output."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pipeline.bus import Bus
    from pipeline.bus.command_notes import CommandNote

T = TypeVar("T")


def ask_bus(
    config: Path,
    name: str,
    ask: "Callable[[Bus], Awaitable[T]]",
    *,
    note: "CommandNote | None" = None,
    running: bool = False,
) -> T:
    """What ``ask`` finds on the bus of a configuration. Raises ProblemsFound and Failure.

    `note`: what is about to be done, for the audit log. `running`: it is of something that runs;
    else an embedded bus of which nothing runs is opened for as long as that.
    """
    import asyncio
    from contextlib import AsyncExitStack

    from pipeline import logs
    from pipeline.bus import Bus
    from pipeline.bus.opened import opened_bus
    from pipeline.cli.noting import noted
    from pipeline.config.loading import load_configuration

    # Secrets of sources and sinks are none of its business.
    loaded = load_configuration(config, resolve="later")
    logs.configure(loaded.logging, stage=name)

    async def connect_and_ask() -> T:
        async with AsyncExitStack() as stack:
            if running:
                bus = await stack.enter_async_context(await Bus.connect(loaded.bus, name=name))
            else:
                bus = await stack.enter_async_context(opened_bus(loaded.bus, name=name))
            if note is not None:
                await noted(bus, loaded, note)
            return await ask(bus)

    return asyncio.run(connect_and_ask())
