"""Work on the memory of one moment, while the process goes on."""

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.forked import CAN_FORK, Forked, WorkFailed

forking = pytest.mark.skipif(not CAN_FORK, reason="this system can't fork safely")


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """The collector runs, whatever was left under way by tests before in this process."""
    gc.collect()
    gc.enable()
    yield
    gc.enable()


@pytest.mark.parametrize("fork", [pytest.param(True, marks=forking), False])
def test_it_has_the_memory_of_the_moment(fork: bool) -> None:
    values = list(range(1_000))
    with Forked(lambda: (b"%d\n" % value for value in values), fork=fork) as output:
        values.clear()
        assert output.readall() == b"".join(b"%d\n" % value for value in range(1_000))


@forking
def test_the_process_goes_on_meanwhile() -> None:
    def slowly() -> Iterator[bytes]:
        time.sleep(0.5)
        yield b"done"

    with Forked(slowly) as output:
        assert output.pause < 0.4
        assert output.readall() == b"done"


@forking
def test_a_child_that_fails_is_told() -> None:
    def failing() -> Iterator[bytes]:
        yield b"half"
        raise ValueError("the rest is missing")

    with Forked(failing) as output, pytest.raises(WorkFailed, match="ended with 1"):
        output.readall()


@forking
def test_a_child_that_is_killed_is_told() -> None:
    with Forked(lambda: iter(lambda: b"x" * 65_536, b"")) as output:
        assert output.read(10) == b"x" * 10
        output.kill()
        with pytest.raises(WorkFailed, match="SIGKILL"):
            output.readall()


@forking
def test_closing_ends_a_child_that_still_works_and_leaves_no_zombie() -> None:
    output = Forked(lambda: iter(lambda: b"x" * 65_536, b""))
    pid = output._pid  # pyright: ignore[reportPrivateUsage]
    assert not gc.isenabled(), "a collection would copy the memory that both share"
    output.close()
    assert gc.isenabled()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@forking
def test_a_child_holds_none_of_the_parents_files_and_signals() -> None:
    """Else a restart could find a lock held, or a server a connection open."""

    def told() -> Iterator[bytes]:
        yield " ".join(sorted(one.name for one in Path("/proc/self/fd").iterdir())).encode()
        yield b"|%d" % (signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)

    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]
    try:
        with Forked(told) as output:
            files, _, handler = output.readall().decode().partition("|")
    finally:
        for one in held:
            os.close(one)
    assert len(files.split()) <= 5, files  # in, out, error, the pipe, and that of listing them
    assert handler == "1"


@forking
def test_threads_of_the_parent_do_no_harm() -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=lambda: stop.wait(30)) for _ in range(4)]
    for one in threads:
        one.start()
    try:
        for _ in range(20):
            with Forked(lambda: [b"fine"]) as output:
                assert output.readall() == b"fine"
    finally:
        stop.set()
        for one in threads:
            one.join()
