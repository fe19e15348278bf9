"""The collector of a subgraph: asks how far it has come, and reads what is new, exactly once."""

from typing import NoReturn

import msgspec
import structlog

from collectors.connection import SourceMisconfigured
from collectors.feed_lag import set_lag
from collectors.polling import Polling
from collectors.reference.source import SourceFault
from collectors.subgraph.cursor import Cursor, position_of
from collectors.subgraph.graphql import NotIndexed, Subgraph, UnknownBlock
from collectors.subgraph.reading import Head, Reader, TooMuch
from pipeline.chain_notices import BlockPlace, ReorganisationNotice
from pipeline.config.sources import SubgraphSource
from pipeline.frames import MAX_FRAME_BYTES, Frame
from pipeline.metrics import SOURCE_REORGANISATIONS
from pipeline.outlet import FrameOutlet
from pipeline.source_state import now
from pipeline.subgraph_payload import PROTOCOL, SubgraphBlock, SubgraphPayload, encode_subgraph
from pipeline.units import SECOND

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: The hash of no block: where nothing is known of what two branches have in common.
_NO_HASH = "0x" + "0" * 64
#: Blocks without anything after which a frame says so, for a restart to go on there.
_SAID_EVERY = 1_000


class SubgraphCollector:
    """Sends one frame for each stretch of blocks that has something, as
    :mod:`pipeline.subgraph_payload` describes; between them, frames that tell of reorganisations.

    What it has read is checked against the chain that the subgraph follows before it goes on: a
    block that the subgraph no longer knows by its hash has left the chain.
    """

    def __init__(self, config: SubgraphSource, pools: frozenset[str], outlet: FrameOutlet) -> None:
        """`pools`: which to read, in lower case."""
        self._config = config
        self._outlet = outlet
        self._subgraph = Subgraph(config)
        self._reader = Reader(self._subgraph, config.schema, pools, config.page)
        self._cursor = Cursor(config.reorganisation_depth)
        self._window = config.window
        self._deployment = ""
        self._pools = pools
        self._polling = Polling(outlet.state, config.poll_every, config.reconnection)
        self._said = -1
        outlet.state.protocol = PROTOCOL

    async def run(self) -> NoReturn:
        """Collect until cancelled. Raises SourceMisconfigured when only a person can help."""
        if not self._pools:
            raise SourceMisconfigured(
                f"source {self._config.name}: no pool to read: give `pools`, or pools of the "
                f"protocol {self._config.protocol!r} on chain {self._config.chain_id} in the "
                "reference data, that no `evm` source of the chain watches"
            )
        await self._resume()
        try:
            await self._polling.run(self._read)
        finally:
            await self._subgraph.close()

    async def _read(self) -> None:
        head = await self._reader.head()
        self._polling.connected(self._subgraph.shown)
        await self._catch_up(head)

    async def _resume(self) -> None:
        sent = await self._outlet.sent(2 * self._config.reorganisation_depth)
        try:
            self._cursor.resume(sent)
        except ValueError:
            raise SourceMisconfigured(
                f"source {self._config.name}: a frame in the stream has a position that is none of "
                "a subgraph; give this source another name"
            ) from None

    async def _catch_up(self, head: Head) -> None:
        """Read all up to the head. Raises SourceFault."""
        if head.failed:
            raise SourceFault(
                f"{self._subgraph.shown}: the subgraph met errors while it indexed, and what it "
                "says may be wrong: nothing is read of it until it says that it is well"
            )
        if head.block.hash is None:
            raise SourceFault(f"{self._subgraph.shown}: it doesn't tell the hash of its head")
        self._note_deployment(head.deployment)
        try:
            while await self._step(head):
                pass
        except (UnknownBlock, NotIndexed) as fault:
            # The head has left the chain meanwhile, or another indexer of the gateway answers that
            # is behind: the next look shows how far it is.
            _log.debug("the subgraph's head moved", reason=str(fault))
        self._note_lag(head)

    async def _step(self, head: Head) -> bool:
        """Whether there may be more to do up to this head."""
        last = self._cursor.last
        if last is None:
            await self._begin(head)
        elif head.block.number < last.number:
            return False  # behind; if the chain has become shorter, the next blocks show it
        elif await self._left_the_chain(last, head):
            await self._reorganised(last, head)
        elif head.block.number == last.number:
            return False
        else:
            await self._advance(last, head)
        return True

    async def _left_the_chain(self, last: SubgraphBlock, head: Head) -> bool:
        if last.hash is None or last.hash == head.block.hash:
            return False
        return not await self._reader.knows(last)

    def _note_deployment(self, deployment: str) -> None:
        if self._deployment and deployment != self._deployment:
            _log.warning(
                "another version of the subgraph",
                source=self._outlet.state.source,
                before=self._deployment,
                now=deployment,
            )
        self._deployment = deployment

    async def _begin(self, head: Head) -> None:
        start = self._config.start_block
        if start == "latest":
            # Told, so that a restart goes on here and not at a later head.
            await self._send(head.block.number, head.block, {})
        else:
            self._cursor.add(SubgraphBlock(start - 1))

    async def _advance(self, last: SubgraphBlock, head: Head) -> None:
        """Read the next stretch. Raises SourceFault."""
        settled = head.block.number - self._config.reorganisation_depth
        target = head.block
        if last.number + self._window <= settled:
            # So deep that it won't change any more: graph-node gives no hash for a number.
            target = SubgraphBlock(last.number + self._window)
        try:
            entities = await self._reader.read(last.number, target)
        except TooMuch:
            if target.hash is None and self._window > 1:
                self._window = max(1, self._window // 2)
                return
            # Too near to the head for a smaller stretch by number: take what settles, if any does.
            middle = (last.number + target.number) // 2
            if middle <= last.number:
                raise SourceFault(
                    f"{self._subgraph.shown}: block {target.number} has more entities of these "
                    "pools than a frame should hold; watch fewer pools in one source"
                ) from None
            target = SubgraphBlock(middle)
            entities = await self._reader.read(last.number, target)
        self._window = min(self._config.window, 2 * self._window)
        await self._send(last.number, target, entities)

    async def _send(
        self, after: int, block: SubgraphBlock, entities: dict[str, list[msgspec.Raw]]
    ) -> None:
        if not any(entities.values()) and 0 <= self._said > block.number - _SAID_EVERY:
            self._cursor.add(block)
            return
        payload = SubgraphPayload(
            chain_id=self._config.chain_id,
            network=self._config.network,
            schema=self._config.schema,
            deployment=self._deployment,
            after=after,
            block=block,
            entities=entities,
        )
        data = encode_subgraph(payload)
        if len(data) > MAX_FRAME_BYTES:
            raise SourceFault(f"a stretch of {len(data)} bytes is larger than a frame may be")
        at = now()
        await self._outlet.send(Frame(position_of(block), at, data))
        self._cursor.add(block)
        self._said = block.number

    async def _reorganised(self, last: SubgraphBlock, head: Head) -> None:
        """Find the newest block that is still of the chain, and say what is not. SourceFault."""
        common = None
        for block in self._cursor.known():
            if block is not last and await self._reader.knows(block):
                common = block
                break
        known = common is not None
        if common is None:
            lowest = self._cursor.known()[-1].number
            common = SubgraphBlock(max(-1, lowest - 1), _NO_HASH)
        assert last.hash is not None
        assert head.block.hash is not None
        assert common.hash is not None
        orphaned = [one.hash for one in self._cursor.known() if one.number > common.number]
        notice = ReorganisationNotice(
            chain_id=self._config.chain_id,
            network=self._config.network,
            common=BlockPlace(common.number, common.hash),
            depth_known=known,
            orphaned=[one for one in reversed(orphaned) if one is not None],
            old=BlockPlace(last.number, last.hash),
            new=BlockPlace(head.block.number, head.block.hash),
            timestamp=common.timestamp or head.block.timestamp or now() // SECOND,
        )
        at = now()
        back = common if known else SubgraphBlock(common.number)
        position = position_of(back, f"reorganised:{at}")
        await self._outlet.send(
            Frame(position, at, msgspec.json.encode(notice), kind="reorganisation")
        )
        self._cursor.rewind(back)
        self._said = -1
        SOURCE_REORGANISATIONS.labels(self._outlet.state.source).inc()
        _log.warning(
            "the chain was reorganised",
            source=self._outlet.state.source,
            common=common.number,
            depth_known=known,
        )

    def _note_lag(self, head: Head) -> None:
        state = self._outlet.state
        state.head = position_of(head.block)
        if head.block.timestamp is not None:
            set_lag(state, now() / SECOND - head.block.timestamp)
