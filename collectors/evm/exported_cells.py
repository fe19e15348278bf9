"""Cells of tables that were exported from a chain, in the forms in which programs write them."""

import re
from datetime import UTC, datetime
from typing import cast

#: A row of a table: our names of its columns, and what stands there.
Row = dict[str, str]

#: As Python, pandas, JavaScript, Go and databases write that there is nothing.
_NOTHING = frozenset(("null", "NULL", "None", "nan", "NaN", "<nil>", "<NA>", "\\N"))
_WHOLE = re.compile(r"[0-9]{1,78}|0x[0-9a-fA-F]{1,64}")
#: pandas makes floats of a column with a gap. Of so many digits they have lost none.
_FLOAT = re.compile(r"([0-9]{1,15})\.0")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9:]{8})(?:\.0+)?(?: ?UTC|Z|\+00:00)?")
#: Between the parts of a list: of ethereum-etl, JSON, Python, numpy and Postgres.
_BETWEEN = re.compile(r"[\s,'\"\[\]{}]+")
_DAY_AND_TIME = "%Y-%m-%d %H:%M:%S"
_MOST_SECONDS = 10**11


def text_of(cell: object) -> str:
    """A cell as text, empty where it says that there is nothing: a list with commas."""
    if cell is None:
        return ""
    if isinstance(cell, list):
        return ",".join(str(one) for one in cast("list[object]", cell))
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = str(cell).strip()
    return "" if text in _NOTHING else text


def topics_of(row: Row) -> list[str]:
    """The topics of a log: a list in one column, or a column for each."""
    if "topics" in row:
        parts = _BETWEEN.split(row["topics"])
        return [one for one in parts if one and one not in _NOTHING]
    return [row[name] for name in ("topic0", "topic1", "topic2", "topic3") if name in row]


def whole(row: Row, name: str) -> int:
    """A whole number, decimal or hexadecimal. Raises ValueError with what is wrong."""
    text = row.get(name, "")
    if (found := _FLOAT.fullmatch(text)) is not None:
        text = found[1]
    if _WHOLE.fullmatch(text) is None:
        raise ValueError(f"{name}: {text[:40]!r} is no whole number")
    return int(text, 0) if text.startswith("0x") else int(text)


def place_in(row: Row, name: str) -> int:
    """A number of a block, or a place in one. Raises ValueError."""
    number = whole(row, name)
    if number >= 1 << 63:
        raise ValueError(f"{name}: {row[name][:40]} is out of range")
    return number


def seconds(row: Row) -> int:
    """A block's time: a number since the epoch, or a date in UTC. Raises ValueError.

    The number's size tells whether it is of seconds, milli-, micro- or nanoseconds.
    """
    text = row["time"]
    if _WHOLE.fullmatch(text) is not None or _FLOAT.fullmatch(text) is not None:
        number = whole(row, "time")
        for _ in ("milli", "micro", "nano"):
            if number >= _MOST_SECONDS:
                number //= 1_000
        return number
    try:
        found = _DATE.fullmatch(text)
        day = datetime.strptime("" if found is None else " ".join(found.groups()), _DAY_AND_TIME)
    except ValueError:
        wrong = f"time: {text[:40]!r} is neither a number nor a date in UTC"
        raise ValueError(wrong) from None
    return int(day.replace(tzinfo=UTC).timestamp())
