"""Which documents a sink has lately taken, so that each is there once.

A block that left the chain may come back. Then its events are told again, under their ids, and
must be taken again, so that who reads what was delivered can see that they hold.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from delivery.marks import OrphanedBlocks, block_of, frame_place
from delivery.recent_ids import RecentIds
from delivery.sink import Document

_MOST_BLOCKS = 10_000


class _EventPart(Struct):
    original: str = ""


class _Origin(Struct):
    event: _EventPart


_decode_origin = msgspec.json.Decoder(_Origin).decode


def parts(batch: Sequence[Document]) -> list[list[Document]]:
    """A batch in parts: each is to be taken before the next one can be judged."""
    found: list[list[Document]] = [[]]
    for document in batch:
        found[-1].append(document)
        if isinstance(document.mark, OrphanedBlocks):
            found.append([])
    return [part for part in found if part]


class SeenDocuments:
    """Remembers at least the ids of the last `least` documents."""

    def __init__(self, least: int) -> None:
        self._recent = RecentIds(least)
        #: By chain and block: where the frame lies that said that it left the chain.
        self._orphaned: dict[str, tuple[int, int]] = {}

    def unseen(self, part: Iterable[Document]) -> list[Document]:
        """Each document that was not taken yet, once. The part is one of `parts`."""
        found: dict[str, Document] = {}
        for document in part:
            if document.id not in self._recent and not self._is_stale(document):
                found.setdefault(document.id, document)
        return list(found.values())

    def add(self, documents: Iterable[Document]) -> None:
        """They were taken, in whatever order."""
        for document in documents:
            if not self._is_stale(document):  # else it is new when its block comes back
                self.add_id(document.id)
            if isinstance(document.mark, OrphanedBlocks):
                self.orphan(document.mark)

    def add_id(self, document_id: str) -> None:
        """A document of this id was taken."""
        self._recent.add((document_id,))

    def orphan(self, blocks: OrphanedBlocks) -> None:
        """These blocks left the chain: their events are new when they come again."""
        place, prefixes = frame_place(blocks.original), blocks.prefixes
        if not prefixes:
            return
        self._recent.forget(lambda document_id: block_of(document_id) in prefixes)
        self._orphaned.update(dict.fromkeys(prefixes, place))
        while len(self._orphaned) > _MOST_BLOCKS:
            del self._orphaned[next(iter(self._orphaned))]

    def clear(self) -> None:
        """Forget all."""
        self._recent.clear()
        self._orphaned.clear()

    def _is_stale(self, document: Document) -> bool:
        """Whether it is an event as it was told before its block left the chain."""
        left = self._orphaned.get(block_of(document.id)) if self._orphaned else None
        if left is None:
            return False
        return frame_place(_decode_origin(document.body).event.original) < left
