"""No secret is shown anywhere, whatever fails: canaries in every field that takes one.

Every component is made to fail in several ways, by every command that uses it. Then all that was
said and written is searched: outputs, logs, metrics, dead letters, the audit log, the bus.
"""

import base64
import contextlib
import json
import re
import socket
import socketserver
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config.loading import load_configuration
from pipeline.config.schema import Configuration
from tests.cli.command_line import COMMAND, RECORDED, ROOT, RULES, environment
from tests.end_to_end.canaries import (
    Canaries,
    Servers,
    buses,
    fields_of,
    given_in,
    with_all,
)

PATIENCE = 120
#: Long enough for each component to fail, and to fail again.
SECONDS = 8.0


class _Echo(socketserver.BaseRequestHandler):
    """Refuses a login in every protocol, and says in its answer all that it was told."""

    json = False

    def handle(self) -> None:
        connection: socket.socket = self.request
        connection.settimeout(0.5)
        told = self._received(connection)
        with contextlib.suppress(OSError):
            if not told:  # in these protocols the server begins
                connection.sendall(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1}\r\n')
                told = self._received(connection)
                connection.sendall(b"-ERR '" + told.replace(b"\r\n", b" ") + b"'\r\n")
                return
            if self.json:
                told = _as_errors(told.decode("latin-1"))
            realm = told.split(b"\r\n")[0].replace(b'"', b"'")
            connection.sendall(
                b'HTTP/1.1 401 Unauthorized: %s\r\nWWW-Authenticate: Basic realm="%s"\r\n'
                b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
                % (realm, realm, len(told))
                + told
            )

    def _received(self, connection: socket.socket) -> bytes:
        told = b""
        with contextlib.suppress(OSError):
            while len(told) < 65_536 and (more := connection.recv(65_536)):
                told += more
        return told


class _JsonEcho(_Echo):
    """The same as JSON, where components look for what is wrong."""

    json = True


def _as_errors(told: str) -> bytes:
    """As Elasticsearch, Kibana, Splunk, GraphQL, OAuth and JSON-RPC say what is wrong."""
    names = ("message", "text", "error_description", "detail", "description", "reason", "title")
    error = {"type": told, "reason": told, "message": told, "code": -32000}
    whole = {"error": error, "errors": [error], "statusCode": 401, **dict.fromkeys(names, told)}
    return json.dumps(whole).encode()


@pytest.fixture
def echo(way: str) -> Iterator[str]:
    handler = _JsonEcho if way == "echoed as JSON" else _Echo
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def closed() -> Iterator[str]:
    """Where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


class Trial:
    """A folder with a configuration that is full of canaries."""

    def __init__(self, folder: Path, to: Servers, ending: str = "") -> None:
        secrets, self.folder = folder / "secrets", folder / "work"
        secrets.mkdir()
        self.folder.mkdir()
        self.canaries = Canaries(secrets, ending)
        self.said: dict[str, str] = {}
        self._to = to
        parts = with_all(self.canaries, to, secrets)
        replay = {
            "name": "recording", "type": "replay", "path": str(RECORDED / "session.jsonl.gz")
        }  # fmt: skip
        self.parts: dict[str, Any] = {
            "bus": {"type": "embedded", "path": "nats"},
            "reference": [str(RECORDED / "reference.yaml")],
            "detections": {"rules": [str(RULES / "transfer_restrictions")]},
            "observability": {"port": 0},
            **parts,
            "sources": [replay, *parts["sources"]],
        }

    def write(self, **changes: Any) -> None:
        path = self.folder / "pipeline.yaml"
        path.write_text(yaml.safe_dump(self.parts | changes))

    def command(self, *arguments: str) -> None:
        """Run a command to its end, and keep what it said."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            capture_output=True,
            timeout=PATIENCE,
            env=environment(**self.canaries.environment),
        )
        said = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
        name = " ".join(arguments)
        self.said[name] = self.said.get(name, "") + said
        assert "Traceback" not in said, f"{name}: {said}"

    def run(self) -> None:
        """`tapewatch run` for a while, with the commands that look at it."""
        log = self.folder / "run.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*COMMAND, "run"],
                cwd=self.folder,
                stdout=output,
                stderr=output,
                env=environment(**self.canaries.environment),
            )
            try:
                self._look_at_it(process, log)
            finally:
                process.terminate()
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _look_at_it(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        end = time.monotonic() + PATIENCE
        while (url := _metrics_url(log)) is None and process.poll() is None:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
        if url is None:  # it refused to start, and said why
            return
        time.sleep(SECONDS)
        self.command("status", "--json")
        self.command("dead", "list", "--json")
        if process.poll() is None:
            with urllib.request.urlopen(url) as answer:
                self.said["metrics"] = answer.read().decode()

    def leaks(self) -> list[str]:
        """Where a canary is shown or kept, by command and file."""
        found = [name for name, text in self.said.items() if self.canaries.leaked(text)]
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                text = path.read_bytes().decode("latin-1")
                if marks := self.canaries.leaked(text):
                    at = [_around(text, mark) for mark in sorted(marks)][:5]
                    found.append(f"{path.relative_to(self.folder)}: {at}")
        return found


def _metrics_url(log: Path) -> str | None:
    found = re.search(r"http://127\.0\.0\.1:[0-9]+/metrics", log.read_text(errors="replace"))
    return found[0] if found else None


def _around(text: str, mark: str) -> str:
    at = text.find(mark)
    return text[max(0, at - 160) : at + 30] if at >= 0 else f"(written otherwise) {mark}"


def servers(way: str, echo: str, closed: str) -> Servers:
    if way == "tls":
        return Servers(http="https", ws="wss", at=echo)
    return Servers(http="http", ws="ws", at=closed if way == "refused" else echo)


def test_every_secret_that_the_configuration_knows_has_a_canary(tmp_path: Path) -> None:
    """Add yours to `tests.end_to_end.canaries` where this fails."""
    trial = Trial(tmp_path, Servers(http="http", ws="ws", at="127.0.0.1:1"))
    given: set[str] = set()
    buses_ = buses(trial.canaries, Servers(http="http", ws="ws", at="127.0.0.1:1"))
    for bus in buses_:
        trial.write(bus=bus)
        given |= given_in(load_configuration(trial.folder / "pipeline.yaml", resolve="later"))
    assert fields_of(Configuration) - given == set()


def test_a_canary_is_noticed_in_all_its_forms(tmp_path: Path) -> None:
    canaries = Canaries(tmp_path)
    canaries.secret()
    (mark,) = canaries.environment.values()
    basic = base64.b64encode(f"watch:{mark}".encode()).decode()
    for text in (f"x{mark}x", json.dumps({"a": mark}), f"Authorization: Basic {basic}"):
        assert canaries.leaked(text) == {mark}
    assert canaries.leaked("nothing of it: cnry10x10") == set()


@pytest.mark.parametrize("way", ["refused", "echoed", "echoed as JSON", "tls", "hostile"])
def test_nothing_shows_a_secret_where_everything_fails(
    tmp_path: Path, echo: str, closed: str, way: str
) -> None:
    ending = "\nü€\x01" if way == "hostile" else ""
    trial = Trial(tmp_path, servers(way, echo, closed), ending)
    trial.write()
    trial.command("doctor")
    trial.command("doctor", "--json")
    trial.command("setup", "elastic")
    trial.command("setup", "kibana", "--secrets", "--objects", str(ROOT / "kibana"))
    trial.run()
    assert trial.leaks() == []


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("way", ["refused", "echoed"])
def test_a_bus_that_refuses_its_login_shows_none(
    tmp_path: Path, echo: str, closed: str, way: str, number: int
) -> None:
    to = servers(way, echo, closed)
    trial = Trial(tmp_path, to)
    trial.write(bus=buses(trial.canaries, to)[number])
    trial.command("doctor", "--json")
    trial.command("status", "--json")
    trial.command("run", "--until-done")
    assert trial.leaks() == []
