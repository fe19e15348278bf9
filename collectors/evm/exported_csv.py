"""Rows of CSV tables that were exported from a chain: each has as many cells as there are columns,
and no column that is read is there twice."""

import csv
from collections.abc import Collection, Iterator
from typing import BinaryIO

from collectors.evm.exported_json import LARGEST_ROW, Cells, NoRow, plain_name
from pipeline.csv_header import ColumnFault, repeated, said_of


class WrongHeader(Exception):
    """Columns that are read are there twice: nobody can tell which of them counts."""

    def __init__(self, names: list[str], faults: list[ColumnFault]) -> None:
        self.names = names
        self.place = faults[0].place
        super().__init__(said_of(faults))


class CsvTable:
    """A file that is read once, row by row. `known`: the columns that anybody reads."""

    def __init__(self, file: BinaryIO, known: Collection[str]) -> None:
        """Raises csv.Error, UnicodeDecodeError, OSError and WrongHeader."""
        csv.field_size_limit(LARGEST_ROW)
        self._file = file
        self._first = ""
        self._reader = csv.reader(self._lines(), strict=True)
        header = next(self._reader, list[str]())
        self.names = [plain_name(one.strip()) for one in header]
        if faults := list(repeated(self._first, self.names, among=known)):
            raise WrongHeader(self.names, faults)

    def rows(self) -> Iterator[tuple[int, Cells | NoRow]]:
        """Each row with the number of its line. Raises csv.Error, UnicodeDecodeError, OSError."""
        columns = len(self.names)
        for row in self._reader:
            if not row:
                continue
            if len(row) != columns:
                said = f"{len(row)} cells under {columns} columns: cut off, or not quoted"
                yield self._reader.line_num, NoRow(said)
            else:
                yield self._reader.line_num, dict(zip(self.names, row, strict=True))

    def _lines(self) -> Iterator[str]:
        number = 0
        while line := self._file.readline(LARGEST_ROW + 1):
            number += 1
            if len(line) > LARGEST_ROW:
                raise csv.Error(f"line {number} is longer than {LARGEST_ROW >> 20} MiB")
            text = line.decode()
            if number == 1:
                text = self._first = text.removeprefix("\ufeff")
            yield text
