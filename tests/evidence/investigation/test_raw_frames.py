"""The raw messages of an investigation, from a bus."""

import asyncio

from evidence.investigation.raw_frames import raw_messages
from pipeline.bus import Bus
from pipeline.bus.raw_outlet import RawOutlet
from pipeline.frames import Frame
from pipeline.source_state import SourceState
from pipeline.units import MIB


async def test_what_the_bus_has_is_found_and_all_else_is_called_gone(bus: Bus) -> None:
    outlet = RawOutlet(bus, SourceState("venue", "coinbase"), buffer=MIB)
    writing = asyncio.create_task(outlet.run())
    await outlet.send(Frame("venue:1", 7, b'{"type":"open"}', "message"))
    await outlet.flush()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    others = ["RAW/1/1", "RAW/2/0", "RAW/\u00b2/0", f"RAW/{10**30}/0", f"RAW/{10**19}/0", "x", ""]
    found = await raw_messages(bus, ["RAW/1/0", *others])
    assert [(one.position, one.payload) for one in found.frames] == [
        ("venue:1", b'{"type":"open"}')
    ]
    assert list(found.messages) == [1]
    assert found.gone == others
