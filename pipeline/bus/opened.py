"""A bus for a while: also where nothing runs, since the embedded server's store can be read."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from pipeline.bus.connection import Bus
from pipeline.bus.embedded import EmbeddedServer, running_server
from pipeline.config.schema import EmbeddedBus, ExternalBus
from pipeline.failure import FAILED, Failure


@asynccontextmanager
async def opened_bus(settings: EmbeddedBus | ExternalBus, *, name: str) -> AsyncGenerator[Bus]:
    """Connect; the embedded server is started for as long as that where it doesn't run.

    Raises Failure.
    """
    async with AsyncExitStack() as stack:
        if isinstance(settings, EmbeddedBus) and running_server(settings.path) is None:
            if not settings.path.is_dir():
                raise Failure(
                    f"there is no stream at {settings.path} yet: start one with `tapewatch run`",
                    FAILED,
                )
            await stack.enter_async_context(EmbeddedServer(settings))
        yield await stack.enter_async_context(await Bus.connect(settings, name=name))
