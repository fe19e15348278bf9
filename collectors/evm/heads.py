"""The newest block that a node knows, by subscription and, since that may go silent, by asking."""

import asyncio
from typing import NoReturn

import structlog

from collectors.connection import EndpointFault
from collectors.evm.blocks import Header, is_null, read_header
from collectors.evm.rpc import RpcClient, RpcError, Subscription
from collectors.watching import Watching

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: Seconds between questions where the node has no ``newHeads``.
POLL_WITHOUT_SUBSCRIPTION = 1.0
#: A connection whose subscription stays silent is given up when asking has found a newer head so
#: many times in a row.
_MOST_MISSES = 3


class HeadWatch(Watching):
    """Keeps the newest head, and only that.

    Asking when nothing came for ``poll_every`` seconds also shows
    the watchdog that the node lives, and finds what a node doesn't announce.
    """

    def __init__(self, rpc: RpcClient, *, poll_every: float) -> None:
        super().__init__()
        self._rpc = rpc
        self._poll_every = poll_every
        self._newest: Header | None = None

    @property
    def newest(self) -> Header:
        """The newest head. There is one after the first :meth:`changed`."""
        assert self._newest is not None
        return self._newest

    async def changed(self) -> Header:
        """The newest head, once there is another than at the last call.

        Raises an EndpointFault of some kind when the node can't be watched any longer.
        """
        await self._told()
        return self.newest

    async def refresh(self) -> Header:
        """Ask for the newest head now."""
        answer = await self._rpc.call("eth_getBlockByNumber", "latest", False)
        if is_null(answer):
            raise EndpointFault("the node has no latest block")
        return self._saw(read_header(answer))

    async def _watch(self) -> NoReturn:
        subscription = await self._subscribe()
        await self.refresh()
        if subscription is not None:
            await self._follow(subscription)
        while True:
            await asyncio.sleep(min(self._poll_every, POLL_WITHOUT_SUBSCRIPTION))
            await self.refresh()

    async def _subscribe(self) -> Subscription | None:
        try:
            return await self._rpc.subscribe("newHeads", most=1)
        except RpcError as error:
            _log.warning(
                "no newHeads subscription; asking for the head instead",
                endpoint=self._rpc.endpoint,
                reason=str(error),
            )
            return None

    async def _follow(self, subscription: Subscription) -> NoReturn:
        announced = self.newest.number
        misses = 0
        while True:
            try:
                async with asyncio.timeout(self._poll_every):
                    header = read_header(await subscription.next())
                announced = header.number
                misses = 0
                self._saw(header)
            except TimeoutError:
                header = await self.refresh()
                misses = misses + 1 if header.number > announced else 0
                if misses >= _MOST_MISSES:
                    raise EndpointFault(
                        f"newHeads went silent at block {announced}; the head is {header.number}"
                    ) from None

    def _saw(self, header: Header) -> Header:
        if self._newest is None or header.hash != self._newest.hash:
            self._newest = header
            self._tell()
        return header
