"""What a sink remembers of the documents that it took, over forks."""

import msgspec

from delivery.marks import OrphanedBlocks
from delivery.seen_documents import SeenDocuments
from delivery.sink import Document
from tests.delivery.documents import document

BLOCK = "0x" + "a" * 64
ID = f"1:{BLOCK}:0"


def told(frame: int) -> Document:
    return document("events", ID, {"event": {"id": ID, "original": f"RAW/{frame}/0"}})


def fork(frame: int) -> Document:
    mark = OrphanedBlocks(1, "node", 6, (BLOCK,), 0, f"RAW/{frame}/0")
    return msgspec.structs.replace(document("events", f"fork-{frame}", {}), mark=mark)


def test_an_event_that_comes_back_after_a_fork_is_new():
    seen = SeenDocuments(10)
    seen.add([told(1), fork(2)])
    assert seen.unseen([told(3)]) == [told(3)]
    seen.add([told(3)])
    assert seen.unseen([told(3)]) == []


def test_an_event_from_before_the_fork_is_not():
    seen = SeenDocuments(10)
    seen.add([fork(2)])
    assert seen.unseen([told(1)]) == []


def test_requests_that_are_acknowledged_in_another_order_change_nothing():
    seen = SeenDocuments(10)
    seen.add([fork(2)])
    seen.add([told(1)])
    assert seen.unseen([told(3)]) == [told(3)]
