"""Which file was probably meant by a name that none has."""

import difflib
from pathlib import Path

from pipeline.problems import did_you_mean

_MOST_NAMES = 2_000
#: How near names must be without their endings, which all files of a kind share.
_NEAR = 0.7


def file_meant(path: Path) -> Path | None:
    """The file or folder beside it that is called nearly so; None where nothing is."""
    try:
        names = [entry.name for entry in path.parent.iterdir()][:_MOST_NAMES]
    except (OSError, ValueError):
        return None
    wanted = _stem(path.name)
    near = [
        name
        for name in names
        if name != path.name  # else it is a link to nothing
        and difflib.SequenceMatcher(None, wanted, _stem(name)).ratio() >= _NEAR
    ]
    hint = did_you_mean(path.name, near)
    return path.with_name(hint) if hint else None


def _stem(name: str) -> str:
    return name.partition(".")[0].casefold() or name.casefold()
