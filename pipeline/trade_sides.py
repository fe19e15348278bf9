"""What goes with a line or message of many: its columns, the other side of its trade.

Order logs and FIX drop copies may tell of a trade twice, once for each order. The collector, which
sees both, puts the first one into the frame of the second; so each frame can be read by itself, as
often as is wanted, and a trade is told once. The record is the frame's ``context``, as JSON; where
there is nothing to say the context is empty.
"""

from typing import Literal

import msgspec
from msgspec import Struct

#: ``first``: the trade comes with its other side. ``second``: that is in ``other``. ``alone``: the
#: other side never came; the frame is the first side's again.
Side = Literal["first", "second", "alone"]


class LineContext(Struct, frozen=True, omit_defaults=True):
    """Beside a line: the header of its CSV file, and how it stands to a trade's other side."""

    columns: str | None = None
    #: Of a line of a log that a FIX engine wrote.
    form: Literal["fix"] | None = None
    side: Side | None = None
    #: The line, or message, of the other side. Bytes of FIX are ISO 8859-1 here.
    other: str = ""
    #: Of a bust or a correction in FIX: what the reports of its trade call that, where it calls it
    #: by another id.
    trade: str = ""
    #: Of a line of several logs that are merged as they grow, to go on after a restart: its number
    #: among all of them; how many bytes of its file were told with it; and now and then how many
    #: lines and bytes of each file, by name.
    merged: int = 0
    offset: int = 0
    places: tuple[tuple[str, int, int], ...] = ()
    #: Of a FIX session, to go on after a restart: the number of our next message, and the first one
    #: of theirs that is needed again, to find the other side of a trade.
    sending: int = 0
    needed: int = 0


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(LineContext)
NOTHING = LineContext()


def encode_context(context: LineContext) -> str:
    """A frame's context."""
    return _encoder.encode(context).decode() if context != NOTHING else ""


def decode_context(text: str) -> LineContext:
    """The record in a frame's context. Raises :class:`msgspec.MsgspecError`."""
    return _decoder.decode(text) if text else NOTHING
