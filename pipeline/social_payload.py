"""A line of a social feed (``docs/social-feed.md``): what collectors send, and what they keep out.

Who wrote a message, and what it says, is personal data, which no rule needs. So a line has these
columns and no other, and the collector, which reads it first, lets nothing else into RAW: not into
a frame, and not into a dead letter.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from pipeline.csv_header import ColumnFault, names_of, places_of, repeated
from pipeline.problems import did_you_mean

#: The protocol of frames that hold one line each, JSON or CSV.
PROTOCOL = "social"
#: What `event.provider` of social feeds begins with. Counts come when their time is over, minutes
#: or an hour after it: they move event time of nothing else on.
SOCIAL_PROVIDER = "social:"

Word = Annotated[str, Meta(min_length=1, max_length=64)]
Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
Count = Annotated[int, Meta(ge=0, le=10**15)]
Moment = Annotated[str, Meta(min_length=1, max_length=48)] | int


class SocialLine(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line. Times are RFC 3339, or nanoseconds since 1970."""

    type: Word
    medium: Word
    token: Identifier | None = None
    venue: Word | None = None
    symbol: Word | None = None
    start: Moment | None = None
    end: Moment | None = None
    messages: Count | None = None
    authors: Count | None = None
    sentiment: Annotated[float, Meta(ge=-1, le=1)] | None = None
    time: Moment | None = None
    announcement: Literal["pump-signal", "recommendation", "news"] | None = None
    channel: Identifier | None = None
    message_id: Identifier | Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | None = None
    text_sha256: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}$(?!\n)")] | None = None
    members: Count | None = None


COLUMNS: tuple[str, ...] = SocialLine.__struct_fields__
_KNOWN = frozenset(COLUMNS)

encode_line = msgspec.json.Encoder().encode


def stray_column(names: "list[str]") -> str | None:
    """Why these columns can't be of a social feed, with what was meant; None where they can.

    A name that nobody asked for is not shown whole: it may be what it should name.
    """
    for name in names:
        if name not in _KNOWN:
            hint = did_you_mean(name, COLUMNS)
            said = f"did you mean {hint}?" if hint else f"there are {', '.join(COLUMNS)}"
            return f"{name[:32]!a} is no column of a social feed: {said}"
    return None


def header_faults(header: str) -> list[ColumnFault]:
    """What is wrong with the first line of a CSV file, in its order."""
    try:
        names = names_of(header)
    except ValueError:
        return [ColumnFault(1, "no line of CSV")]
    faults = [
        ColumnFault(place, stray)
        for place, name in zip(places_of(header), names, strict=False)
        if (stray := stray_column([name]))
    ]
    faults += repeated(header, names, among=_KNOWN)
    missing = [name for name in ("type", "medium") if name not in names]
    if missing and not faults:
        faults.append(ColumnFault(1, f"there is no column {' and no '.join(missing)}"))
    return sorted(faults)
