"""Which files of a path are message logs of FIX engines, by their names and first lines. No bus."""

from collections.abc import Sequence
from typing import Literal

from collectors.order_log.log_files import SUFFIXES, LogFiles, is_called_as_fix_logs
from collectors.recording import UNREADABLE, open_lines
from pipeline.fix_log import is_of_fix_log
from pipeline.foreign_text import HEAD, foreign

#: Engines write down other things as well, also before the first message.
_FIRST_LINES = 20
_LONGEST = 1 << 16
#: The columns that each order log has are at least three.
_DELIMITERS = (b",", b";", b"\t")
_FEWEST = 2

#: ``unclear``: some lines, none of which says it. ``empty``: none yet.
Kind = Literal["fix", "other", "unclear", "empty"]


def are_fix_logs(files: LogFiles, names: Sequence[str]) -> bool:
    """Whether these files are several, and logs of FIX, all that have a message at all."""
    kinds = {kind_of(files, name) for name in names} if len(names) > 1 else set[Kind]()
    return "fix" in kinds and "other" not in kinds


def fix_logs_among(files: LogFiles) -> Literal["all", "some", "none"] | None:
    """Which of the files are logs of FIX, of those that show it; None while none of them does.

    Raises OSError.
    """
    kinds = {kind_of(files, name) for name in files.names()}
    if "fix" in kinds:
        return "some" if "other" in kinds else "all"
    return "none" if "other" in kinds else None


def kind_of(files: LogFiles, name: str) -> Kind:
    """What a file is, as far as it shows that by now."""
    if is_called_as_fix_logs(name):
        return "fix"
    other = name.endswith(SUFFIXES)
    found: Kind = "empty"
    try:
        with open_lines(files.path_of(name)) as file:
            for _ in range(_FIRST_LINES):
                line = file.readline(_LONGEST)
                if not line:
                    return "other" if other else found
                if is_of_fix_log(line):
                    return "fix"
                if line.strip():
                    if other or _is_other(line):
                        return "other"
                    found = "unclear"
    except UNREADABLE:
        return "other" if other else "unclear"  # reading it says why
    return "other"


def _is_other(line: bytes) -> bool:
    """Whether the first line of a file is JSON, names columns, or is no text at all."""
    return (
        line.lstrip().startswith(b"{")
        or any(line.count(delimiter) >= _FEWEST for delimiter in _DELIMITERS)
        or bool(foreign(line[:HEAD]))
    )
