"""Reference data that a stage derives: what was written in part is completed, and nothing twice."""

import asyncio

import pytest

from pipeline.bus import Bus, Stream
from pipeline.bus.derived_outlet import DerivedOutlet
from pipeline.bus.positions import Position
from pipeline.bus.reference_history import marker_of
from pipeline.frames import decode_batch
from pipeline.reference_changes import ReferenceChange, change_of, decode_chunk, withdrawal
from pipeline.reference_records import LabelledAddress

SOURCE = "derived"


class SmallMessages(DerivedOutlet):
    """A change in each message."""

    def __init__(self, bus: Bus, source: str) -> None:
        super().__init__(bus, source)
        self._largest = 150


class Dying(SmallMessages):
    """Dies behind the message that has the second address."""

    def _note(self, change: ReferenceChange) -> None:
        if change.key.endswith("2"):
            raise ConnectionAbortedError
        super()._note(change)


def members(*addresses: int, cluster: str = "cluster-1") -> list[ReferenceChange]:
    return [
        change_of(LabelledAddress(address=f"0x{one:040x}", cluster=cluster)) for one in addresses
    ]


async def written(bus: Bus) -> list[str]:
    reader = bus.reader(Stream.REFERENCE, after=0)
    last = await bus.last_sequence(Stream.REFERENCE)
    keys: list[str] = []
    while reader.position < last:
        for message in await reader.batch(100, wait=1):
            keys += [change.key[-1] for change in decode_chunk(message.data).changes]
    await reader.close()
    return keys


async def in_force(bus: Bus) -> int:
    marker = marker_of(await bus.writer(Stream.RAW, SOURCE).newest())
    return 0 if marker is None else marker.upto


async def test_what_a_crash_left_out_comes_when_its_message_is_taken_again(bus: Bus) -> None:
    outlet = await Dying.open(bus, SOURCE)
    await outlet.write_from(members(1), read=5, origin=Position(7, 10))
    await outlet.put_in_force(5)
    with pytest.raises(ConnectionAbortedError):
        await outlet.write_from(members(2, 3, 4), read=6, origin=Position(7, 11))

    again = await SmallMessages.open(bus, SOURCE)
    assert again.origin == Position(7, 11, 1)
    assert again.origin.done == 10
    assert not again.due  # half a message is not in force
    assert await again.write_from(members(2, 3, 4), read=6, origin=Position(7, 11)) == 2
    assert again.origin == Position(7, 11)
    await again.put_in_force(6)
    assert await written(bus) == ["1", "2", "3", "4"]
    assert await in_force(bus) == 4


async def test_what_was_written_and_not_put_in_force_is_so_after_a_restart(bus: Bus) -> None:
    outlet = await DerivedOutlet.open(bus, SOURCE)
    await outlet.write_from(members(1, 2), read=5, origin=Position(7, 10))
    assert await in_force(bus) == 0
    again = await DerivedOutlet.open(bus, SOURCE)
    assert again.due
    keeping = asyncio.create_task(again.keep_in_force())
    async with asyncio.timeout(10):
        while again.due:
            await asyncio.sleep(0.01)
    keeping.cancel()
    assert await in_force(bus) == 1
    newest = await bus.writer(Stream.RAW, SOURCE).newest()
    assert newest is not None
    (frame,) = decode_batch(newest.data or b"").frames
    assert frame.received == 5, "known since what it is from was received, and not since 1970"


async def test_of_several_changes_of_one_record_the_last_is_written(bus: Bus) -> None:
    outlet = await DerivedOutlet.open(bus, SOURCE)
    changes = [*members(1), *members(1, cluster="cluster-2"), *members(2)]
    changes.append(withdrawal(changes[-1].identity))
    assert await outlet.write_from(changes, read=5, origin=Position(7, 10)) == 1
    assert await outlet.write_from(changes, read=5, origin=Position(7, 11)) == 0
    assert outlet.origin == Position(7, 10)
    assert outlet.records == 1
