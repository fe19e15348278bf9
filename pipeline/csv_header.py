"""The first line of a CSV file: its columns, where each stands, and which are there twice."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from pipeline.csv_line import csv_cells


class ColumnFault(NamedTuple):
    """What is wrong with a column: where its name begins in the line (from 1), and why."""

    place: int
    reason: str


def said_of(faults: Sequence[ColumnFault]) -> str:
    """All of them on one line."""
    return "; ".join(f"column {fault.place}: {fault.reason}" for fault in faults)


def names_of(header: str) -> list[str]:
    """The names of the columns. Raises ValueError."""
    return [cell.strip() for cell in csv_cells(header.removeprefix("\ufeff"))]


def places_of(header: str, delimiter: str = ",") -> list[int]:
    """Where each name begins in the line, from 1."""
    header = header.removeprefix("\ufeff").rstrip("\r\n")
    places, quoted = [1], False
    for at, char in enumerate(header, 1):
        if char == '"':
            quoted = not quoted
        elif char == delimiter and not quoted:
            places.append(at + 1)
    return places


def other_delimiter(header: str) -> str | None:
    """What a line says that separates its columns by something else than commas."""
    if "," in header:
        return None
    for sign, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars (|)")):
        if header.count(sign) >= 1:
            return f"the columns are separated by {name}, not by commas"
    return None


def repeated(
    header: str,
    names: Sequence[str],
    delimiter: str = ",",
    *,
    among: Collection[str] | None = None,
) -> Iterator[ColumnFault]:
    """Columns whose name stands further left already: nobody could tell which of them counts.

    `among`: only names that are read; what nobody reads may be there as often as it likes.
    """
    first: dict[str, int] = {}
    places: list[int] = []
    for at, name in enumerate(names):
        if name == "" if among is None else name not in among:
            continue
        if name in first:
            places = places or places_of(header, delimiter)
            # A name with a line break in it: then places are not what they seem.
            where = [places[one] if one < len(places) else 1 for one in (first[name], at)]
            yield ColumnFault(where[1], f"{name} is there twice, first in column {where[0]}")
        first.setdefault(name, at)
