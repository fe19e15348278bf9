"""A collector's note that something of a feed is missing: an event of its own."""

import msgspec

from normalizer.decoders.instrument import Instruments
from normalizer.decoders.unreadable import unreadable
from normalizer.events.market import FeedGap
from pipeline.frames import Frame, GapNotice

_decoder = msgspec.json.Decoder(GapNotice)


def feed_gap(frame: Frame, original: str, instruments: Instruments) -> FeedGap:
    """The event of a ``gap`` frame. Its time is the receipt, for the feed's own is what is missing.

    Raises :class:`~normalizer.decoders.unreadable.Unreadable`.
    """
    try:
        notice = _decoder.decode(frame.payload)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unreadable(error) from None
    event = instruments[notice.instrument[:64]].gap()
    event.id = f"{instruments.provider}:{frame.position}"
    event.timestamp = event.ingested = frame.received
    event.original = original
    event.reason = notice.reason
    event.expected = notice.expected
    event.received = notice.received
    return event
