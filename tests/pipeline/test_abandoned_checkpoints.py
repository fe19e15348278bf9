"""What is left of checkpoints that were never finished, while other lanes remove theirs."""

from typing import Any

import pytest
from nats.js.object_store import ObjectStore

from pipeline.bus import Bus
from pipeline.bus.checkpoints import Checkpoints, packed
from pipeline.bus.positions import Position


@pytest.fixture
def bus(shared_bus: Bus) -> Bus:
    return shared_bus


class OtherLane:
    """The store, in which another lane removes the rest of an old checkpoint at a bad moment."""

    def __init__(self, bus: Bus, store: ObjectStore, bucket: str) -> None:
        self._bus = bus
        self._store = store
        self._bucket = bucket
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def list(self, **options: Any) -> Any:
        """What is there. Saving asks once for what is too old, and then for what is known."""
        self.asked += 1
        if self.asked == 2:
            await self._bus.jetstream.purge_stream(
                f"OBJ_{self._bucket}", subject=f"$O.{self._bucket}.C.old"
            )
        return await self._store.list(**options)


async def test_a_checkpoint_is_saved_though_another_lane_removes_an_old_one(bus: Bus) -> None:
    bucket = bus.names.bucket("ABANDONED")
    await Checkpoints.open(bus.jetstream, bucket, "lane")
    store = await bus.jetstream.object_store(bucket)
    racing: Any = OtherLane(bus, store, bucket)
    checkpoints = Checkpoints(bus.jetstream, bucket, racing, "lane")
    # Its entry is gone, as another lane has just removed it, and its content goes in a moment.
    await bus.jetstream.publish(f"$O.{bucket}.C.old", b"content")

    await checkpoints.save(1, 7, b"".join(packed([b"state"])))

    assert racing.asked == 2
    found = await checkpoints.newest(Position(1, 7))
    assert found is not None
    assert found.data == b"state"
