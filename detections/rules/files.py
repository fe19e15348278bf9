"""What the files in a rules folder hold, told by their names."""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Literal

from pipeline.failure import CONFIGURATION, Failure
from pipeline.folder_files import files_below

RULE_SUFFIXES = (".yml", ".yaml")
#: Tests stand beside their rules and are no rules.
TEST_SUFFIXES = (".test.yml", ".test.yaml")
EXCEPTION_SUFFIXES = (".exceptions.yml", ".exceptions.yaml")
LIST_SUFFIXES = (".lists.yml", ".lists.yaml")
MOST_FILES = 20_000
_EVENT_SUFFIXES = frozenset((".ndjson", ".jsonl", ".csv", ".gz", ".zst"))

Content = Literal["rules", "exceptions", "lists"]


def content_of(name: str) -> Content:
    """What a file of this name holds."""
    lower = name.lower()
    if lower.endswith(EXCEPTION_SUFFIXES):
        return "exceptions"
    return "lists" if lower.endswith(LIST_SUFFIXES) else "rules"


def holds_events(path: Path) -> bool:
    """Whether a file is one of events, or an order log, by its name: no rule is called so."""
    return path.suffix.lower() in _EVENT_SUFFIXES


def is_test_file(path: PurePath) -> bool:
    """Whether a file is one of tests, by its name."""
    return path.name.lower().endswith(TEST_SUFFIXES)


def rule_files(path: Path) -> Iterator[Path]:
    """The file, or all files below the folder but tests and hidden ones, in order.

    What can't be read is among them, also a folder, so that reading it says why. Raises Failure
    where there are more than anybody writes.
    """
    if not path.is_dir():
        yield path  # whether it is there and can be read, reading says
        return
    found: list[Path] = []
    for file in files_below(path):
        if file.is_dir() or (file.suffix.lower() in RULE_SUFFIXES and not is_test_file(file)):
            found.append(file)
            if len(found) > MOST_FILES:
                raise Failure(f"{path} has more than {MOST_FILES:,} files of rules", CONFIGURATION)
    yield from sorted(found)


def misnamed_files(folder: Path) -> list[tuple[Path, str]]:
    """Files that an editor gave another ending, as in `a.yml.txt`, each with the right name."""
    return sorted(
        (file, file.stem)
        for file in files_below(folder)
        if file.suffix.lower() == ".txt" and file.stem.lower().endswith(RULE_SUFFIXES)
    )
