"""The collector of an EVM chain: where it goes on, which chain it is, and one session per link."""

from typing import NoReturn

import msgspec
import structlog
from msgspec import Struct

from collectors.connection import Connector, EndpointFault, Link, SourceMisconfigured
from collectors.evm.assembly import BlockAssembler, Chain, LogReader
from collectors.evm.blocks import BlockHash, read_position
from collectors.evm.following import REORGANISATION_DEPTH, Cursor, Follower
from collectors.evm.heads import HeadWatch
from collectors.evm.rpc import RpcClient
from collectors.evm.sending import PROTOCOL, BlockSender
from collectors.evm.watched import Watched
from pipeline.config.sources import EvmSource
from pipeline.frames import Frame
from pipeline.outlet import FrameOutlet
from pipeline.units import SECOND

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_POLLS_PER_STALENESS = 3


class _SentBlock(Struct, rename="camel"):
    parent_hash: str


class _SentPayload(Struct):
    chain_id: int
    block: _SentBlock


class EvmCollector:
    """Sends one frame per block of the chain, as :mod:`pipeline.evm_payload` describes.

    Positions are ``<number>:<hash>``, with more behind a second colon for gaps. Besides ``watched``
    it watches the configuration's ``contracts``.
    """

    def __init__(
        self,
        config: EvmSource,
        watched: Watched,
        outlet: FrameOutlet,
        *,
        reorganisation_depth: int = REORGANISATION_DEPTH,
    ) -> None:
        self._config = config
        self._watched = watched.with_others(config.contracts)
        self._outlet = outlet
        self._sender = BlockSender(outlet, max_frame=config.max_frame)
        self._cursor = Cursor(config.start_block, config.backfill_range, reorganisation_depth)
        self._chain_id = config.chain_id
        self._chain_known_from = "the configuration"
        outlet.state.protocol = PROTOCOL

    async def run(self) -> NoReturn:
        """Collect until cancelled. Raises SourceMisconfigured when only a person can help."""
        last = await self._outlet.last()
        if last is not None:
            self._resume(last)
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

    def _resume(self, last: Frame) -> None:
        try:
            number, block_hash = read_position(last.position)
        except ValueError:
            raise SourceMisconfigured(
                f"source {self._config.name}: the newest frame in the stream has the position "
                f"{last.position!r}, which is none of an EVM chain; give this source another name"
            ) from None
        branch = self._cursor.branch
        if last.kind == "message":
            try:
                sent = msgspec.json.decode(last.payload, type=_SentPayload)
            except msgspec.MsgspecError:
                pass  # the position is enough to go on
            else:
                if number > 0:
                    branch.add(number - 1, BlockHash(sent.block.parent_hash.lower()))
                self._check_chain(sent.chain_id, "the newest frame in the stream")
        branch.add(number, block_hash)
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
                rpc, chain, self._watched, explain_refusals=config.explain_refusals
            )
            poll_every = config.reconnection.stale_after / SECOND / _POLLS_PER_STALENESS
            async with HeadWatch(rpc, poll_every=poll_every) as heads:
                follower = Follower(
                    rpc,
                    heads,
                    assembler,
                    LogReader(rpc, self._watched.addresses),
                    self._sender,
                    self._cursor,
                    self._outlet.state,
                )
                while True:
                    await heads.changed()
                    await follower.catch_up()

    def _check_chain(self, chain_id: int, where: str) -> None:
        if self._chain_id is None:
            self._chain_id, self._chain_known_from = chain_id, where
        elif chain_id != self._chain_id:
            raise SourceMisconfigured(
                f"source {self._config.name}: {where} is of chain {chain_id}, but "
                f"{self._chain_known_from} says chain {self._chain_id}; correct `chain_id` or "
                f"`endpoints`, or give the source of another chain another name"
            )
