"""What the files in a rules folder hold, told by their names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

_SUFFIXES = (".yml", ".yaml")
#: Tests stand beside their rules and are no rules.
TEST_SUFFIXES = (".test.yml", ".test.yaml")
EXCEPTION_SUFFIXES = (".exceptions.yml", ".exceptions.yaml")
LIST_SUFFIXES = (".lists.yml", ".lists.yaml")
_MOST_FILES = 20_000
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


def rule_files(path: Path) -> Iterator[Path]:
    """The file, or all files below the folder but tests and hidden ones, in order."""
    if not path.is_dir():
        yield path  # whether it is there and can be read, reading says
        return
    found = (
        file
        for file in path.rglob("*")
        if file.suffix.lower() in _SUFFIXES
        and not file.name.lower().endswith(TEST_SUFFIXES)
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and file.is_file()
    )
    yield from sorted(found)[:_MOST_FILES]
