"""Lines of social feeds to events: how much is said of an asset, and calls to buy it."""

import re
from hashlib import sha256
from typing import Any

import msgspec

from normalizer.decoders.collected import Normalized
from normalizer.decoders.times import event_time, plausible
from normalizer.decoders.unreadable import Unreadable, unreadable
from normalizer.enrichment import Enrichment
from normalizer.events.social import SocialAnnouncement, SocialRecord, SocialVolume
from pipeline.csv_line import csv_cells
from pipeline.frames import Frame
from pipeline.problems import did_you_mean, shown
from pipeline.social_payload import SOCIAL_PROVIDER, Moment, SocialLine, stray_column
from pipeline.trade_sides import decode_context
from pipeline.units import DAY, MINUTE

_TYPES = ("volume", "announcement")
#: What only one of the types has.
_OF_VOLUME = ("start", "end", "messages", "authors", "sentiment")
_OF_ANNOUNCEMENT = ("time", "announcement", "channel", "message_id", "text_sha256", "members")
#: How much a feed's clock may be ahead of ours.
_MOST_AHEAD = 10 * MINUTE
#: Of a medium: `Telegram` and `telegram` would be two.
_MEDIUM = re.compile("[a-z0-9][a-z0-9_.-]*")
_decoder = msgspec.json.Decoder(SocialLine, strict=False)


class SocialDecoder:
    """Decodes the frames of one source, a line each."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._provider = f"{SOCIAL_PROVIDER}{source}"
        self._enrichment = enrichment

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add what is in the frame. Raises :class:`Unreadable`."""
        line = _line(frame)
        if line.type not in _TYPES:
            hint = did_you_mean(line.type, _TYPES)
            said = f"did you mean {hint}?" if hint else f"expected {' or '.join(_TYPES)}"
            raise Unreadable(f"{shown(line.type)} is not known: {said}", "type")
        if _MEDIUM.fullmatch(line.medium) is None:
            lower = line.medium.lower()
            said = f": did you mean {lower}?" if _MEDIUM.fullmatch(lower) else ", such as telegram"
            raise Unreadable(f"expected lower-case letters, digits and . _ -{said}", "medium")
        common: dict[str, Any] = {
            "ingested": frame.received,
            "original": original,
            "provider": self._provider,
            "medium": line.medium,
            **self._asset(line, frame.received),
        }
        asset = line.token or f"{line.venue}/{line.symbol}"
        make = _volume if line.type == "volume" else _announcement
        event = make(line, frame.received, common)
        # Of what it is, so that a stretch that is told twice counts once; and it names nobody.
        what = (line.medium, asset, *_identity(event))
        event.id = f"{self._provider}:{sha256(repr(what).encode()).hexdigest()[:32]}"
        out.events.append(event)

    def _asset(self, line: SocialLine, time: int) -> dict[str, Any]:
        if line.token is not None:
            if line.venue is not None or line.symbol is not None:
                raise Unreadable("a line is about a token, or a venue's symbol: not both", "token")
            known = self._enrichment.token(line.token, time)
            return {"token_id": line.token} if known is None else dict(known.fields())
        if line.venue is None or line.symbol is None:
            missing = "venue" if line.symbol is not None else "symbol"
            needed = missing if line.venue or line.symbol else "token"
            raise Unreadable("missing: a line names a token, or a venue and its symbol", needed)
        found = self._enrichment.instrument(line.venue, line.symbol)
        own: dict[str, Any] = {"venue": line.venue, "instrument": line.symbol}
        return own if found.token is None else {**found.token.fields(), **own}


def _line(frame: Frame) -> SocialLine:
    try:
        columns = decode_context(frame.context).columns
        if columns is None:
            return _decoder.decode(frame.payload)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unreadable(error) from None
    return _csv_line(frame.payload, columns)


def _csv_line(payload: bytes, columns: str) -> SocialLine:
    try:
        names = [name.strip() for name in csv_cells(columns.removeprefix("\ufeff"))]
        cells = csv_cells(payload.decode())
    except UnicodeDecodeError:
        raise Unreadable("is no UTF-8") from None
    except ValueError as error:
        raise Unreadable(str(error)) from None
    stray = stray_column(names)
    if stray is not None:
        raise Unreadable(stray)
    if len(set(names)) != len(names):
        raise Unreadable("a column is there twice")
    if len(cells) != len(names):
        raise Unreadable(f"{len(cells)} cells under {len(names)} columns")
    given = {name: cell for name, cell in zip(names, cells, strict=True) if cell}
    try:
        return msgspec.convert(given, SocialLine, strict=False)
    except msgspec.MsgspecError as error:
        raise unreadable(error) from None


def _volume(line: SocialLine, received: int, common: dict[str, Any]) -> SocialRecord:
    _refuse(line, _OF_ANNOUNCEMENT)
    start = _time(line.start, received, "start")
    end = _time(line.end, received, "end")
    if not 0 < end - start <= DAY:
        raise Unreadable("a stretch ends after its start, and is a day long at most", "end")
    if line.messages is None:
        raise Unreadable("missing", "messages")
    if line.authors is not None and line.authors > line.messages:
        raise Unreadable("more authors than messages", "authors")
    return SocialVolume(
        **common,
        id="",
        timestamp=end,
        start=start,
        end=end,
        messages=line.messages,
        authors=line.authors,
        sentiment=line.sentiment,
    )


def _announcement(line: SocialLine, received: int, common: dict[str, Any]) -> SocialRecord:
    _refuse(line, _OF_VOLUME)
    if line.announcement is None:
        raise Unreadable("missing", "announcement")
    return SocialAnnouncement(
        **common,
        id="",
        timestamp=_time(line.time, received, "time"),
        announcement=line.announcement,
        channel=line.channel,
        message_id=None if line.message_id is None else str(line.message_id),
        text_sha256=None if line.text_sha256 is None else line.text_sha256.lower(),
        members=line.members,
    )


def _identity(event: SocialRecord) -> tuple[object, ...]:
    if isinstance(event, SocialVolume):
        return ("volume", event.start, event.end)
    if event.channel is not None and event.message_id is not None:
        return ("message", event.channel, event.message_id)
    return ("message", event.channel, event.timestamp, event.text_sha256, event.announcement)


def _refuse(line: SocialLine, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(line, name) is not None:
            raise Unreadable(f"a line of type {line.type} has none", name)


def _time(moment: Moment | None, received: int, field: str) -> int:
    if moment is None:
        raise Unreadable("missing", field)
    if isinstance(moment, int):
        time = plausible(moment, received, field)
    elif moment.isascii() and moment.isdigit():
        time = plausible(int(moment), received, field)
    else:
        time = event_time(moment, received, field)
    if time > received + _MOST_AHEAD:
        # Nothing of its feed would count until then.
        raise Unreadable("is to come yet: what was said is told when it is over", field)
    return time
