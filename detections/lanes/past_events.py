"""EVENTS as they were: what was taken of the messages of a stretch of the stream."""

from collections.abc import AsyncGenerator
from datetime import datetime

import structlog

from detections.lanes.events import LaneEvents, Taken
from pipeline.bus import Bus, MessagesExpired, Stream, StreamMessage

log = structlog.get_logger(__name__)

#: After this long without a message, in seconds, none may be left to read.
_PATIENCE = 0.5


async def past_messages(
    bus: Bus,
    events: LaneEvents,
    after: int,
    until: int,
    *,
    since: datetime | None = None,
) -> AsyncGenerator[tuple[StreamMessage, list[Taken]], None]:
    """The messages behind `after` and before `until`, each with what it brings with those that
    waited for it.

    `events` is a reading of its own. With `since`, of those that were stored from then on. Messages
    that have expired are left out: they could be read once, and now they can't.
    """
    subjects = [bus.names.subject(Stream.EVENTS, token) for token in events.subjects]
    start = None if since is None else since.isoformat()
    reader = bus.reader(Stream.EVENTS, after=after, start_time=start, subjects=subjects)
    try:
        while reader.position < until - 1:
            try:
                messages = await reader.batch(64, wait=_PATIENCE)
            except MessagesExpired as expired:
                if after:
                    log.warning("a part of the past has expired", reason=str(expired))
                continue
            for message in messages:
                if message.sequence >= until:
                    return
                taken = events.take(message)
                if taken is not None:
                    yield message, taken
            if not messages:
                await reader.pass_over()
    finally:
        await reader.close()
