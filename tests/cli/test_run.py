"""`tapewatch run`: what it refuses to start, how it stops, and what it says when something dies."""

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from collectors.recording import RecordedSource, RecordingWriter
from pipeline.bus.embedded import running_server
from pipeline.frames import Frame
from tests.cli.command_line import RECORDED, tapewatch, write_configuration
from tests.end_to_end.pipeline_run import Installation, Running

SECRET = "s3cr3t-0123456789abcdef"


def nothing_was_started(folder: Path) -> bool:
    return not (folder / "nats").exists() and not (folder / "out").exists()


def processes_of(installation: Installation) -> set[int]:
    """All processes that name this installation's folder: stages, supervisor and nats-server."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if entry.name.isdigit() and str(installation.folder).encode() in command:
            found.add(int(entry.name))
    return found


def log_lines(run: Running) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.log.read_text().splitlines()]


def ready(run: Running) -> tuple[int, list[str]]:
    """The status and the problems of `/readyz`."""
    urls = [line["labels"]["ready"] for line in log_lines(run) if line["message"] == "metrics"]
    if not urls:
        return 0, ["not served yet"]
    try:
        with urllib.request.urlopen(urls[0], timeout=5) as answer:
            return answer.status, json.loads(answer.read())["problems"]
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["problems"]
    except OSError as error:
        return 0, [str(error)]


def test_bad_rules_and_reference_data_are_told_together_and_nothing_starts(tmp_path: Path) -> None:
    (tmp_path / "rule.yml").write_text("title: 1\n")
    (tmp_path / "reference.yaml").write_text("tokens: {}\n")
    write_configuration(tmp_path, detections={"rules": ["rule.yml"]}, reference=["reference.yaml"])

    answer = tapewatch("run", folder=tmp_path)

    assert answer.code == 2
    assert "rule.yml:1:" in answer.error
    assert "reference.yaml:1:9" in answer.error
    assert nothing_was_started(tmp_path)


def test_a_file_that_is_no_recording_is_told_and_nothing_starts(tmp_path: Path) -> None:
    source = {"name": "r", "type": "replay", "path": str(RECORDED / "reference.yaml")}
    write_configuration(tmp_path, sources=[source])

    answer = tapewatch("run", folder=tmp_path)

    assert answer.code == 2
    assert "reference.yaml, line 1: not a Tapewatch recording" in answer.error
    assert nothing_was_started(tmp_path)


def test_two_recordings_of_the_same_source_are_refused(tmp_path: Path) -> None:
    for name in ("monday", "tuesday"):
        with RecordingWriter(tmp_path / name, [RecordedSource("venue", "coinbase", "v")]) as tape:
            tape.write("venue", Frame("1", 1, b"{}"))
    sources = [{"name": n, "type": "replay", "path": n} for n in ("monday", "tuesday")]
    write_configuration(tmp_path, sources=sources)

    answer = tapewatch("run", folder=tmp_path)

    assert answer.code == 2
    assert "sources monday and tuesday both send frames of venue" in answer.error
    assert nothing_was_started(tmp_path)


@pytest.mark.parametrize("stage", ["collectors", "normalizer", "detections", "delivery"])
def test_one_stage_without_a_bus_says_how_to_get_one(tmp_path: Path, stage: str) -> None:
    write_configuration(tmp_path)

    answer = tapewatch("run", "--only", stage, folder=tmp_path)

    assert answer.code == 1
    assert "no embedded bus runs" in answer.error
    assert "tapewatch run" in answer.error


def test_a_store_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way\n")
    write_configuration(tmp_path, bus={"type": "embedded", "path": "file/nats"})

    answer = tapewatch("run", folder=tmp_path)

    assert answer.code == 1
    assert "can't write to the store" in answer.error


def test_a_metrics_port_that_is_taken_is_told_and_the_bus_stops_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        installation = Installation(tmp_path, observability={"port": port})

        answer = tapewatch("run", folder=tmp_path)

    assert answer.code == 2
    assert f"127.0.0.1:{port}" in answer.error
    assert "observability.port" in answer.error
    assert processes_of(installation) == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_it_stops_everything_it_started_within_seconds(
    tmp_path: Path, number: signal.Signals
) -> None:
    sources = [{"name": "recording", "type": "replay", "speed": "original",
                "path": str(RECORDED / "session.jsonl.gz")}]  # fmt: skip
    installation = Installation(tmp_path, sources=sources)
    with installation.running() as run:
        run.until(lambda: ready(run)[0] == 200)
        started = processes_of(installation)
        assert len(started) == 6, "the supervisor, four stages and nats-server"

        run.process.send_signal(number)
        asked = time.monotonic()
        code = run.wait(20)

    assert code == 0, run.tail()
    assert time.monotonic() - asked < 10
    assert processes_of(installation) == set()
    assert running_server(tmp_path / "nats") is None
    assert "Traceback" not in run.log.read_text()
    assert [line for line in log_lines(run) if line["log.level"] == "error"] == []


def test_it_can_be_stopped_while_it_starts(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    for after in (0.3, 0.8, 1.3):
        with installation.running() as run:
            time.sleep(after)
            run.process.send_signal(signal.SIGTERM)
            run.wait(20)
        assert processes_of(installation) == set(), after
        assert "Traceback" not in run.log.read_text()


def test_a_reload_that_is_asked_for_while_it_starts_leaves_no_process_behind(
    tmp_path: Path,
) -> None:
    installation = Installation(tmp_path)
    with installation.running() as run:
        while len(processes_of(installation)) < 2:  # until nats-server is there
            time.sleep(0.01)
        run.process.send_signal(signal.SIGHUP)
        run.wait(20)
    assert processes_of(installation) == set()


def test_a_stage_that_dies_again_and_again_waits_longer_and_is_not_ready(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.running() as run:
        run.until(lambda: ready(run)[0] == 200)
        waits: list[str] = []
        for count in range(1, 4):
            run.until(lambda: run.stage_pid("normalizer") is not None)
            run.kill_stage("normalizer")
            run.until(lambda: any("normalizer" in problem for problem in ready(run)[1]))
            assert ready(run)[0] == 503

            def ended(count: int = count) -> list[dict[str, Any]]:
                found = [line for line in log_lines(run) if "started again" in line["message"]]
                return found if len(found) == count else []

            run.until(ended)
            waits = [line["labels"]["wait"] for line in ended()]
        assert waits == ["0.5", "1.0", "2.0"]
        run.until(lambda: ready(run)[0] == 200)


def test_a_sink_that_cannot_write_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way\n")
    sinks = [{"name": "files", "type": "file", "path": "out"},
             {"name": "blocked", "type": "file", "path": "file/out"}]  # fmt: skip
    installation = Installation(tmp_path, sinks=sinks)
    with installation.running() as run:
        run.until(lambda: any("file/out" in problem for problem in ready(run)[1]))
        run.until(lambda: installation.alerts())
        assert ready(run)[0] == 503
        answer = tapewatch("status", folder=tmp_path)
    assert answer.code == 1
    assert "file/out" in answer.out


def test_status_without_anything_running_says_how_to_start(tmp_path: Path) -> None:
    write_configuration(tmp_path)

    answer = tapewatch("status", folder=tmp_path)

    assert (answer.code, answer.out) == (1, "")
    assert "tapewatch run" in answer.error


def test_no_key_of_an_endpoint_is_in_logs_status_or_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_TEST_KEY", SECRET)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        key = "${env:TAPEWATCH_TEST_KEY}"
        installation = Installation(
            tmp_path,
            logging={"level": "debug", "format": "ecs"},
            sources=[
                {"name": "node", "type": "evm", "network": "n",
                 "endpoints": [f"ws://{place}/v3/{key}"]},
                {"name": "venue", "type": "coinbase", "url": f"ws://{place}/?key={key}",
                 "rest_url": f"http://{place}/{key}", "products": ["A-USD"]},
                {"name": "other", "type": "kraken", "url": f"ws://user:{key}@{place}",
                 "symbols": ["A/USD"]},
            ],
            sinks=[
                {"name": "es", "type": "elasticsearch", "urls": [f"http://{place}"],
                 "api_key": key},
                {"name": "hec", "type": "splunk_hec", "url": f"http://{place}", "token": key},
            ],
            notifications=[{"name": "hook", "type": "webhook", "url": f"http://{place}/{key}"}],
        )  # fmt: skip
        with installation.running() as run:
            run.until(lambda: run.log.read_text().count("trying again") >= 3)
            run.until(lambda: run.log.read_text().count("can't be opened") >= 2)
            status = tapewatch("status", "--json", folder=tmp_path, TAPEWATCH_TEST_KEY=SECRET)
            problems = ready(run)[1]

    assert len(json.loads(status.out)["stages"]) == 4
    assert SECRET not in run.log.read_text()
    assert SECRET not in status.out + status.error
    assert SECRET not in json.dumps(problems)
    assert any("node" in problem for problem in problems)
    for path in (tmp_path / "nats").rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path
