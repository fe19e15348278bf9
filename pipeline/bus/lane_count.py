"""How many lanes a bus was made for: another number would tear groups apart that have begun."""

import nats.js.errors

from pipeline.bus.connection import Bus
from pipeline.bus.lane_order import ORDER
from pipeline.bus.positions import open_bucket
from pipeline.bus.reader_names import NORMALIZER
from pipeline.bus.streams import Stream
from pipeline.failure import CONFIGURATION, Failure

_BUCKET = "LANE_COUNT"
_KEY = "lanes"


async def agree_on_lanes(bus: Bus, lanes: int) -> None:
    """Note how many lanes EVENTS has. Raises Failure where events were written for another number.

    An asset's lane depends on the number. With another one, what comes would be in another lane
    than the state that it belongs to, and groups that have begun would never be completed.
    """
    bucket = await open_bucket(bus.jetstream, bus.names.bucket(_BUCKET), history=1)
    there = 1  # what was so before anybody noted it
    try:
        there = int((await bucket.get(_KEY)).value or b"1")
        noted = True
    except nats.js.errors.KeyNotFoundError:
        noted = False
    if there != lanes and await _written(bus, there):
        raise Failure(
            f"detections.lanes is {lanes}, but the events on this bus are in {_said(there)}: what "
            f"their rules know would be lost. Set it back to {there}; or let everything be read, "
            "stop, and go on with another bus (bus.path, or bus.prefix on a server of yours), "
            "while the old one is kept for replays",
            CONFIGURATION,
        )
    if there != lanes or not noted:
        await bucket.put(_KEY, str(lanes).encode())


async def _written(bus: Bus, lanes: int) -> bool:
    """Whether the normalizer has written for so many lanes."""
    token = NORMALIZER if lanes == 1 else ORDER
    return await bus.writer(Stream.EVENTS, token).newest() is not None


def _said(lanes: int) -> str:
    return "1 lane" if lanes == 1 else f"{lanes} lanes"
