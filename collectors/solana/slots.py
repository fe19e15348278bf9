"""The newest slot of a commitment level: announced by subscription, and asked for.

``slotSubscribe`` tells of each slot as soon as it is processed; which slot is confirmed is asked
for then. ``rootSubscribe`` tells which slot is finalized.
"""

import asyncio
from typing import NoReturn

import msgspec
import structlog
from msgspec import Struct

from collectors.connection import EndpointFault
from collectors.evm.rpc import RpcClient, RpcError, Subscription
from collectors.solana.blocks import SlotReader
from collectors.watching import Watching

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: Seconds between questions where the node has no ``slotSubscribe``.
POLL_WITHOUT_SUBSCRIPTION = 0.5
#: A connection whose subscription stays silent is given up when asking has found a newer slot so
#: many times in a row.
_MOST_MISSES = 3


class _Announced(Struct):
    slot: int


class SlotWatch(Watching):
    """Keeps the newest slots, and only these."""

    def __init__(
        self, pubsub: RpcClient, reader: SlotReader, *, poll_every: float, stale_after: float
    ) -> None:
        """``stale_after``: seconds without a new slot after which the node is given up."""
        super().__init__()
        self._pubsub = pubsub
        self._reader = reader
        self._poll_every = poll_every
        self._stale_after = stale_after
        self._moved = asyncio.get_running_loop().time()
        #: The newest slot that has the wanted commitment.
        self.newest = -1
        #: The newest slot that a node has processed at all.
        self.processed = -1
        #: The newest finalized slot that the node told of; -1 where it doesn't tell.
        self.root = -1

    async def changed(self) -> int:
        """The newest slot, once there is another than at the last call. Raises EndpointFault."""
        await self._told()
        return self.newest

    def wake(self) -> None:
        """Have :meth:`changed` return although no slot is new."""
        self._tell()

    async def refresh(self) -> int:
        """Ask for the newest slot now."""
        newest = await self._reader.newest()
        if newest != self.newest:
            # A lower one, of another node behind one address, is taken as it is.
            self.newest = newest
            self._tell()
        self._saw(newest)
        return newest

    def _saw(self, slot: int) -> None:
        """Raises EndpointFault when slots have stood still for too long."""
        now = asyncio.get_running_loop().time()
        if slot > self.processed:
            self.processed, self._moved = slot, now
        elif now - self._moved > self._stale_after:
            raise EndpointFault(
                f"{self._reader.endpoint}: no slot behind {self.processed} for "
                f"{self._stale_after:g} s"
            )

    async def _watch(self) -> None:
        announced = await self._subscribe("slotSubscribe")
        roots = await self._subscribe("rootSubscribe")
        await self.refresh()
        async with asyncio.TaskGroup() as both:
            if roots is not None:
                both.create_task(self._follow_roots(roots))
            if announced is not None:
                await self._follow(announced)
            while True:
                await asyncio.sleep(min(self._poll_every, POLL_WITHOUT_SUBSCRIPTION))
                await self.refresh()

    async def _subscribe(self, method: str) -> Subscription | None:
        try:
            return await self._pubsub.subscribe(most=1, method=method)
        except RpcError as error:
            _log.warning(
                "no subscription; asking instead",
                method=method,
                endpoint=self._pubsub.endpoint,
                reason=str(error),
            )
            return None

    async def _follow(self, subscription: Subscription) -> NoReturn:
        misses = 0
        while True:
            before = self.newest
            try:
                async with asyncio.timeout(self._poll_every):
                    raw = await subscription.next()
                self._saw(msgspec.json.decode(raw, type=_Announced).slot)
                misses = 0
                await self.refresh()
            except msgspec.MsgspecError as error:
                raise EndpointFault(f"slotSubscribe: no slot was announced: {error}") from None
            except TimeoutError:
                await self.refresh()
                misses = misses + 1 if self.newest > before else 0
                if misses >= _MOST_MISSES:
                    raise EndpointFault(
                        f"slotSubscribe went silent at slot {self.processed}"
                    ) from None

    async def _follow_roots(self, subscription: Subscription) -> NoReturn:
        while True:
            try:
                self.root = max(self.root, msgspec.json.decode(await subscription.next(), type=int))
            except msgspec.MsgspecError as error:
                raise EndpointFault(f"rootSubscribe: no slot was announced: {error}") from None
