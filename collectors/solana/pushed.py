"""Blocks that a node pushes by ``blockSubscribe``, where it allows that.

It is an unstable method: a validator has it with ``--rpc-pubsub-enable-block-subscription`` only,
and providers say that it leaves blocks out. So nothing rests on it: it saves the question for a
block that came already.
"""

import asyncio
from collections import OrderedDict
from types import TracebackType
from typing import Self

import msgspec
import structlog
from msgspec import Raw, Struct

from collectors.connection import EndpointFault
from collectors.evm.blocks import is_null
from collectors.evm.rpc import RpcClient, RpcError, Subscription
from collectors.solana.blocks import BlockPart, Commitment, MentionFilter

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: Whole blocks, some megabytes each, that wait to be looked through.
_MOST_WHOLE = 4
#: What is left of blocks, until they are asked for.
_MOST_KEPT = 256
#: Seconds that a block which is just confirmed may take to come.
PATIENCE = 0.3


class _Update(Struct):
    slot: int
    block: Raw = Raw(b"null")


class _Notification(Struct):
    value: _Update


_notification = msgspec.json.Decoder(_Notification)


class PushedBlocks:
    """Keeps what matters of the blocks that were pushed. Use it as an async context manager."""

    def __init__(self, pubsub: RpcClient, commitment: Commitment, mentions: MentionFilter) -> None:
        self._pubsub = pubsub
        self._commitment = commitment
        self._mentions = mentions
        self._kept: OrderedDict[int, BlockPart] = OrderedDict()
        self._came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: Whether the node pushes blocks.
        self.active = False

    async def __aenter__(self) -> Self:
        options = {
            "commitment": self._commitment,
            "encoding": "json",
            "transactionDetails": "full",
            "maxSupportedTransactionVersion": 0,
            "showRewards": False,
        }
        try:
            subscription = await self._pubsub.subscribe(
                "all", options, most=_MOST_WHOLE, method="blockSubscribe"
            )
        except RpcError as error:
            _log.info("blocks are asked for one by one", reason=str(error))
            return self
        self.active = True
        self._task = asyncio.create_task(self._read(subscription))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def take(self, slot: int, *, patience: float) -> BlockPart | None:
        """The block of a slot, once; None if it doesn't come within ``patience`` seconds."""
        try:
            async with asyncio.timeout(patience if self.active else 0):
                while slot not in self._kept:
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            return None
        return self._kept.pop(slot)

    async def _read(self, subscription: Subscription) -> None:
        try:
            while True:
                self._keep(await subscription.next())
        except EndpointFault as fault:
            self.active = False
            _log.info("no more blocks are pushed", reason=str(fault))

    def _keep(self, raw: Raw) -> None:
        try:
            update = _notification.decode(raw).value
        except msgspec.MsgspecError as error:
            raise EndpointFault(f"blockSubscribe: no block was pushed: {error}") from None
        if is_null(update.block):
            return  # an error at the node; the block is asked for
        self._kept[update.slot] = self._mentions.read(update.slot, update.block)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        self._came.set()
