"""One line of CSV, by RFC 4180, without a break inside of a cell."""

import csv


def csv_cells(line: str) -> list[str]:
    """The cells of a line. Raises ValueError."""
    line = line.rstrip("\r\n")
    if '"' not in line:
        return line.split(",")
    try:
        for found in csv.reader([line], strict=True):
            return found
    except csv.Error as error:
        raise ValueError(f"no line of CSV: {error}") from None
    return []
