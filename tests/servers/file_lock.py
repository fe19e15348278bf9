"""A lock between processes, held through a file."""

import fcntl
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(path: Path, timeout_seconds: float) -> Generator[None]:
    """Hold `path` exclusively among processes.

    The kernel lets go when the holder dies, so no lock is ever stale. Raises TimeoutError when
    another process holds it for longer than `timeout_seconds`.
    """
    deadline = time.monotonic() + timeout_seconds
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError(
                        f"another process held {path} for {timeout_seconds:.0f} s"
                    ) from None
                time.sleep(0.05)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
