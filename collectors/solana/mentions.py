"""Which slots have transactions that name a watched mint, so that only these need be fetched.

``logsSubscribe`` says at once that there is something, one address a subscription;
``getSignaturesForAddress`` says what, and is the one that counts: a notification that is lost only
costs time. A ``Transfer`` (not ``TransferChecked``) names no mint: it is not found this way.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import msgspec
import structlog
from msgspec import Struct

from collectors.connection import EndpointFault
from collectors.evm.rpc import RpcClient, RpcError, Subscription
from collectors.solana.blocks import Commitment, SlotReader
from collectors.solana.slots import SlotWatch

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: Subscriptions of one connection; more mints are only asked for from time to time.
_MOST_SUBSCRIPTIONS = 100
#: Slots behind the newest one: a node's index of addresses follows a little later.
MARGIN = 4
_AT_ONCE = 8


class _Context(Struct):
    slot: int


class _Notification(Struct):
    context: _Context


_notification = msgspec.json.Decoder(_Notification)


class Mentions:
    """Finds slots by the addresses that their transactions name."""

    def __init__(
        self,
        pubsub: RpcClient,
        reader: SlotReader,
        slots: SlotWatch,
        addresses: Sequence[str],
        commitment: Commitment,
        *,
        ask_every: float,
    ) -> None:
        self._pubsub = pubsub
        self._reader = reader
        self._slots = slots
        self._addresses = addresses
        self._commitment = commitment
        self._ask_every = ask_every
        self._tasks: list[asyncio.Task[None]] = []
        self._announced = -1
        #: Something was announced where nothing was found: late, or on another branch.
        self._unseen = False
        self._asked = 0.0
        self._found: set[int] = set()
        self._complete = -1

    async def __aenter__(self) -> Self:
        for address in self._addresses[:_MOST_SUBSCRIPTIONS]:
            try:
                subscription = await self._pubsub.subscribe(
                    {"mentions": [address]},
                    {"commitment": self._commitment},
                    most=1,
                    method="logsSubscribe",
                )
            except RpcError as error:
                _log.warning("no logsSubscribe; asking from time to time", reason=str(error))
                break
            self._tasks.append(asyncio.create_task(self._note(subscription)))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def due(self) -> bool:
        """Whether something was announced, or it is time to ask."""
        if self._unseen or self._announced > self._complete:
            return True
        return asyncio.get_running_loop().time() >= self._asked + self._ask_every

    async def find(self, first: int, upto: int) -> bool:
        """Ask for all slots from ``first`` to ``upto``; False where the node is not so far."""
        few = asyncio.Semaphore(_AT_ONCE)

        async def ask(address: str) -> set[int] | None:
            async with few:
                return await self._reader.mentioned(address, first, upto)

        answers = await asyncio.gather(*(ask(address) for address in self._addresses))
        if any(answer is None for answer in answers):
            return False
        self._unseen = False
        self._found = {slot for answer in answers if answer is not None for slot in answer}
        self._complete = upto
        self._asked = asyncio.get_running_loop().time()
        return True

    def among(self, slots: Sequence[int]) -> list[int]:
        """Those of the slots that matter, and the newest of them, which says how far we are."""
        return [slot for slot in slots if slot in self._found or slot == slots[-1]]

    @property
    def complete(self) -> int:
        """Up to which slot it is known what matters."""
        return self._complete

    def forget(self) -> None:
        """The chain went back: what was found may be of the branch that it left."""
        self._found, self._complete, self._asked = set(), -1, 0.0

    async def _note(self, subscription: Subscription) -> None:
        try:
            while True:
                slot = _notification.decode(await subscription.next()).context.slot
                self._announced = max(self._announced, slot)
                self._unseen |= slot <= self._complete and slot not in self._found
                self._slots.wake()
        except (EndpointFault, msgspec.MsgspecError) as error:
            # Where the connection ended, others say so; what is announced only saves time.
            _log.info("no more announcements of a mint", reason=str(error))
