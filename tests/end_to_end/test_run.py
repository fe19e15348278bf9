"""`tapewatch run` from frames to files: everything once, whatever dies on the way."""

import json
import os
import random
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from demo.ground_truth import GroundTruth
from pipeline.bus.embedded import running_server
from tests.end_to_end.pipeline_run import RECORDED, Installation, without_places
from tests.servers.hec import HecReceiver
from tests.servers.webhook import WebhookReceiver


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The recorded session, run once to its end."""
    installation = Installation(tmp_path_factory.mktemp("undisturbed"))
    with installation.running("--until-done") as run:
        assert run.wait() == 0, run.tail()
    return installation


def ids(installation: Installation, content: str = "alerts", sink: str = "out") -> Counter[str]:
    return Counter(d["event"]["id"] for d in installation.documents(content, sink))


def by_id(installation: Installation) -> dict[str, dict[str, Any]]:
    return {a["event"]["id"]: without_places(a) for a in installation.alerts()}


def test_the_recorded_session_gives_an_alert_for_everything_that_was_planted(
    undisturbed: Installation,
) -> None:
    truth = GroundTruth.load(RECORDED / "truth.json")
    alerts = undisturbed.alerts()
    evidence = {
        (alert["surveillance"]["typology"], proof)
        for alert in alerts
        for key in ("transaction_hashes", "order_ids", "trade_ids")
        for proof in alert["surveillance"]["evidence"].get(key, [])
    }
    for planted in truth.planted:
        proofs = {*planted.transaction_hashes, *planted.order_ids, *planted.trade_ids}
        assert any((planted.typology, proof) in evidence for proof in proofs), planted


def test_the_end_of_a_run_says_what_it_did(undisturbed: Installation) -> None:
    log = undisturbed.path.with_name("log.ndjson").read_text()
    said = log[log.rindex("done in ") :].splitlines()
    events, alerts = undisturbed.documents("events"), undisturbed.alerts()
    levels = Counter(alert["surveillance"]["level"] for alert in alerts)
    worst_first = [one for one in ("critical", "high", "medium", "low") if levels[one]]
    of_levels = ", ".join(f"{level} {levels[level]}" for level in worst_first)
    assert said[2:] == [
        f"events     {len(events):,}",
        f"alerts     {len(alerts):,} ({of_levels})",
        f"delivered  files {len(events) + len(alerts):,}",
        "dead       0",
    ]
    assert said[1].startswith("read       chain ")


def test_every_chain_alert_names_its_transaction_and_block(undisturbed: Installation) -> None:
    on_chain = [alert for alert in undisturbed.alerts() if "blockchain" in alert]
    assert on_chain
    for alert in on_chain:
        evidence = alert["surveillance"]["evidence"]
        assert evidence["transaction_hashes"], alert["rule"]["name"]
        assert evidence["block_numbers"], alert["rule"]["name"]
        assert alert["event"]["reason"].count("\n") == 0


def test_nothing_comes_twice(undisturbed: Installation) -> None:
    for content in ("events", "alerts"):
        assert set(ids(undisturbed, content).values()) == {1}


def test_the_same_frames_give_the_same_alerts_in_other_batches_and_interleavings(
    undisturbed: Installation, tmp_path: Path
) -> None:
    again = Installation(
        tmp_path,
        bus={"type": "embedded", "path": "nats", "batch": {"max_frames": 3, "max_delay": "1ms"}},
    )
    with again.running("--until-done") as run:
        assert run.wait() == 0, run.tail()

    assert by_id(again) == by_id(undisturbed)


@pytest.mark.parametrize("stage", ["collectors", "normalizer", "detections", "delivery"])
def test_a_stage_that_is_killed_loses_nothing_and_repeats_nothing(
    stage: str, undisturbed: Installation, tmp_path: Path
) -> None:
    installation = Installation(tmp_path)
    moments = random.Random(stage)
    with installation.running("--until-done") as run:
        run.until(lambda: run.stage_pid(stage))
        for _ in range(2):
            time.sleep(moments.uniform(0.2, 1.5))
            if run.kill_stage_if_it_runs(stage):
                # It comes again, unless all was done when it was killed.
                run.until(lambda: run.stage_pid(stage) or run.process.poll() is not None)
        assert run.wait() == 0, run.tail()

    assert ids(installation) == ids(undisturbed)
    assert ids(installation, "events") == ids(undisturbed, "events")


def test_a_bus_that_is_killed_loses_nothing(undisturbed: Installation, tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.running("--until-done") as run:
        run.until(lambda: run.stage_pid("delivery"))
        server = running_server(tmp_path / "nats")
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        assert run.wait() == 0, run.tail()

    assert ids(installation) == ids(undisturbed)
    assert ids(installation, "events") == ids(undisturbed, "events")


def test_a_bus_that_is_killed_before_anything_runs_is_started_again(
    undisturbed: Installation, tmp_path: Path
) -> None:
    installation = Installation(tmp_path)
    killed: list[int] = []

    def kill_the_next() -> bool:
        server = running_server(tmp_path / "nats")
        if server is None or server.pid in killed:  # told of until the next one is ready
            return False
        os.kill(server.pid, signal.SIGKILL)
        killed.append(server.pid)
        return True

    with installation.running("--until-done") as run:
        for _ in range(3):  # while the streams are set up, or the rules written into them
            run.until(kill_the_next)
        assert run.wait() == 0, run.tail()

    assert "Traceback" not in run.log.read_text()
    assert ids(installation) == ids(undisturbed)


def test_a_second_run_goes_on_behind_the_first(undisturbed: Installation) -> None:
    before = ids(undisturbed, "events"), ids(undisturbed)
    with undisturbed.running("--until-done") as run:
        assert run.wait() == 0, run.tail()

    assert (ids(undisturbed, "events"), ids(undisturbed)) == before


def lag_of(stages: list[dict[str, Any]], reader: str) -> int:
    readers = [r for stage in stages for r in stage.get("readers", [])]
    return sum(r["last"] - r["position"] for r in readers if r["name"] == reader)


def test_a_sink_that_is_down_holds_up_no_other_and_loses_nothing(
    undisturbed: Installation, tmp_path: Path, hec: HecReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEC_TOKEN", hec.token)
    installation = Installation(
        tmp_path,
        sinks=[
            {"name": "files", "type": "file", "path": "out"},
            {
                "name": "splunk",
                "type": "splunk_hec",
                "url": hec.url,
                "token": "${env:HEC_TOKEN}",
                "content": ["alerts"],
                "retry_maximum": "1s",
            },
        ],
    )
    wanted = set(ids(undisturbed))
    hec.go_down()
    with installation.running() as run:
        run.until(lambda: set(ids(installation)) == wanted)
        run.until(lambda: any(r["trouble"] for s in run.stages() for r in s["readers"]))
        assert any(r["trouble"] for s in run.status()["stages"] for r in s["readers"])
        assert len(hec.events) == 0
        run.until(lambda: lag_of(run.stages(), "splunk/alerts") > 0)
        hec.come_back()
        run.until(lambda: {e.event["event"]["id"] for e in hec.events} == wanted)


def test_alerts_are_notified_from_their_level_on(
    undisturbed: Installation, tmp_path: Path, webhook: WebhookReceiver
) -> None:
    installation = Installation(
        tmp_path,
        notifications=[
            {
                "name": "on-call",
                "type": "webhook",
                "url": webhook.url,
                "minimum_level": "critical",
                "retry_maximum": "1s",
            }
        ],
    )
    critical = {a["event"]["id"] for a in undisturbed.alerts() if a["event"]["severity"] >= 99}
    assert critical
    with installation.running() as run:
        run.until(lambda: len(webhook.requests) >= len(critical))
        run.until(lambda: set(ids(installation)) == set(ids(undisturbed)))

    told = {json.loads(r.body)["alert"]["event"]["id"] for r in webhook.requests}
    assert told == critical


def test_health_readiness_and_metrics_are_served(tmp_path: Path) -> None:
    installation = Installation(tmp_path, observability={"port": 0})

    def endpoint() -> str | None:
        for line in (tmp_path / "log.ndjson").read_text().splitlines():
            if line.startswith("{") and "metrics" in line:
                return json.loads(line)["labels"]["url"].removesuffix("/metrics")
        return None

    def get(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"{endpoint()}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    with installation.running() as run:
        run.until(endpoint)
        assert get("/healthz")[0] == 200
        run.until(lambda: get("/readyz")[0] == 200)
        run.until(lambda: len(installation.alerts()) >= 20)
        status, text = get("/metrics")

    assert status == 200
    for metric in (
        'tapewatch_messages_in_total{source="chain",stage="collectors"}',
        'tapewatch_messages_out_total{source="venue",stage="normalizer"}',
        "tapewatch_source_to_alert_seconds_bucket",
        "tapewatch_alerts_total",
        "tapewatch_stream_lag_messages",
    ):
        assert metric in text, metric


def test_status_shows_sources_stages_and_sinks(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.running() as run:
        run.until(lambda: len(installation.alerts()) >= 20)
        run.until(lambda: len(run.stages()) == 4)
        status = run.status()
        shown = installation.run("status")

    sources = {s["source"]: s for stage in status["stages"] for s in stage.get("sources", [])}
    assert set(sources) >= {"chain", "venue"}
    assert sources["chain"]["frames"] > 0
    assert "files/alerts" in shown.stdout
    assert shown.returncode == 0, shown.stdout


def test_a_second_run_on_the_same_store_is_refused_in_words(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.running() as run:
        run.until(lambda: run.stage_pid("delivery"))
        second = installation.run("run")

    assert second.returncode == 1
    assert "another Tapewatch runs" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_stage_that_runs_already_is_refused_in_words(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    # As slowly as it was: what has nothing left to write meets nobody else who writes.
    installation.configuration["sources"][0]["speed"] = "original"
    installation.write()
    with installation.running() as run:
        run.until(lambda: run.stage_pid("delivery"))
        second = installation.run("run", "--only", "normalizer")

    assert second.returncode == 1
    last = second.stderr.splitlines()[-1]
    assert last.startswith("error: normalizer failed: AnotherWriter: another process writes to ")
    assert "make sure that this stage runs once" in last
