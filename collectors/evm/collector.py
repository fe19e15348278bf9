"""The collector of an EVM chain: where it goes on, which chain it is, and one session per link."""

import asyncio
from collections.abc import Coroutine
from typing import Any, NoReturn

import msgspec
import structlog

from collectors.connection import Connector, EndpointFault, Link, SourceMisconfigured
from collectors.evm.assembly import BlockAssembler, Chain, LogReader
from collectors.evm.blocks import read_position
from collectors.evm.checks import RestrictionChecker
from collectors.evm.feeds import FeedBook
from collectors.evm.flash_loan_topics import FLASH_LOAN_TOPICS
from collectors.evm.following import Cursor, Follower
from collectors.evm.heads import HeadWatch
from collectors.evm.identity_topics import IDENTITY_TOPICS
from collectors.evm.native_transfers import NativeTransfers
from collectors.evm.pending import PendingWatch
from collectors.evm.pending_filter import PendingFilter
from collectors.evm.resuming import read_newest, resume_branch
from collectors.evm.rpc import RpcClient
from collectors.evm.sending import PROTOCOL, BlockSender
from collectors.evm.state_calls import AnswerCache
from collectors.evm.watched import Addresses, Watched
from collectors.watching import follow
from pipeline.config.sources import EvmSource
from pipeline.frames import Frame
from pipeline.outlet import FrameOutlet
from pipeline.units import SECOND

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_POLLS_PER_STALENESS = 3


class EvmCollector:
    """Sends one frame per block of the chain, as :mod:`pipeline.evm_payload` describes.

    Frames in between tell of blocks that were passed over, reorganisations and finality
    (:mod:`pipeline.chain_notices`). Positions are ``<number>:<hash>`` of the block behind which a
    run goes on, with more behind a second colon for those. Besides ``watched`` it watches the
    configuration's ``contracts``.

    With ``pending`` in the configuration, an outlet of its own takes what is announced before any
    block has it (:mod:`pipeline.pending_payload`).
    """

    def __init__(
        self,
        config: EvmSource,
        watched: Watched,
        outlet: FrameOutlet,
        pending: FrameOutlet | None = None,
    ) -> None:
        self._config = config
        self._watched = watched.with_others(config.contracts)
        self._outlet = outlet
        self._sender = BlockSender(outlet, max_frame=config.max_frame)
        self._cursor = Cursor(
            config.start_block, config.backfill_range, config.reorganisation_depth
        )
        topics = (IDENTITY_TOPICS if config.identities else ()) + (
            FLASH_LOAN_TOPICS if config.flash_loans else ()
        )
        self._addresses = Addresses(self._watched.addresses, topics, self._watched.pools)
        self._feeds = FeedBook(self._watched.feeds, self._addresses)
        self._native_transfers = NativeTransfers(config.native_transfers, watched.wallets)
        self._answers = AnswerCache()
        self._pending = None if pending is None else self._watch_pending(pending)
        self._chain_id = config.chain_id
        self._chain_known_from = "the configuration"
        outlet.state.protocol = PROTOCOL

    async def run(self) -> NoReturn:
        """Collect until cancelled. Raises SourceMisconfigured when only a person can help."""
        last = await self._outlet.last()
        if last is not None:
            await self._resume(last)
        connector = Connector(
            self._config.endpoints,
            self._config.reconnection,
            self._outlet.state,
            max_frame=self._config.max_frame,
            # A node on this machine or in this network would only lose time by compressing.
            compression=None,
            acknowledge_at_once=True,
        )
        await connector.run(self._session)

    async def _resume(self, last: Frame) -> None:
        branch = self._cursor.branch
        # Twice as many as blocks are followed back: some frames are no blocks.
        sent = await self._outlet.sent(2 * self._config.reorganisation_depth)
        try:
            here = read_position(last.position)
            self._sender.orphaned(resume_branch(branch, sent))
        except ValueError:
            raise SourceMisconfigured(
                f"source {self._config.name}: the newest frame in the stream has the position "
                f"{last.position!r}, which is none of an EVM chain; give this source another name"
            ) from None
        newest = read_newest(last)
        if newest.chain_id is not None:
            self._check_chain(newest.chain_id, "the newest frame in the stream")
        if branch.last != here:
            branch.clear()
            branch.add(*here)
        if newest.parent is not None and here[0] > 0 and branch.oldest == here:
            branch.add_older(newest.parent)
        self._cursor.timestamp = newest.timestamp
        _log.info("going on", source=self._config.name, behind=last.position)

    async def _session(self, link: Link) -> None:
        config = self._config
        timeout = config.request_timeout / SECOND
        async with RpcClient(link, timeout=timeout) as rpc:
            answer = await rpc.call("eth_chainId")
            try:
                chain_id = int(msgspec.json.decode(answer, type=str), 16)
            except (msgspec.MsgspecError, ValueError):
                raise EndpointFault(f"{link.endpoint}: eth_chainId gave no number") from None
            self._check_chain(chain_id, f"the node at {link.endpoint}")
            chain = Chain(chain_id, config.network)
            assembler = BlockAssembler(
                rpc,
                chain,
                self._watched,
                self._addresses,
                self._feeds,
                self._native_transfers,
                RestrictionChecker(rpc, self._watched, config.checks, self._answers, config.name),
                explain_refusals=config.explain_refusals,
            )
            poll_every = config.reconnection.stale_after / SECOND / _POLLS_PER_STALENESS
            async with HeadWatch(rpc, poll_every=poll_every) as heads:
                follower = Follower(
                    rpc,
                    heads,
                    chain,
                    assembler,
                    LogReader(rpc, self._addresses),
                    self._sender,
                    self._cursor,
                    self._outlet.state,
                    self._pending,
                )
                await self._feeds.ask(rpc)
                work = [self._follow(heads, follower), self._feeds.keep_asking(rpc)]
                if self._pending is not None:
                    work.append(self._pending.run(rpc, chain))
                await _until_one_ends(*work)

    def _watch_pending(self, outlet: FrameOutlet) -> PendingWatch:
        callees = frozenset(one.lower() for one in self._config.pending_calls)
        chosen = PendingFilter(self._watched.addresses, callees, self._native_transfers)
        return PendingWatch(self._config, chosen.matters, outlet)

    async def _follow(self, heads: HeadWatch, follower: Follower) -> NoReturn:
        while True:
            await follow(heads.changed, follower, finality_every=self._config.finality_every)

    def _check_chain(self, chain_id: int, where: str) -> None:
        if self._chain_id is None:
            self._chain_id, self._chain_known_from = chain_id, where
        elif chain_id != self._chain_id:
            raise SourceMisconfigured(
                f"source {self._config.name}: {where} is of chain {chain_id}, but "
                f"{self._chain_known_from} says chain {self._chain_id}; correct `chain_id` or "
                f"`endpoints`, or give the source of another chain another name"
            )


async def _until_one_ends(*work: Coroutine[Any, Any, None]) -> None:
    """Do these side by side until one ends; raises what that one raised."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
