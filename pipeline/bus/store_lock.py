"""Who has the store of an embedded bus: the server that writes it, and the Tapewatch that runs it.

nats-server itself would let a second one write into the same files. Two locks, both of which the
system lifts when their process ends, however it ends: the server's, which it inherits, and its
Tapewatch's. A server whose Tapewatch is gone is nobody's, and is ended by the next one.
"""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

#: What nats-server writes its process id to.
PID_FILE = "server.pid"
#: What it is started with: no other process has this in its command.
SETTINGS_FILE = "server.conf"
_SERVER, _OWNER = "lock", "owner.lock"
#: For how long each signal is waited for.
_STOP_TIMEOUT = 20.0
_PAUSE = 0.05


class StoreTaken(Exception):
    """Somebody else has the store: who, in words."""


def take(path: Path) -> int | None:
    """A descriptor that holds the lock of a file, until it is closed, as far as the system has such
    locks. Raises BlockingIOError while another one holds it."""
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


class StoreLock:
    """The Tapewatch's side of both locks."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._owner: int | None = None

    async def take(self) -> int | None:
        """A descriptor with the server's lock, to be handed on to it. What is nobody's is ended
        first. Raises StoreTaken, and OSError."""
        if self._owner is None:
            try:
                self._owner = take(self._store / _OWNER)
            except BlockingIOError:
                raise StoreTaken("another Tapewatch runs") from None
        signals = [signal.SIGINT, signal.SIGTERM]
        until = 0.0
        while True:
            try:
                return take(self._store / _SERVER)
            except BlockingIOError:
                server = _nats_server(self._store)
            if time.monotonic() >= until:
                if not signals:
                    who = "something" if server is None else f"process {server}"
                    raise StoreTaken(f"{who} holds its lock and doesn't end")
                # It may not have said its id yet: then it is asked for again.
                until = time.monotonic() + (_STOP_TIMEOUT if server else _PAUSE * 20)
                number = signals.pop(0)
                if server is not None:
                    with suppress(ProcessLookupError):
                        os.kill(server, number)
            await asyncio.sleep(_PAUSE)

    def release(self) -> None:
        """The store is not ours any more."""
        if self._owner is not None:
            os.close(self._owner)
            self._owner = None


def _nats_server(store: Path) -> int | None:
    """The server that says that it has the store, if it is one: an id may be another's by now."""
    try:
        process = int((store / PID_FILE).read_text())
        command = Path(f"/proc/{process}/cmdline")
        if command.parent.parent.joinpath("self").exists():
            settings = os.fsencode((store / SETTINGS_FILE).absolute())
            return process if settings in command.read_bytes().split(b"\0") else None
        os.kill(process, 0)
    except (OSError, ValueError):
        return None
    return process
