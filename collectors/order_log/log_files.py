"""Which files an order log is, and in which order they are read."""

import glob
import re
from pathlib import Path

from pipeline.folder_files import files_below

#: What is taken out of a folder. A file that is named or matches a pattern may have any name.
SUFFIXES = tuple(
    plain + packed for plain in (".ndjson", ".jsonl", ".json", ".csv") for packed in ("", ".gz")
)
_MOST_FILES = 100_000
_DIGITS = re.compile(r"([0-9]{1,30})")


class LogFiles:
    """The files of a path: itself, those that a pattern matches, or those in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # What is there under that very name is meant.
        self._is_pattern = glob.has_magic(str(path)) and not path.exists()
        #: Names are told from here on.
        self.base = _base(path) if self._is_pattern else path if path.is_dir() else path.parent

    @property
    def is_one(self) -> bool:
        """Whether the path is the name of one file, as far as is known by now."""
        return not self._is_pattern and self.path.is_file()

    def names(self) -> list[str]:
        """All there are now, in the order in which they are read. Raises OSError."""
        if self._is_pattern:
            found = [Path(one) for one in glob.iglob(str(self.path), recursive=True)]  # noqa: PTH207, the pattern is absolute
        elif self.path.is_dir():
            found = [one for one in files_below(self.path) if _is_log(one.name)]
        else:
            try:
                self.path.stat()  # `exists` says no where it can't be known, since Python 3.14
                found = [self.path]
            except FileNotFoundError:
                found = []
        names = [
            one.relative_to(self.base).as_posix()
            for one in found
            if one.is_file() and not _hidden(one.relative_to(self.base))
        ]
        if len(names) > _MOST_FILES:
            raise OSError(f"more than {_MOST_FILES} files")
        for name in names:
            if not name.isascii() and name != name.encode(errors="replace").decode():
                # It is a part of positions, which are texts.
                raise OSError(f"the name of a file is no UTF-8: {name!a}")
        return sorted(names, key=order_of)

    def path_of(self, name: str) -> Path:
        """Where the file of this name lies."""
        return self.base / name


def is_called_as_fix_logs(name: str) -> bool:
    """Whether a file is called as the message logs of FIX engines are: `acme.fix`, or as QuickFIX
    has it `FIX.4.4-SENDER-TARGET.messages.current.log`."""
    last = name.rpartition("/")[2].removesuffix(".gz")
    return last.endswith((".fix", ".fixlog")) or (last.startswith("FIX") and ".messages." in last)


def _is_log(name: str) -> bool:
    return name.endswith(SUFFIXES) or is_called_as_fix_logs(name)


def order_of(name: str) -> list[tuple[int, int, str]]:
    """What names are compared by: digits in them count as numbers."""
    parts = _DIGITS.split(name)
    return [(1, int(part), part) if at % 2 else (0, 0, part) for at, part in enumerate(parts)]


def _base(path: Path) -> Path:
    plain = path
    while glob.has_magic(str(plain)):
        plain = plain.parent
    return plain


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
