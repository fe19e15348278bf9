"""Which files are meant by the paths, patterns and folders that a person names."""

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.failure import CONFIGURATION, Failure
from pipeline.file_meant import file_meant
from pipeline.folder_files import files_below

_PLAIN = (".ndjson", ".jsonl", ".json")
#: What is taken out of a folder. A file that is named itself may be called anything.
SUFFIXES = (*(plain + packed for plain in _PLAIN for packed in ("", ".gz", ".zst")), ".parquet")
STANDARD_INPUT = Path("-")
_MOST_FILES = 100_000
#: What a file sink writes beside `events`, each in a folder of its own.
_NO_EVENTS = ("alerts", "cases")


def select_files(named: Iterable[Path]) -> list[Path]:
    """The files, each once, in the order in which they were named, by name within a folder.

    A folder stands for all files of events below it, also behind links; one that a file sink writes
    to, for its `events` (its `alerts` and `cases` are none). Raises Failure where there is nothing,
    or something can't be read.
    """
    found: dict[Path, None] = {}
    for path in named:
        files = list(_files(path))
        if not files:
            raise Failure(_nothing(path), CONFIGURATION)
        found.update(dict.fromkeys(files))
    return list(found)


def _files(path: Path) -> Iterator[Path]:
    if path == STANDARD_INPUT or path.is_file() or path.is_fifo():
        yield path
    elif path.is_dir():
        yield from _below(path)
    elif glob.has_magic(str(path)):
        for match in sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207, the pattern may be absolute
            yield from _files(Path(match))


def _below(folder: Path) -> Iterator[Path]:
    files: list[Path] = []
    for file in files_below(folder):
        if file.is_dir():
            raise Failure(f"can't read the folder {file}", CONFIGURATION)
        if file.name.endswith(SUFFIXES) and not _holds_others(file, folder):
            files.append(file)
            if len(files) > _MOST_FILES:
                raise Failure(f"{folder} has more than {_MOST_FILES:,} files", CONFIGURATION)
    yield from sorted(files)


def _holds_others(file: Path, folder: Path) -> bool:
    """Whether it is a file sink's, and no event: that lies beside a folder with its events."""
    for parent in file.parents:
        if parent == folder:
            return False
        if parent.name in _NO_EVENTS and (parent.parent / "events").is_dir():
            return True
    return False


def _nothing(path: Path) -> str:
    if path.is_dir():
        return f"there are no events in the folder {path}: files end in {', '.join(SUFFIXES)}"
    if glob.has_magic(str(path)):
        return f"no file matches {path}"
    meant = file_meant(path)
    return f"there is no file or folder {path}" + (f": did you mean {meant}?" if meant else "")
