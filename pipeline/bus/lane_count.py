"""How many lanes a bus was made for: another number would tear apart what they know."""

import nats.js.errors
from nats.js.kv import KeyValue

from pipeline.bus.connection import Bus
from pipeline.bus.lane_order import ORDER
from pipeline.bus.positions import open_bucket
from pipeline.bus.reader_names import NORMALIZER, lane_names
from pipeline.bus.streams import Stream
from pipeline.failure import CONFIGURATION, Failure

_BUCKET = "LANE_COUNT"
_KEY = "lanes"
_SHARES = "shares"


async def agree_on_lanes(bus: Bus, lanes: int) -> None:
    """Note how many lanes EVENTS has. Raises Failure where events were written for another number.

    An asset's lane depends on the number. With another one, what comes would be in another lane
    than the state that it belongs to, and groups that have begun would never be completed.
    """
    bucket = await open_bucket(bus.jetstream, bus.names.bucket(_BUCKET), history=1)
    noted = await _noted(bucket, _KEY)
    there = noted or 1  # what was so before anybody noted it
    if there != lanes and await _written(bus, there):
        raise Failure(
            f"detections.lanes is {lanes}, but the events on this bus are in {_said(there)}: what "
            f"their rules know would be lost. Set it back to {there}; or let everything be read, "
            "stop, and go on with another bus (bus.path, or bus.prefix on a server of yours), "
            "while the old one is kept for replays",
            CONFIGURATION,
        )
    if noted != lanes:
        await bucket.put(_KEY, str(lanes).encode())


async def agree_on_shares(bus: Bus, lanes: int, shares: int) -> None:
    """Note into how many shares the rules of each lane are divided. Raises Failure where their
    lanes have begun with another number.

    The lanes of another number have other names: they would take all events from the first on, and
    alert on them again.
    """
    bucket = await open_bucket(bus.jetstream, bus.names.bucket(_BUCKET), history=1)
    noted = await _noted(bucket, _SHARES)
    there = noted or 1
    begun = there != shares and [
        lane for lane in lane_names(lanes, there) if await _begun(bus, lane)
    ]
    if begun:
        raise Failure(
            f"detections.shares is {shares}, but the lanes on this bus have begun with "
            f"{there}: what their rules know would be lost. Set it back to {there}; or let "
            "everything be read, stop, and go on with another bus (bus.path, or bus.prefix on "
            "a server of yours), while the old one is kept for replays",
            CONFIGURATION,
        )
    if noted != shares:
        await bucket.put(_SHARES, str(shares).encode())


async def _begun(bus: Bus, lane: str) -> bool:
    """Whether a lane has done anything.

    Its position is saved now and then only; its alerts are there at once.
    """
    if (await bus.positions.load(lane)).done:
        return True
    return await bus.writer(Stream.ALERTS, lane).newest() is not None


async def _noted(bucket: KeyValue, key: str) -> int | None:
    try:
        return int((await bucket.get(key)).value or b"1")
    except nats.js.errors.KeyNotFoundError:
        return None


async def _written(bus: Bus, lanes: int) -> bool:
    """Whether the normalizer has written for so many lanes."""
    token = NORMALIZER if lanes == 1 else ORDER
    return await bus.writer(Stream.EVENTS, token).newest() is not None


def _said(lanes: int) -> str:
    return "1 lane" if lanes == 1 else f"{lanes} lanes"
