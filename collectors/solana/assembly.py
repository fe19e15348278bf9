"""One block to one payload: what of it touches the watched mints, and what these are."""

from typing import Literal

from msgspec import Struct

from collectors.evm.assembly import AssembledBlock
from collectors.solana.blocks import BlockPart, MentionFilter, SlotReader
from collectors.solana.pushed import PATIENCE, PushedBlocks
from pipeline.solana_payload import SlotPayload, encode_slot

Finality = Literal["safe", "finalized"]
#: So near to the newest slot a block may just be on its way.
_NEAR = 8


class Cluster(Struct, frozen=True):
    """The chain as the payload names it. ``number`` stands for it in notices."""

    name: str
    number: int
    network: str


class Assembled(Struct, frozen=True):
    """A block's place, its payload, and the slot of the block before it."""

    block: AssembledBlock
    parent_slot: int


class SlotAssembler:
    """Fetches a block and all that belongs to its payload, through one node."""

    def __init__(
        self,
        reader: SlotReader,
        cluster: Cluster,
        mentions: MentionFilter,
        pushed: PushedBlocks | None,
    ) -> None:
        self._reader = reader
        self._cluster = cluster
        self._mentions = mentions
        self._pushed = pushed

    async def assemble(self, slot: int, finality: Finality, newest: int) -> Assembled | None:
        """The block of a slot, or None when the node doesn't have it, or not yet.

        Raises EndpointFault, and AnswerTooLarge of the kind.
        """
        part = await self._part(slot, newest)
        if part is None:
            return None
        mints = sorted(part.mints)
        accounts = await self._reader.accounts(mints, slot) if mints else []
        if accounts is None:
            return None
        payload = SlotPayload(
            chain=self._cluster.name,
            network=self._cluster.network,
            finality=finality,
            slot=slot,
            block=part.content,
            transactions=list(part.transactions),
            mints=accounts,
        )
        return Assembled(AssembledBlock(part.header, encode_slot(payload), ()), part.parent_slot)

    async def _part(self, slot: int, newest: int) -> BlockPart | None:
        if self._pushed is not None and self._pushed.active:
            patience = PATIENCE if newest - slot <= _NEAR else 0
            part = await self._pushed.take(slot, patience=patience)
            if part is not None:
                return part
        return await self._reader.block(slot, self._mentions)
