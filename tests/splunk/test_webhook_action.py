"""The alert action posts results as Tapewatch's own webhooks do, with nothing but Python."""

import csv
import gzip
import importlib.util
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from delivery.webhook import signature
from splunk.conf_file import APP
from tests.servers.certificates import self_signed

SCRIPT = APP / "bin" / "tapewatch_webhook.py"
SECRET = "s3cret of the webhook"
KEY = "the session's key"


class Receiver:
    """splunkd's storage of passwords, as its REST manual has it, and a webhook; both by TLS."""

    def __init__(self, folder: Path) -> None:
        self.certificate, key = self_signed(folder, "localhost")
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None: ...

            def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                path = "/servicesNS/nobody/tapewatch/storage/passwords/tapewatch%3Awebhook%3A"
                if self.headers["Authorization"] != f"Splunk {KEY}":
                    self.answer(401)
                elif self.path == f"{path}?output_mode=json":
                    content = {"clear_password": SECRET, "realm": "tapewatch"}
                    self.answer(200, json.dumps({"entry": [{"content": content}]}).encode())
                else:
                    self.answer(404)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.append((dict(self.headers), body))
                status = outer.statuses.pop(0) if outer.statuses else 204
                if status == 0:  # what is no HTTP
                    self.wfile.write(b"it went well\r\n\r\n")
                    return
                self.answer(status, Location="https://localhost:1/elsewhere")

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]

    def payload(self, folder: Path, *rows: dict[str, str], **more: str) -> dict[str, Any]:
        """What Splunk puts on standard input of an alert action."""
        results = folder / "results.csv.gz"
        with gzip.open(results, "wt", newline="") as stream:
            writer = csv.DictWriter(stream, sorted({name for row in rows for name in row}))
            writer.writeheader()
            writer.writerows(rows)
        return {
            "server_uri": f"https://127.0.0.1:{self.port}",
            "session_key": KEY,
            "search_name": "Tapewatch: high",
            "sid": "scheduler_1",
            "results_link": "https://splunk/app/tapewatch/@go?sid=scheduler_1",
            "results_file": str(results),
            "configuration": {
                "url": f"https://localhost:{self.port}/hook",
                "ca_certificate": str(self.certificate),
                "splunkd_ca_certificate": str(self.certificate),
                **more,
            },
        }


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    receiver = Receiver(tmp_path_factory.mktemp("receiver"))
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    thread.join()
    receiver.server.server_close()


@pytest.fixture
def receiver(serving: Receiver) -> Receiver:
    serving.posts.clear()
    serving.statuses.clear()
    return serving


@pytest.fixture(scope="module")
def action() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tapewatch_webhook", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode, kept = True, sys.dont_write_bytecode
    spec.loader.exec_module(module)
    sys.dont_write_bytecode = kept
    vars(module)["FIRST_WAIT"] = 0.0
    return module


def test_splunk_runs_it_and_each_result_comes_signed(receiver: Receiver, tmp_path: Path) -> None:
    rows = [
        {"event.id": "a1", "rule.name": "Wash trading"},
        {"rule.name": "No id", "__mv_x": "$1$"},
    ]
    done = subprocess.run(
        # Without packages of anybody's: nothing but the standard library.
        [sys.executable, "-I", "-S", "-B", str(SCRIPT), "--execute"],
        input=json.dumps(receiver.payload(tmp_path, *rows)),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "INFO 2 results were sent, 0 were not\n")
    (headers, body), (others, other) = receiver.posts
    moment = int(headers["Tapewatch-Signature"].split(",")[0].removeprefix("t="))
    assert headers["Tapewatch-Signature"] == signature(SECRET, moment, body)
    assert headers["Idempotency-Key"] == "a1"
    assert json.loads(body) == {
        "source": "splunk",
        "search": "Tapewatch: high",
        "sid": "scheduler_1",
        "results_link": "https://splunk/app/tapewatch/@go?sid=scheduler_1",
        "result": {"event.id": "a1", "rule.name": "Wash trading"},
    }
    assert json.loads(other)["result"] == {"rule.name": "No id"}
    assert len(others["Idempotency-Key"]) == 64


@pytest.mark.parametrize(
    ("statuses", "code", "posts"),
    [
        ([503, 429, 500], 0, 4),
        ([503, 503, 503, 503], 2, 4),
        ([0], 0, 2),
        ([400], 2, 1),
        # A redirect isn't followed.
        ([302], 2, 1),
    ],
)
def test_what_is_temporary_is_tried_again_and_nothing_else(
    receiver: Receiver,
    action: ModuleType,
    tmp_path: Path,
    statuses: list[int],
    code: int,
    posts: int,
) -> None:
    receiver.statuses.extend(statuses)
    assert action.execute(receiver.payload(tmp_path, {"event.id": "a1"})) == code
    assert len(receiver.posts) == posts
    assert len({headers["Idempotency-Key"] for headers, _ in receiver.posts}) == 1


@pytest.mark.parametrize(
    ("more", "key", "said"),
    [
        ({"url": "http://localhost/hook"}, KEY, "set the action's URL: https://"),
        ({"url": ""}, KEY, "set the action's URL: https://"),
        ({"url": "https://me:pw@localhost/"}, KEY, "with no name or password in it"),
        ({"ca_certificate": "/nowhere.pem"}, KEY, "/nowhere.pem can't be read"),
        ({"timeout": "soon"}, KEY, "soon"),
        ({"timeout": "nan"}, KEY, "the timeout is nan"),
        ({"timeout": "-1"}, KEY, "the timeout is -1"),
        ({}, "another key", "no secret is stored"),
        ({"splunkd_ca_certificate": ""}, KEY, "CERTIFICATE_VERIFY_FAILED"),
    ],
)
def test_what_is_set_up_wrongly_is_said_and_nothing_is_sent(
    receiver: Receiver,
    action: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: dict[str, str],
    key: str,
    said: str,
) -> None:
    payload = receiver.payload(tmp_path, {"event.id": "a1"}, **more) | {"session_key": key}
    assert action.execute(payload) == 1
    assert said in capsys.readouterr().err
    assert receiver.posts == []


def test_a_receiver_that_nobody_vouches_for_gets_nothing(
    receiver: Receiver, action: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    payload = receiver.payload(tmp_path, {"event.id": "a1"}, ca_certificate="")
    assert action.execute(payload) == 2
    assert "CERTIFICATE_VERIFY_FAILED" in capsys.readouterr().err
    assert receiver.posts == []


def test_more_than_it_may_send_is_said(
    receiver: Receiver,
    action: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(action, "MOST_RESULTS", 2)
    rows = [{"event.id": f"a{number}"} for number in range(3)]
    assert action.execute(receiver.payload(tmp_path, *rows)) == 0
    assert "more than 2 results" in capsys.readouterr().err
    assert len(receiver.posts) == 2


@pytest.mark.parametrize("name", ["a1\na2", "größe", "x" * 300, "a b"])
def test_an_id_that_no_header_may_hold_stops_no_result(
    receiver: Receiver, action: ModuleType, tmp_path: Path, name: str
) -> None:
    """Splunk tells a field of several values line by line."""
    assert action.execute(receiver.payload(tmp_path, {"event.id": name}, {"event.id": "b"})) == 0
    first, second = (headers["Idempotency-Key"] for headers, _ in receiver.posts)
    assert (len(first), second) == (64, "b")
    assert json.loads(receiver.posts[0][1])["result"] == {"event.id": name}


@pytest.mark.parametrize("content", [None, b"no gzip", b"cut"])
def test_results_that_can_not_be_read_are_told(
    receiver: Receiver,
    action: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
) -> None:
    payload = receiver.payload(tmp_path, {"event.id": "a1"})
    path = Path(payload["results_file"])
    if content is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-12] if content == b"cut" else content)
    assert action.execute(payload) == 2
    assert "ERROR the results can't be read" in capsys.readouterr().err


def test_it_ends_before_splunk_ends_it_and_says_what_was_not_sent(
    receiver: Receiver,
    action: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(action, "LONGEST_RUN", 0.0)
    rows = [{"event.id": f"a{number}"} for number in range(3)]
    assert action.execute(receiver.payload(tmp_path, *rows)) == 2
    assert "0 results were sent, 3 were not" in capsys.readouterr().err
    assert receiver.posts == []


def test_it_is_written_for_the_oldest_python_of_splunk() -> None:
    """Python 3.7: no walrus, no match; annotations aren't evaluated."""
    import ast

    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 7))
    assert "from __future__ import annotations" in ast.unparse(tree)
