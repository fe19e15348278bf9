"""Reference data in files: CSV, Parquet, and YAML as under ``reference:``.

A file that hasn't changed (its size, its time and its number on the disk) is not read again. One
that changes while it is read is read again next time.
"""

import asyncio
import csv
import glob
import re
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, get_args

import msgspec

from collectors.reference.rows import RowReader
from collectors.reference.source import Given, Item, Rejected, SourceFault, Unchanged
from pipeline.config.reference_consistency import FORMATS
from pipeline.config.reference_sources import FileReference
from pipeline.csv_header import other_delimiter, repeated, said_of
from pipeline.foreign_text import HEAD, foreign
from pipeline.problems import ProblemsFound, did_you_mean, one_of
from pipeline.reference_records import Reference, ReferenceRecord
from pipeline.structured import examine
from pipeline.units import about_size
from pipeline.yaml_nodes import MappingNode, Node, SequenceNode
from pipeline.yaml_source import read_file

_AT_ONCE = 2_000
#: A field of CSV larger than this is none of a record.
_LONGEST_FIELD = 1 << 20
_LONGEST_LINE = 16 << 20
_RETURN = re.compile(r"(?<=\r)(?![\n]|$)")
#: What DuckDB may take: a Parquet file of some MB may unpack to any size.
_PARQUET_MEMORY = "512MiB"

#: What is in each section of a file's YAML.
_SECTIONS: dict[str, type[ReferenceRecord]] = {
    field.name: get_args(field.type)[0] for field in msgspec.structs.fields(Reference)
}

Stamp = tuple[int, int, int]


class FileSource:
    """A :class:`collectors.reference.source.ReferenceSource`."""

    def __init__(self, settings: FileReference) -> None:
        self._settings = settings
        self._path = settings.path
        self._format = settings.format or FORMATS.get(settings.path.suffix.lower(), "")
        self._rows = None if settings.kind is None else RowReader(settings, settings.kind)
        self._read: Stamp | None = None

    @property
    def complete(self) -> bool:
        """As configured."""
        return self._settings.complete

    async def read(self) -> AsyncIterator[Item]:
        """Every record of the file."""
        stamp = await asyncio.to_thread(self._stamp)
        if stamp == self._read:
            raise Unchanged
        items = self._items()
        while part := await asyncio.to_thread(_part, items):
            for item in part:
                yield item
        if await asyncio.to_thread(self._stamp) != stamp:
            raise SourceFault(f"{self._path} changed while it was read")
        self._read = stamp

    async def close(self) -> None:
        """Nothing is open between reads."""

    def _stamp(self) -> Stamp:
        try:
            found = self._path.stat()
        except OSError as error:
            raise SourceFault(f"{self._path}: {error.strerror}") from error
        if found.st_size > self._settings.max_size:
            raise SourceFault(
                f"{self._path} has {about_size(found.st_size)}, more than max_size "
                f"({about_size(self._settings.max_size)})"
            )
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _items(self) -> Iterator[Item]:
        readers: dict[str, Callable[[], Iterator[Item]]] = {
            "csv": self._csv,
            "parquet": self._parquet,
            "yaml": self._yaml,
        }
        return readers[self._format]()

    def _csv(self) -> Iterator[Item]:
        assert self._rows is not None
        csv.field_size_limit(_LONGEST_FIELD)
        try:
            with self._path.open("rb") as file:
                if what := foreign(file.read(HEAD)):
                    raise SourceFault(f"{self._path} {what}")
                file.seek(0)
                yield from _csv_rows(file, self._path, self._rows, self._settings.delimiter)
        except OSError as error:
            raise SourceFault(f"{self._path}: {error.strerror or error}") from error

    def _parquet(self) -> Iterator[Item]:
        import duckdb

        assert self._rows is not None
        try:
            with duckdb.connect(
                config={"memory_limit": _PARQUET_MEMORY, "temp_directory": "", "threads": 1}
            ) as database:
                path = glob.escape(str(self._path))  # DuckDB takes a path for a pattern
                found = database.execute("SELECT * FROM read_parquet(?)", [path])
                columns = [str(one[0]) for one in found.description or ()]
                _complain(self._rows, columns, self._path)
                number = 0
                while rows := found.fetchmany(_AT_ONCE):
                    for row in rows:
                        number += 1
                        values = dict(zip(columns, row, strict=True))
                        yield self._rows.read(values, f"{self._path}, row {number}")
        except (duckdb.Error, OSError) as error:
            raise SourceFault(f"{self._path}: {error}") from error

    def _yaml(self) -> Iterator[Item]:
        parsed = read_file(self._path, single=True)
        if any(problem.severity == "error" for problem in parsed.source.problems):
            raise SourceFault(str(ProblemsFound(parsed.source.problems)))
        whole = examine(parsed.documents[0], Reference)
        if whole.value is not None:
            for record in whole.value.records():
                yield Given(record, str(self._path))
            return
        yield from _yaml_parts(parsed.documents[0])


def _csv_rows(
    file: BinaryIO, path: Path, reader: RowReader, delimiter: str
) -> Iterator[Given | Rejected]:
    lines = _lines(file, path)
    first = next(lines, "")
    rows = csv.reader(chain((first,), lines), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip() for name in next(rows, list[str]())]
        if delimiter == "," and (said := other_delimiter(first)):
            raise SourceFault(f"{path}:1: {said}: name it as the source's delimiter")
        _complain(reader, columns, path)
        known = frozenset(reader.columns.values())
        if faults := list(repeated(first, columns, delimiter, among=known)):
            raise SourceFault(f"{path}:1:{faults[0].place}: {said_of(faults)}")
        for row in rows:
            place = f"{path}:{rows.line_num}"
            if not row:
                continue
            if len(row) != len(columns):
                reason = f"has {len(row)} columns, and the header {len(columns)}"
                yield Rejected(place, reason, hides=True)
                continue
            yield reader.read(dict(zip(columns, row, strict=True)), place)
    except csv.Error as error:
        raise SourceFault(f"{path}:{rows.line_num}: {error}") from error


def _lines(file: BinaryIO, path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise SourceFault(f"{path}:{number}: longer than {about_size(_LONGEST_LINE)}")
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            byte = f"byte 0x{line[error.start]:02x}"
            raise SourceFault(
                f"{path}:{number}:{error.start + 1}: the {byte} is no UTF-8: save it as UTF-8"
            ) from None
        # Where a line ends in a carriage return alone there are more of them in it.
        yield from _RETURN.split(text) if "\r" in text else (text,)


def _complain(reader: RowReader, columns: list[str], path: Path) -> None:
    """Without a column that is configured, no row would be what it was. And without any that is
    read it is another file, or a part of one: that no record is left in it would be a mistake."""
    missing = reader.missing(columns)
    if missing:
        raise SourceFault(f"{path}:1: there is no column {', '.join(missing)}")
    if not any(columns):
        raise SourceFault(f"{path} is empty: a list without entries has the names of its columns")
    known = list(reader.columns.values())
    if said := reader.misspelt(columns):
        raise SourceFault(f"{path}:1: {said}")
    if not any(column in columns for column in known):
        hint = next((found for name in columns if (found := did_you_mean(name, known))), None)
        meant = f"did you mean {hint}?" if hint else f"it may have {one_of(known)}"
        raise SourceFault(f"{path}:1: none of its columns is read; {meant}")


def _yaml_parts(root: Node) -> Iterator[Item]:
    """Records one by one, where the whole isn't right: what is right goes on."""
    if not isinstance(root, MappingNode):
        raise SourceFault(f"{root.location}: expected sections such as tokens and investors")
    for key, section in root.pairs:
        if key.text not in _SECTIONS or not isinstance(section, SequenceNode):
            reason = f"{key.text} is no section of reference data"
            yield Rejected(str(key.location), reason, key.text, hides=True)
            continue
        for item in section.items:
            outcome = examine(item, _SECTIONS[key.text])
            if outcome.value is not None:
                yield Given(outcome.value, str(item.location))
                continue
            for problem in outcome.problems:
                if problem.severity == "error":
                    place, field = str(problem.location), problem.path or None
                    yield Rejected(place, problem.message, field, hides=True)
                    break


def _part(items: Iterator[Item]) -> list[Item]:
    part: list[Item] = []
    for item in items:
        part.append(item)
        if len(part) >= _AT_ONCE:
            break
    return part
