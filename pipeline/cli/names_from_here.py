"""Files and this program by the names that can be typed where the user stands."""

import shlex
import shutil
import sys
from pathlib import Path


def from_here(path: Path) -> Path:
    """As people would name it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def program() -> str:
    """What to type for this program: where no search path has it, as it was called just now."""
    called = Path(sys.argv[0])
    if called.name != "tapewatch" or shutil.which("tapewatch") is not None:
        return "tapewatch"
    return shlex.quote(str(from_here(called.absolute())))
