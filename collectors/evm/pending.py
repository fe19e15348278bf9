"""What a node announces of transactions that no block has yet (``newPendingTransactions``).

Nodes that can give whole transactions are asked for them, others announce hashes and are asked for
each. Of both no more are taken than ``pending_per_second``; how many were not looked at is told.
Source: geth's "Real-time events", whose second parameter `true` asks for whole transactions.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

import msgspec
import structlog
from msgspec import Raw

from collectors.connection import EndpointFault
from collectors.evm.assembly import Chain
from collectors.evm.blocks import BlockHash, Header, Transaction, is_null, read_transaction
from collectors.evm.pending_tracking import Fact, Matters, PendingTracker, Slot
from collectors.evm.rpc import RequestTimeout, RpcClient, RpcError, Subscription
from collectors.gaps import count_gap
from pipeline.config.sources import EvmSource
from pipeline.exception_groups import first_leaf
from pipeline.frames import WHOLE_SOURCE, Frame, GapNotice
from pipeline.metrics import PENDING_SKIPPED
from pipeline.outlet import FrameOutlet
from pipeline.pending_payload import NOTHING, PROTOCOL, PendingNotice, encode_pending
from pipeline.source_state import now
from pipeline.units import SECOND

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: Announcements that wait to be looked at; beyond them the oldest is skipped.
MOST_WAITING = 4_096
#: Requests for transactions, where a node announces hashes, that are under way at once.
_ASKING = 8
#: Seconds between two looks at what was skipped, and at what has been pending for long.
_EVERY = 5.0
#: Transactions that are asked about in one look.
_MOST_OVERDUE = 256
_RATE = "over pending_per_second"
_WAITED = "came faster than they could be looked at"
_UNKNOWN = "the node announced them, and did not know them when it was asked"
_FORGOTTEN = "too many were followed"


class PendingWatch:
    """Sends a frame for each fact about a pending transaction. It outlives connections."""

    def __init__(self, config: EvmSource, matters: Matters, outlet: FrameOutlet) -> None:
        self._config = config
        self._outlet = outlet
        self._tracker = PendingTracker(matters)
        self._facts: deque[Fact] = deque()
        self._stirred = asyncio.Event()
        self._newest = 0
        self._lost_since: int | None = None
        self._began = False
        self._allowance = float(config.pending_per_second)
        self._allowed_at = 0.0
        self._skipped: dict[str, int] = {}
        outlet.state.protocol = PROTOCOL

    # What the chain's own collector tells, between two blocks that it sends.

    def block(self, header: Header, transactions: Sequence[Transaction]) -> None:
        """A block was added to the chain."""
        self._put(self._tracker.block(header, transactions))

    def orphaned(self, blocks: Iterable[BlockHash]) -> None:
        """Blocks left the chain."""
        self._put(self._tracker.orphaned(blocks, now()))

    async def run(self, rpc: RpcClient, chain: Chain) -> None:
        """Follow one connection until it is lost. Raises what the connection raises."""
        state = self._outlet.state
        subscription = await self._subscribe(rpc)
        await self._tell_break()
        state.endpoint = rpc.endpoint
        state.connection = "connected"
        try:
            work = [self._send(chain), self._look_around(rpc, subscription)]
            if subscription is not None:
                work += [self._take(rpc, subscription) for _ in range(_ASKING)]
            async with asyncio.TaskGroup() as group:
                for one in work:
                    group.create_task(one)
        except BaseExceptionGroup as failures:
            raise first_leaf(failures) from None
        finally:
            self._lost_since = now()
            state.connection = "reconnecting"

    async def _subscribe(self, rpc: RpcClient) -> Subscription | None:
        state = self._outlet.state
        for parameters in (("newPendingTransactions", True), ("newPendingTransactions",)):
            try:
                subscription = await rpc.subscribe(*parameters, most=MOST_WAITING)
            except RpcError as error:
                state.trouble = f"the node doesn't announce pending transactions: {error}"
            else:
                state.trouble = ""
                return subscription
        _log.warning("no pending transactions", source=state.source, reason=state.trouble)
        return None

    async def _tell_break(self) -> None:
        """What was announced before this connection, and behind the last one, is unknown."""
        since = self._lost_since
        if not self._began:
            self._began = True
            last = await self._outlet.last()
            since = None if last is None else last.received
        if since is not None:
            seconds = max(0, now() - since) / SECOND
            await self._gap(f"what was pending in {seconds:.1f} s without a connection is unknown")

    async def _take(self, rpc: RpcClient, subscription: Subscription) -> None:
        while True:
            transaction = await self._transaction(rpc, await subscription.next())
            if transaction is not None:
                self._put(self._tracker.seen(transaction, now()))

    async def _transaction(self, rpc: RpcClient, announced: Raw) -> Transaction | None:
        """The transaction, where it is one to follow and there is room for it."""
        if not bytes(announced).startswith(b'"'):
            transaction = read_transaction(announced)
            news = self._tracker.wants(transaction.hash) and self._tracker.concerns(transaction)
            return transaction if news and self._allow() else None
        try:
            name = msgspec.json.decode(announced, type=str).lower()
        except msgspec.MsgspecError as error:
            raise EndpointFault(f"newPendingTransactions: no hash: {error}") from None
        if not self._tracker.wants(name) or not self._allow():
            return None
        try:
            answer = await rpc.call("eth_getTransactionByHash", name)
        except (RpcError, RequestTimeout):
            answer = Raw(b"null")
        if is_null(answer):
            # Replaced within a blink, or the node that was asked is another than that which told.
            self._skip(_UNKNOWN)
            return None
        return read_transaction(answer)

    def _allow(self) -> bool:
        """Whether one more may be taken now: at most ``pending_per_second``, over one second."""
        at = asyncio.get_running_loop().time()
        most = float(self._config.pending_per_second)
        self._allowance = min(most, self._allowance + (at - self._allowed_at) * most)
        self._allowed_at = at
        if self._allowance < 1:
            self._skip(_RATE)
            return False
        self._allowance -= 1
        return True

    def _skip(self, why: str, count: int = 1) -> None:
        self._skipped[why] = self._skipped.get(why, 0) + count

    async def _look_around(self, rpc: RpcClient, subscription: Subscription | None) -> None:
        """From time to time: say what was skipped, and ask about what has been pending for long."""
        dropped = forgotten = 0
        while True:
            await asyncio.sleep(min(_EVERY, self._config.pending_dropped_after / SECOND / 2))
            if subscription is not None and subscription.dropped > dropped:
                self._skip(_WAITED, subscription.dropped - dropped)
                dropped = subscription.dropped
            if self._tracker.forgotten > forgotten:
                self._skip(_FORGOTTEN, self._tracker.forgotten - forgotten)
                forgotten = self._tracker.forgotten
            await self._tell_skipped()
            overdue = self._tracker.overdue(now() - self._config.pending_dropped_after)
            for slot in overdue[:_MOST_OVERDUE]:
                await self._ask_again(rpc, slot)

    async def _tell_skipped(self) -> None:
        skipped, self._skipped = self._skipped, {}
        for why, count in skipped.items():
            PENDING_SKIPPED.labels(self._outlet.state.source, why).inc(count)
            await self._gap(f"{count} pending transactions were not followed: {why}")

    async def _ask_again(self, rpc: RpcClient, slot: Slot) -> None:
        for version in reversed(slot.versions):
            try:
                answer = await rpc.call("eth_getTransactionByHash", version.transaction.hash)
            except (RpcError, RequestTimeout):
                answer = None
            if answer is None or not is_null(answer):
                self._tracker.still_there(slot, now())
                return
        self._put(self._tracker.gone(slot))

    def _put(self, facts: Iterable[Fact]) -> None:
        self._facts.extend(facts)
        self._stirred.set()

    async def _send(self, chain: Chain) -> None:
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            while self._facts:
                fact = self._facts.popleft()
                notice = PendingNotice(
                    what=fact.what,
                    chain_id=chain.id,
                    network=chain.network,
                    first_seen=fact.first_seen,
                    transaction=fact.transaction.raw,
                    by=NOTHING if fact.by is None else fact.by.raw,
                    block=fact.block,
                    index=fact.index,
                    transactions=fact.transactions,
                    again=fact.again,
                )
                at = max(self._moment(), fact.first_seen)
                position = f"{at}:{fact.transaction.hash}:{fact.what}"
                await self._outlet.send(Frame(position, at, encode_pending(notice)))

    async def _gap(self, reason: str) -> None:
        at = self._moment()
        notice = GapNotice(instrument=WHOLE_SOURCE, reason=reason)
        await self._outlet.send(Frame(f"{at}:gap", at, msgspec.json.encode(notice), kind="gap"))
        state = self._outlet.state
        count_gap(state)
        _log.warning("a gap in pending transactions", source=state.source, reason=reason)

    def _moment(self) -> int:
        """The time by our clock; each is later than the one before, so that positions differ."""
        self._newest = max(now(), self._newest + 1)
        return self._newest
