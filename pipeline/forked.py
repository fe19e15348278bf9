"""What is made of the memory as it is at one moment, while the process goes on changing it.

A forked child has all memory as it was, without a copy: the system copies a page only when one of
the two writes to it. So the process pauses for the fork, and not for the work.
"""

import gc
import io
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Where a process with threads can be forked safely, if the child does nothing but compute.
CAN_FORK = sys.platform == "linux"
#: Behind its parent, but not so far that a busy machine never comes to it.
_NICENESS = 3


class WorkFailed(RuntimeError):
    """The child ended without finishing: how."""


class Forked(io.RawIOBase):
    """The output of work on the memory of this moment, to be read once.

    Reading raises WorkFailed at the end if the child didn't finish its work. `close` in any case:
    it ends a child that still works. Where the system can't fork, the work is done at once.
    """

    def __init__(self, work: Callable[[], Iterable[bytes]], *, fork: bool = CAN_FORK) -> None:
        super().__init__()
        self.pause = 0.0
        """Seconds for which nothing else could be done."""
        self.busy = 0.0
        """Seconds of processor time that the work took; known at its end."""
        self._pid = 0
        self._reading = threading.Lock()
        self._collecting = gc.isenabled()
        began = time.perf_counter()
        if fork:
            self._fork(work)
        else:
            self._data = io.BytesIO(b"".join(work()))
            self.busy = time.perf_counter() - began
        self.pause = time.perf_counter() - began

    def _fork(self, work: Callable[[], Iterable[bytes]]) -> None:
        reading, writing = os.pipe()
        try:
            with warnings.catch_warnings():
                # Python warns of forks in processes with threads. The child takes no lock that one
                # of them could hold: it computes, writes to the pipe and ends.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            raise
        if pid == 0:
            _work(work, writing)
        os.close(writing)
        self._pid = pid
        self._data = os.fdopen(reading, "rb", buffering=0)
        # A collection writes to every object that it looks at, and so copies its page. `gc.freeze`
        # would prevent it as well, but it can only be undone together with that of all modules.
        gc.disable()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Raises WorkFailed where the child ended too early."""
        with self._reading:
            count = self._data.readinto(buffer) or 0
            if not count and self._pid:
                self._finished()
            return count

    def _finished(self) -> None:
        status = self._reap()
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            raise WorkFailed(f"the child process was ended by {name}")
        if os.WEXITSTATUS(status):
            raise WorkFailed(f"the child process ended with {os.WEXITSTATUS(status)}")

    def _reap(self) -> int:
        pid, self._pid = self._pid, 0
        _, status, usage = os.wait4(pid, 0)
        self.busy = usage.ru_utime + usage.ru_stime
        if self._collecting:
            gc.enable()
        return status

    def kill(self) -> None:
        """End the child; whoever reads is told."""
        if pid := self._pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        self.kill()
        with self._reading:  # by another thread, which the end of the child ends
            if self._pid:
                self._reap()
            self._data.close()
        super().close()


def _work(work: Callable[[], Iterable[bytes]], writing: int) -> NoReturn:
    """In the child: work, write, and end without any of the parent's clean-up."""
    code = 1
    try:
        gc.disable()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        # Connections and locks of the parent must end with it, not with its child.
        os.closerange(3, writing)
        os.closerange(writing + 1, os.sysconf("SC_OPEN_MAX"))
        os.nice(_NICENESS)
        for part in work():
            view = memoryview(part)
            while view:
                view = view[os.write(writing, view) :]
        code = 0
    except BaseException as error:
        os.write(2, f"a forked child failed: {type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)
