"""Social feeds: files with a count of messages, or an announcement, per line
(``docs/social-feed.md``).

A line that has anything but the format's columns is not kept, neither as a frame nor as a dead
letter: it may say who wrote what.
"""

from typing import Any

import msgspec

from collectors.order_log.log_follower import LogFollower
from collectors.order_log.log_lines import LogLine
from pipeline.csv_line import csv_cells
from pipeline.social_payload import PROTOCOL, stray_column
from pipeline.trade_sides import decode_context

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class SocialFeedCollector(LogFollower):
    """Sends the lines of one social feed, until cancelled."""

    protocol = PROTOCOL
    marks_gaps = False

    async def _report(self, line: LogLine) -> None:
        await super()._report(line._replace(payload=b""))

    def refused(self, line: LogLine) -> str:
        found = refusal(line)
        return f"line {line.place.number}: {found}" if found else ""


def refusal(line: LogLine) -> str:
    """Why nothing of a line may be kept; empty where it may."""
    columns = decode_context(line.context).columns
    try:
        if columns is None:
            found: dict[str, Any] = _decoder.decode(line.payload)
            names = list(found)
        else:
            names = [cell.strip() for cell in csv_cells(columns.removeprefix("\ufeff"))]
            if len(csv_cells(line.payload.decode())) != len(names):
                return f"other cells than the {len(names)} columns have"
    except (msgspec.MsgspecError, RecursionError):
        return "no object of JSON, or one that is nested too deep"
    except ValueError:
        return "no line of CSV"
    return stray_column(names) or ""
