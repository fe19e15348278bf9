"""Room on the bus as operators see it, and readers that are let go."""

import json
import urllib.request
from pathlib import Path

import pytest

from tests.cli.command_line import tapewatch
from tests.end_to_end.pipeline_run import Installation
from tests.end_to_end.test_disk_full import readiness


def test_what_a_sink_has_not_taken_is_shown_told_and_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_TEST_HEC", "x" * 20)
    installation = Installation(tmp_path)
    configuration = installation.configuration
    configuration["sources"][0]["speed"] = "maximum"
    configuration["bus"]["streams"] = {"events": {"max_size": "1MiB"}}
    gone = {"name": "gone", "type": "splunk_hec", "url": "http://127.0.0.1:9",
            "token": "${env:TAPEWATCH_TEST_HEC}", "content": ["events"]}  # fmt: skip
    installation.write()
    with installation.running("--until-done") as run:
        assert run.wait() == 0, run.tail()

    configuration["sinks"].append(gone)
    installation.write()
    run.log.unlink()
    with installation.running() as run:
        # That the sink is down, which its reader tells, and what is held for it.
        told = ("gone/events: ", "sink.gone.events has not taken ")
        run.until(
            lambda: (
                {t for p in readiness(run)["problems"] for t in told if p.startswith(t)}
                == set(told)
            )
        )
        status = json.loads(tapewatch("status", "--json", folder=tmp_path).out)
        table = tapewatch("status", folder=tmp_path)
        ready = next(
            json.loads(line)["labels"]["ready"]
            for line in run.log.read_text().splitlines()
            if '"metrics"' in line
        )
        with urllib.request.urlopen(ready.replace("readyz", "metrics")) as answer:
            metrics = answer.read().decode()
        configured = tapewatch("retire", "sink.gone.events", folder=tmp_path)
        unknown = tapewatch("retire", "sink.never.events", folder=tmp_path)
        table_name = tapewatch("retire", "gone/events", folder=tmp_path)
        sink = tapewatch("retire", "gone", folder=tmp_path)
        slip = tapewatch("retire", "sink.fils.events", folder=tmp_path)
        configuration["sinks"] = []
        installation.write()
        shown = tapewatch("status", folder=tmp_path)
        retired = tapewatch("retire", "sink.files.events", folder=tmp_path)
        after = json.loads(tapewatch("status", "--json", folder=tmp_path).out)

    events = {room["stream"]: room for room in status["rooms"]}["EVENTS"]
    assert events["unread"] == events["messages"]
    assert "sink.gone.events" in table.out
    assert table.code == 1
    assert 'tapewatch_stream_unread_share{stream="EVENTS"} 0.9' in metrics
    assert (configured.code, unknown.code) == (1, 1)
    assert "is configured: take it out of the configuration first" in configured.error
    assert "there is no reader sink.never.events" in unknown.error
    assert "sink.gone.events is configured: take it out" in table_name.error
    assert "there is no reader gone: did you mean sink.gone.events?" in sink.error
    assert "there is no reader sink.fils.events: did you mean sink.files.events?" in slip.error
    assert "tapewatch retire sink.files.events" in shown.out.replace("\n", " ")
    assert retired.code == 0
    holders = [h["reader"] for room in after["rooms"] for h in room["holders"]]
    assert "sink.files.events" not in holders
    assert "sink.files.alerts" in holders
