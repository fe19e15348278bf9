"""The product as its users run it: processes, files, a bus on the disk. For tests."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import nats.errors
import nats.js.errors
import yaml

from pipeline.bus import Bus, BusUnavailable
from pipeline.bus.embedded import running_server
from pipeline.config.loading import load_configuration
from pipeline.config.schema import EmbeddedBus

T = TypeVar("T")

ROOT = Path(__file__).parent.parent.parent
RECORDED = ROOT / "demo" / "recorded"
#: Seconds that anything may take, on two cores that others use too, before it counts as hung.
PATIENCE = 180.0
TAPEWATCH = (sys.executable, "-m", "pipeline.cli")


class Installation:
    """A folder with a configuration, and the commands run on it."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        self.path = folder / "pipeline.yaml"
        self.configuration: dict[str, Any] = {
            "bus": {"type": "embedded", "path": "nats"},
            "reference": [str(RECORDED / "reference.yaml")],
            "sources": [
                {
                    "name": "recording",
                    "type": "replay",
                    "path": str(RECORDED / "session.jsonl.gz"),
                }
            ],
            "detections": {"rules": [str(ROOT / "sigma_rules")]},
            "sinks": [{"name": "files", "type": "file", "path": "out"}],
            "observability": {"port": 0},
            "logging": {"level": "info", "format": "ecs"},
        } | changes
        self.write()

    def write(self) -> None:
        """Write the configuration as it is now."""
        self.path.write_text(yaml.safe_dump(self.configuration))

    def run(self, *arguments: str, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        return subprocess.run(
            [*TAPEWATCH, *arguments, "--config", str(self.path)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    @contextmanager
    def running(self, *arguments: str) -> Iterator["Running"]:
        """`tapewatch run` in the background; stopped, if need be, at the end."""
        log = self.folder / "log.ndjson"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*TAPEWATCH, "run", *arguments, "--config", str(self.path)],
                cwd=self.folder,
                stdout=output,
                stderr=output,
            )
        try:
            yield Running(self, process, log)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def on_bus(self, ask: Callable[[Bus], Awaitable[T]]) -> T | None:
        """What its bus answers; None while there is none.

        To wait for something: a command to ask again and again takes a second of a core each.
        """
        bus = load_configuration(self.path, resolve="later").bus
        if isinstance(bus, EmbeddedBus):
            bus = msgspec.structs.replace(bus, path=self.folder / bus.path)
            if running_server(bus.path) is None:
                return None

        async def connect_and_ask() -> T:
            async with await Bus.connect(bus, name="test") as connected:
                return await ask(connected)

        try:
            return asyncio.run(connect_and_ask())
        except (BusUnavailable, nats.errors.Error, nats.js.errors.Error, TimeoutError):
            return None

    def documents(self, content: str, sink: str = "out") -> list[dict[str, Any]]:
        """What the file sink holds, in its order."""
        folder = self.folder / sink / content
        lines: list[dict[str, Any]] = []
        for path in sorted(folder.glob("*.ndjson"), key=lambda p: p.name.rpartition("-")[2]):
            there = path.read_bytes().splitlines()  # once: it may grow meanwhile
            for number, line in enumerate(there, 1):
                try:
                    lines.append(json.loads(line))
                except ValueError:
                    assert number == len(there), f"torn line within {path}"
        return lines

    def alerts(self, sink: str = "out") -> list[dict[str, Any]]:
        """The alerts in the file sink."""
        return self.documents("alerts", sink)


class Running:
    """A running product."""

    def __init__(
        self, installation: Installation, process: "subprocess.Popen[bytes]", log: Path
    ) -> None:
        self.installation = installation
        self.process = process
        self.log = log

    def wait(self, timeout: float = PATIENCE) -> int:
        """Its exit code, once it has ended."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running; its log ends:\n{self.tail()}") from None

    def tail(self) -> str:
        """The end of the log."""
        return self.log.read_text()[-4000:]

    def until(self, condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, f"it ended:\n{self.tail()}"
            assert time.monotonic() < deadline, f"not within {timeout} s:\n{self.tail()}"
            time.sleep(0.1)

    def status(self) -> dict[str, Any]:
        """What `tapewatch status --json` says."""
        answer = self.installation.run("status", "--json")
        return json.loads(answer.stdout) if answer.stdout else {"stages": []}

    def stages(self) -> list[dict[str, Any]]:
        """What its stages report, to wait for something in it."""
        reports = self.installation.on_bus(lambda bus: bus.status.reports())
        return msgspec.to_builtins(reports or [])

    def stage_pid(self, stage: str) -> int | None:
        """The process of a stage, from the operating system's own list."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            wanted = {b"--only", stage.encode(), str(self.installation.path).encode()}
            if wanted <= set(command):
                return int(entry.name)
        return None

    def kill_stage(self, stage: str) -> None:
        """`kill -9`."""
        pid = self.stage_pid(stage)
        assert pid is not None, f"{stage} does not run:\n{self.tail()}"
        os.kill(pid, signal.SIGKILL)

    def kill_stage_if_it_runs(self, stage: str) -> bool:
        """The same, of a run that may come to its end meanwhile. Whether it was there to be
        killed."""
        pid = self.stage_pid(stage)
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


def without_places(alert: dict[str, Any]) -> dict[str, Any]:
    """An alert without where its frames lie on this bus: that depends on micro-batches."""
    copy = json.loads(json.dumps(alert))
    copy["surveillance"]["evidence"].pop("originals", None)
    return copy


__all__ = ["RECORDED", "ROOT", "Installation", "Running", "without_places"]
