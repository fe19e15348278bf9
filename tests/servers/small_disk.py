"""A small disk that can be full: a tmpfs of its own. Only root may mount one."""

import os
import subprocess
from pathlib import Path


class CannotMount(Exception):
    """There is no small disk to be had here; the text says why."""


class SmallDisk:
    """A disk of ``size`` bytes at ``path``. Use as a context manager."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self._size = size
        self._ballast = path / "ballast"

    def __enter__(self) -> "SmallDisk":
        """Raises :class:`CannotMount`."""
        if os.geteuid() != 0:
            raise CannotMount("only root may mount a small disk (tmpfs)")
        self.path.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._size}", "tmpfs", str(self.path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            raise CannotMount(f"mount can't be run: {error}") from None
        if done.returncode:
            raise CannotMount(f"no tmpfs can be mounted: {done.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        # Lazily: a server that was killed may still hold a file.
        subprocess.run(["umount", "-l", str(self.path)], check=True)

    @property
    def free(self) -> int:
        """Bytes that may still be written."""
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Leave so many bytes free, at most."""
        with self._ballast.open("ab", buffering=0) as file:
            while self.free > leave:
                try:
                    file.write(bytes(min(1 << 20, self.free - leave)))
                except OSError:
                    return

    def make_room(self) -> None:
        """Take away what filled it."""
        self._ballast.unlink(missing_ok=True)
