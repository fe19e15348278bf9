"""Events out of files of any of the known forms, told apart by how they begin."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.event_sources.batches import Batch
from pipeline.event_sources.ndjson import GZIP, ZSTANDARD, ndjson_batches
from pipeline.event_sources.parquet import MAGIC, parquet_batches
from pipeline.event_sources.selection import STANDARD_INPUT
from pipeline.failure import CONFIGURATION, Failure
from pipeline.foreign_text import HEAD, foreign


class FileSource:
    """Files one after the other. `column`: of Parquet files, the one that holds JSON."""

    unit = "bytes"
    refused = 0

    def __init__(self, files: Sequence[Path], *, column: str | None = None) -> None:
        self._files = files
        self._column = column
        self.notes: list[str] = []
        self.total = _size(files)

    @property
    def name(self) -> str:
        """The file, or how many."""
        first = self._files[0]
        one = "standard input" if first == STANDARD_INPUT else str(first)
        return one if len(self._files) == 1 else f"{len(self._files):,} files, {one} the first"

    def batches(self) -> Iterator[Batch]:
        """All lines of all files. Raises Failure."""
        if self._column is not None and not any(map(_is_parquet, self._files)):
            raise Failure("--column belongs to files of Parquet", CONFIGURATION)
        before = 0
        for path in self._files:
            head = _head(path)
            if head.startswith(MAGIC):
                batches = parquet_batches(path, self._column)
            elif not head.startswith((GZIP, ZSTANDARD)) and (what := foreign(head)):
                raise Failure(f"{path} {what}", CONFIGURATION)
            else:
                batches = ndjson_batches(path, head)
            for batch in batches:
                batch.done += before
                yield batch
            before += _size([path]) or 0


def _is_parquet(path: Path) -> bool:
    return _head(path).startswith(MAGIC)


def _head(path: Path) -> bytes:
    if path == STANDARD_INPUT or not path.is_file():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise Failure(f"can't read {path}: {error.strerror}", CONFIGURATION) from error


def _size(files: Sequence[Path]) -> int | None:
    try:
        return sum(path.stat().st_size for path in files)
    except OSError:
        return None  # standard input, or a file that is gone: reading it says so
