"""Social feeds: files with a count of messages, or an announcement, per line
(``docs/social-feed.md``).

A line that has anything but the format's columns, or in one of them what can't stand there, is not
kept, neither as a frame nor as a dead letter: it may say who wrote what.
"""

import re
from collections.abc import Sequence

import msgspec

from collectors.order_log.log_follower import LogFollower
from collectors.order_log.log_lines import LogLine
from pipeline.csv_header import ColumnFault, names_of
from pipeline.csv_line import csv_cells
from pipeline.social_payload import PROTOCOL, SocialLine, header_faults, stray_column
from pipeline.trade_sides import decode_context

_decoder = msgspec.json.Decoder(SocialLine, strict=False)
_names = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PLACE = re.compile(r" - at `\$\.?(.*)`$")


class SocialFeedCollector(LogFollower):
    """Sends the lines of one social feed, until cancelled."""

    protocol = PROTOCOL
    marks_gaps = False

    async def _report(self, line: LogLine) -> None:
        await super()._report(line._replace(payload=b""))

    def wrong_columns(self, header: str) -> Sequence[ColumnFault]:
        return header_faults(header)

    def refused(self, line: LogLine) -> str:
        found = refusal(line)
        return f"line {line.place.number}: {found}" if found else ""


def refusal(line: LogLine) -> str:
    """Why nothing of a line may be kept; empty where it may."""
    columns = decode_context(line.context).columns
    return _refusal_of_json(line.payload) if columns is None else _of_csv(line.payload, columns)


def _refusal_of_json(payload: bytes) -> str:
    try:
        _decoder.decode(payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        try:
            names = list(_names.decode(payload))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return "no object of JSON, or one that is nested too deep"
        return stray_column(names) or _said(error)
    return ""


def _of_csv(payload: bytes, columns: str) -> str:
    try:
        names = names_of(columns)
        cells = csv_cells(payload.decode())
    except ValueError:
        return "no line of CSV"
    if len(cells) != len(names):
        return f"other cells than the {len(names)} columns have"
    stray = stray_column(names)
    if stray is not None:
        return stray
    if len(set(names)) != len(names):
        return "a column is there twice"
    given = {name: cell for name, cell in zip(names, cells, strict=True) if cell}
    try:
        msgspec.convert(given, SocialLine, strict=False)
    except msgspec.MsgspecError as error:
        return _said(error)
    return ""


def _said(error: Exception) -> str:
    """What was expected where, without what stood there."""
    text = "no UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
    found = _PLACE.search(text)
    said = text if found is None else text[: found.start()]
    if said.startswith("Invalid enum value"):
        said = "none of the values that are allowed"
    return said if found is None else f"{found[1]}: {said}"
