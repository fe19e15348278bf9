"""A stretch of blocks of a subgraph, page by page, all of it as it was at one block."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from collectors.reference.source import SourceFault
from collectors.subgraph.graphql import Subgraph, UnknownBlock
from collectors.subgraph.queries import HEAD, KNOWS, pages
from pipeline.subgraph_payload import Schema, SubgraphBlock

#: Entities in one stretch. A stretch with more is read in smaller ones.
MOST_ENTITIES = 20_000


class TooMuch(Exception):
    """The stretch has more entities than one frame should hold."""


class _Block(Struct):
    number: int
    hash: str | None = None
    timestamp: int | None = None


class _Meta(Struct, rename="camel"):
    block: _Block
    deployment: str = ""
    has_indexing_errors: bool = False


class _MetaData(Struct):
    meta: _Meta = msgspec.field(name="_meta")


class _Id(Struct):
    id: str


class Head(Struct, frozen=True):
    """How far the subgraph has come."""

    block: SubgraphBlock
    deployment: str
    failed: bool
    """It met errors on its way: what it says may be wrong."""


_id = msgspec.json.Decoder(_Id)


class Reader:
    """Asks for stretches."""

    def __init__(
        self, subgraph: Subgraph, schema: Schema, pools: frozenset[str], page_size: int
    ) -> None:
        self._subgraph = subgraph
        self._pages = pages(schema)
        self._pools = sorted(pools)
        self._page_size = page_size

    async def head(self) -> Head:
        """Raises SourceFault."""
        meta = (await self._subgraph.ask(HEAD, _MetaData)).meta
        block = SubgraphBlock(meta.block.number, meta.block.hash, meta.block.timestamp)
        return Head(block, meta.deployment, meta.has_indexing_errors)

    async def knows(self, block: SubgraphBlock) -> bool:
        """Whether a block, by its hash, is of the chain that the subgraph follows.

        Raises SourceFault; NotIndexed where the subgraph has not come so far.
        """
        try:
            await self._subgraph.ask(KNOWS, dict[str, Raw], hash=block.hash, number=block.number)
        except UnknownBlock:
            return False
        return True

    async def read(self, after: int, block: SubgraphBlock) -> dict[str, list[Raw]]:
        """What changed behind block ``after`` up to ``block``, by kind of entity.

        Raises TooMuch, SourceFault; UnknownBlock where the block has left the chain meanwhile.
        """
        place: dict[str, Any] = {"number": block.number}
        if block.hash is not None:
            place = {"hash": block.hash}
        found: dict[str, list[Raw]] = {}
        total = 0
        for name, query in self._pages.items():
            entities: list[Raw] = []
            last = ""
            while True:
                answer = await self._subgraph.ask(
                    query,
                    dict[str, list[Raw]],
                    pools=self._pools,
                    after=last,
                    block=place,
                    first=self._page_size,
                    **{"from": after + 1},
                )
                if name not in answer:
                    raise SourceFault(f"{self._subgraph.shown}: the answer has no {name}")
                page = answer[name]
                entities += page
                total += len(page)
                if len(page) < self._page_size:
                    break
                if total > MOST_ENTITIES:
                    raise TooMuch
                # By id and not by number: `skip` is slow, and bounded to 5,000.
                last = _last_id(page, self._subgraph.shown)
            found[name] = entities
        return found


def _last_id(page: list[Raw], shown: str) -> str:
    try:
        return _id.decode(page[-1]).id
    except msgspec.MsgspecError as error:
        raise SourceFault(f"{shown}: an entity without an id: {error}") from None
