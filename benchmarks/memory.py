"""How much memory a process has, and had at most. Linux only, as `/proc` is."""

import os
import resource
from pathlib import Path


def resident(pid: int | None = None) -> int:
    """Bytes that a process has in memory, without `pid` this one; 0 where there is none."""
    place = Path("/proc") / ("self" if pid is None else str(pid)) / "statm"
    try:
        pages = int(place.read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def most_resident() -> int:
    """Bytes that this process had in memory at most until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux tells KiB
