"""A timeline as CSV (RFC 4180), for spreadsheets."""

import csv
from collections.abc import Sequence
from pathlib import Path

from evidence.investigation.lines import Line
from normalizer.events.ecs import rfc3339

COLUMNS = (
    "time", "kind", "action", "summary", "by", "instrument", "level", "evidence_of", "order_ids",
    "trade_id", "transaction_hash", "block_number", "id", "original", "tags", "sha256",
)  # fmt: skip
#: What a spreadsheet would take for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(path: Path, lines: Sequence[Line]) -> None:
    """One row per line, after a head. Raises OSError."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for line in lines:
            writer.writerow([_cell(line, column) for column in COLUMNS])


def _cell(line: Line, column: str) -> str:
    if column == "time":
        return rfc3339(line.time)
    value: object = getattr(line, column)
    if value is None:
        return ""
    text = " ".join(value) if isinstance(value, tuple) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return f"'{text}" if text.startswith(_FORMULA) else text
