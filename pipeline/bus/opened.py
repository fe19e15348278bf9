"""A bus for a while: also where nothing runs, since the embedded server's store can be read."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pipeline.bus.connection import Bus
from pipeline.bus.embedded import EmbeddedServer, StoreInUse, running_server
from pipeline.bus.store_lock import SETTINGS_FILE
from pipeline.config.schema import EmbeddedBus, ExternalBus
from pipeline.failure import FAILED, Failure
from pipeline.system_users import current_user, owner_of

#: For how long a server that somebody else starts is waited for.
PATIENCE = 10.0
_PAUSE = 0.1


@asynccontextmanager
async def opened_bus(settings: EmbeddedBus | ExternalBus, *, name: str) -> AsyncGenerator[Bus]:
    """Connect; the embedded server is started for as long as that where it doesn't run.

    Raises Failure.
    """
    async with AsyncExitStack() as stack:
        if isinstance(settings, EmbeddedBus):
            await _serve(settings, stack)
        yield await stack.enter_async_context(await Bus.connect(settings, name=name))


async def _serve(settings: EmbeddedBus, stack: AsyncExitStack) -> None:
    """Start the server where none runs. One that starts just now is waited for."""
    until = time.monotonic() + PATIENCE
    while running_server(settings.path) is None:
        _check_owner(settings.path)
        try:
            await stack.enter_async_context(EmbeddedServer(settings))
            return
        except StoreInUse:
            if time.monotonic() >= until:
                raise
            await asyncio.sleep(_PAUSE)


def _check_owner(store: Path) -> None:
    """Raises Failure unless its server's files are this user's.

    What root's server writes, and that may be done by looking, the owner's can't read any more.
    """
    if not store.is_dir():
        raise Failure(f"there is no stream at {store} yet: start one with `tapewatch run`", FAILED)
    try:
        owner = owner_of((store / SETTINGS_FILE).stat())
    except FileNotFoundError:
        return
    if owner != current_user():
        raise Failure(
            f"nothing runs on {store}, whose files are {owner}'s: do this as {owner}, or while "
            "Tapewatch runs",
            FAILED,
        )
