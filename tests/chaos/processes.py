"""The processes of a running installation, from the operating system's own list."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.bus.embedded import running_server
from tests.end_to_end.pipeline_run import Installation, Running

STAGES = ("collectors", "normalizer", "detections", "delivery")


def stage_processes(installation: Installation, stage: str) -> list[int]:
    """All processes of a stage; several where it has workers."""
    wanted = {b"--only", stage.encode(), str(installation.path).encode()}
    return sorted(pid for pid, command in _commands() if wanted <= set(command))


def _commands() -> Iterator[tuple[int, list[bytes]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                pass  # it ended meanwhile


def kill_one(run: Running, victim: str, choose: Callable[[list[int]], int]) -> bool:
    """`kill -9` a process of a stage, the `bus` or the `supervisor`; False when none runs now."""
    if victim == "supervisor":
        pids = [run.process.pid] if run.process.poll() is None else []
    elif victim == "bus":
        server = running_server(run.installation.folder / "nats")
        pids = [server.pid] if server is not None else []
    else:
        pids = stage_processes(run.installation, victim)
    if not pids:
        return False
    try:
        os.kill(choose(pids), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def written_bytes(installation: Installation, sink: str = "out") -> int:
    """How much the file sink has written so far: how far the run is."""
    total = 0
    for path in (installation.folder / sink).rglob("*.ndjson"):
        try:
            total += path.stat().st_size
        except OSError:
            pass  # it is being rotated
    return total


def written_documents(installation: Installation, sink: str = "out") -> int:
    """How many documents the file sink holds."""
    files = (installation.folder / sink).rglob("*.ndjson")
    return sum(path.read_bytes().count(b"\n") for path in files)


def wait_for_bytes(run: Running, size: float, seconds: float) -> bool:
    """Until the sink has so much; False when the run ends before, or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and run.process.poll() is None:
        if written_bytes(run.installation) >= size:
            return True
        time.sleep(0.01)
    return False


__all__ = [
    "STAGES",
    "kill_one",
    "stage_processes",
    "wait_for_bytes",
    "written_bytes",
    "written_documents",
]
