"""The collector of Solana: where it goes on, which cluster it is, and one session per link."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import NoReturn

import structlog

from collectors.connection import Connector, EndpointFault, Link, SourceMisconfigured
from collectors.evm.blocks import read_position
from collectors.evm.rpc import RpcClient
from collectors.evm.sending import BlockSender
from collectors.solana.assembly import Cluster, SlotAssembler
from collectors.solana.blocks import MentionFilter, SlotReader
from collectors.solana.following import Cursor, Follower
from collectors.solana.mentions import Mentions
from collectors.solana.node import SolanaNode
from collectors.solana.pushed import PushedBlocks
from collectors.solana.resuming import read_newest, resume_branch
from collectors.solana.slots import SlotWatch
from collectors.watching import follow
from pipeline.chain_ids import chain_number, solana_chain
from pipeline.config.sources import SolanaSource
from pipeline.frames import Frame
from pipeline.outlet import FrameOutlet
from pipeline.secrets import SecretError
from pipeline.units import SECOND

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

PROTOCOL = "solana"
_POLLS_PER_STALENESS = 3
#: Seconds after which mints are asked for that nobody announced, at most.
_ASK_EVERY = 10.0


class SolanaCollector:
    """Sends one frame per block of the chain, as :mod:`pipeline.solana_payload` describes.

    Frames in between tell of blocks that are missing, forks and finality
    (:mod:`pipeline.chain_notices`, whose numbers are slots). Positions are ``<slot>:<hash>`` of the
    block behind which a run goes on, with more behind a second colon for those. Besides ``mints``
    it watches those of the configuration.
    """

    def __init__(self, config: SolanaSource, mints: Iterable[str], outlet: FrameOutlet) -> None:
        self._config = config
        self._mentions = MentionFilter([*mints, *config.mints])
        self._outlet = outlet
        self._sender = BlockSender(outlet, max_frame=config.max_frame, protocol=PROTOCOL)
        self._cursor = Cursor(config.start_slot, config.reorganisation_depth)
        self._chain = config.chain
        self._chain_known_from = "the configuration"
        #: A pushed block that was too large broke the connection: none is asked for any more.
        self._push = config.collect == "blocks"
        outlet.state.protocol = PROTOCOL

    async def run(self) -> NoReturn:
        """Collect until cancelled. Raises SourceMisconfigured when only a person can help."""
        last = await self._outlet.last()
        if last is not None:
            await self._resume(last)
        connector = Connector(
            [endpoint.websocket for endpoint in self._config.endpoints],
            self._config.reconnection,
            self._outlet.state,
            max_frame=self._config.max_frame,
            pongs_are_life=True,
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
                f"{last.position!r}, which is none of Solana; give this source another name"
            ) from None
        newest = read_newest(last)
        if newest.chain is not None:
            self._check_chain(newest.chain, "the newest frame in the stream")
        if branch.last != here:
            branch.clear()
            branch.add(*here)
        self._cursor.timestamp = newest.timestamp
        _log.info("going on", source=self._config.name, behind=last.position)

    async def _session(self, link: Link) -> None:
        config = self._config
        timeout = config.request_timeout / SECOND
        try:
            url = config.endpoints[link.number].rpc.reveal()
        except SecretError as error:
            raise EndpointFault(f"endpoint {link.number + 1}, rpc: {error}") from None
        if not url.startswith(("http://", "https://")):
            raise SourceMisconfigured(
                f"source {config.name}, endpoint {link.number + 1}, rpc: expected a URL that "
                f"begins with http:// or https://"
            )
        async with AsyncExitStack() as stack:
            node = await stack.enter_async_context(
                SolanaNode(url, timeout=timeout, max_answer=config.max_frame)
            )
            pubsub = await stack.enter_async_context(RpcClient(link, timeout=timeout))
            reader = SlotReader(node, config.commitment)
            chain = solana_chain(await reader.genesis())
            self._check_chain(chain, f"the node at {node.endpoint}")
            cluster = Cluster(chain, chain_number(chain), config.network)
            stale_after = config.reconnection.stale_after / SECOND
            slots = await stack.enter_async_context(
                SlotWatch(
                    pubsub,
                    reader,
                    poll_every=stale_after / _POLLS_PER_STALENESS,
                    stale_after=stale_after,
                )
            )
            pushed: PushedBlocks | None = None
            mentions: Mentions | None = None
            if config.collect == "mentions":
                mentions = await stack.enter_async_context(
                    Mentions(
                        pubsub,
                        reader,
                        slots,
                        self._mentions.mints,
                        config.commitment,
                        ask_every=_ASK_EVERY,
                    )
                )
            elif self._push:
                pushed = await stack.enter_async_context(
                    PushedBlocks(pubsub, config.commitment, self._mentions)
                )
            follower = Follower(
                reader,
                slots,
                cluster,
                SlotAssembler(reader, cluster, self._mentions, pushed),
                mentions,
                self._sender,
                self._cursor,
                self._outlet.state,
                commitment=config.commitment,
                endpoints=len(config.endpoints),
            )
            try:
                while True:
                    await follow(slots.changed, follower, finality_every=config.finality_every)
            except EndpointFault as fault:
                if getattr(fault, "too_large", False):
                    self._push = False
                raise

    def _check_chain(self, chain: str, where: str) -> None:
        if self._chain is None:
            self._chain, self._chain_known_from = chain, where
        elif chain != self._chain:
            raise SourceMisconfigured(
                f"source {self._config.name}: {where} is of {chain}, but {self._chain_known_from} "
                f"says {self._chain}; correct `chain` or `endpoints`, or give the source of "
                f"another cluster another name"
            )
