"""The audit log beside the running product: what came, was found and was done, each once."""

import json
import os
import signal
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from evidence.audit.entries import Entry, decode
from evidence.audit.notes import SigningKey
from evidence.audit.store import AuditFolder
from evidence.audit.verify import verify
from tests.cli.command_line import tapewatch
from tests.end_to_end.pipeline_run import RECORDED, Installation

KEY = SigningKey.new("example.com/tapewatch")
RULE = """
title: Large trade
id: 0f9c7a2e-5b1d-4c3a-8e6f-2d4b6a8c0e1f
status: experimental
description: For a test.
author: Tester
date: 2026-11-26
references: []
typology: price_and_volume
level: low
logsource: {product: tapewatch, service: venue}
detection:
  selection: {event.action: trade, market.trade.quantity|gte: 1000000}
  condition: selection
falsepositives: [none]
"""
EXCEPTION = """
exceptions:
  - id: desk
    rules: [0f9c7a2e-5b1d-4c3a-8e6f-2d4b6a8c0e1f]
    entities: [acct-desk]
    owner: alice
    reason: the issuer's own treasury
    expires: 2027-01-01
"""


def installation(folder: Path, **changes: Any) -> Installation:
    secret = folder / "audit.key"
    secret.write_text(KEY.reveal())
    secret.chmod(0o600)
    audit = {"path": "audit", "key": f"${{file:{secret}}}", "sign_every": "200ms"}
    return Installation(folder, audit=audit, **changes)


def entries(installed: Installation) -> list[Entry]:
    folder = AuditFolder(installed.folder / "audit")
    return [decode(line.removesuffix(b"\n")) for line in folder.lines()]


def assert_each_once(recorded: list[Entry]) -> None:
    places = Counter(
        (entry.place or entry.what, entry.action, entry.what)
        for entry in recorded
        if "/" in (entry.place or entry.what)
    )
    assert [place for place, count in places.items() if count > 1] == []
    for stream in ("RAW", "EVENTS"):
        numbers = [
            int(entry.what.removeprefix(f"{stream}/"))
            for entry in recorded
            if entry.what.startswith(f"{stream}/")
        ]
        assert numbers == sorted(numbers)
        # The messages between them are orders of lanes, of which there are none with one lane.
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    installed = installation(tmp_path_factory.mktemp("audit"))
    with installed.running("--until-done") as running:
        assert running.wait() == 0, running.tail()
    return installed


def test_the_log_holds_what_came_and_what_was_found(finished: Installation) -> None:
    recorded = entries(finished)
    assert_each_once(recorded)
    counts = Counter[str]()
    for entry in recorded:
        counts[entry.action] += entry.count
    alerts = finished.alerts()
    assert counts["alert-given"] == len(alerts) > 0
    assert {e.what for e in recorded if e.action == "alert-given"} == {
        alert["event"]["id"] for alert in alerts
    }
    assert counts["events-made"] == len(finished.documents("events"))
    assert counts["frames-stored"] >= 100
    started = [entry for entry in recorded if entry.action == "configuration-changed"]
    assert [json.loads(bytes(one.after)) for one in started] == [  # type: ignore[arg-type]
        {"sha256": sha256(finished.path.read_bytes()).hexdigest()}
    ]


def test_it_is_good_and_a_change_is_found(finished: Installation) -> None:
    folder = AuditFolder(finished.folder / "audit")
    verdict = verify(folder, KEY.verifying)
    assert verdict.good, verdict.problems
    assert verdict.unsigned == 0
    ((_, path),) = folder.segments()
    content = path.read_bytes()
    alert = next(e for e in entries(finished) if e.action == "alert-given")
    path.write_bytes(content.replace(alert.what.encode(), b"0" * 64, 1))
    try:
        (problem,) = verify(folder, KEY.verifying).problems
        assert (problem.kind, problem.first) == ("changed", alert.number)
    finally:
        path.write_bytes(content)


def test_commands_are_recorded_with_who_and_why(finished: Installation) -> None:
    with finished.running() as running:
        running.until(lambda: running.stage_pid("audit") and running.stages())
        (finished.folder / "mine.yml").write_text(RULE)
        (finished.folder / "mine.exceptions.yml").write_text(EXCEPTION)
        finished.configuration["detections"]["rules"] += ["mine.yml", "mine.exceptions.yml"]
        finished.write()
        reloaded = finished.run("reload", "--reason", "quarterly review")
        assert reloaded.returncode == 0, reloaded
        assert finished.run("retire", "sink.gone.events").returncode == 1
        running.until(lambda: any(e.what == "retire sink.gone.events" for e in entries(finished)))
        assert finished.run("dead", "list").returncode == 0
        exported = ("audit", "export", "audit", "--to", "taken", "--why", "case 7", "--end", "5")
        assert tapewatch(*exported, folder=finished.folder).code == 0
        running.until(lambda: any(e.action == "export" for e in entries(finished)))
    commands = [entry for entry in entries(finished) if entry.action == "command"]
    reload, retire = commands[-2:]
    (rules,) = [entry for entry in entries(finished) if entry.action == "rules-changed"]
    assert rules.why == "quarterly review"
    assert json.loads(bytes(rules.after))["added"] == [  # type: ignore[arg-type]
        "0f9c7a2e-5b1d-4c3a-8e6f-2d4b6a8c0e1f"
    ]
    assert reload.what.startswith("reload")
    assert reload.why == "quarterly review"
    assert "@" in retire.who
    first, second = [one for one in entries(finished) if one.action == "configuration-changed"][-2:]
    assert second.before == first.after != second.after
    (desk,) = [entry for entry in entries(finished) if entry.action == "exception"]
    assert (desk.what, desk.why, bytes(desk.before)) == ("desk", "quarterly review", b"null")  # type: ignore[arg-type]
    assert json.loads(bytes(desk.after))["owner"] == "alice"  # type: ignore[arg-type]
    looked = [entry.what for entry in entries(finished) if entry.action == "access"]
    assert looked == ["dead list"]
    (taken,) = [entry for entry in entries(finished) if entry.action == "export"]
    assert (taken.what, taken.why, taken.who) == ("audit log", "case 7", retire.who)
    assert json.loads(bytes(taken.after))["entries"] == 5  # type: ignore[arg-type]
    assert verify(AuditFolder(finished.folder / "audit"), KEY.verifying).good


def test_each_message_is_recorded_once_whatever_is_killed(tmp_path: Path) -> None:
    source = {
        "name": "recording",
        "type": "replay",
        "path": str(RECORDED / "session.jsonl.gz"),
        "speed": "original",
    }
    installed = installation(tmp_path, sources=[source])
    log = tmp_path / "audit" / "entries"
    with installed.running("--until-done") as running:
        for _ in range(4):
            size = sum(p.stat().st_size for p in log.glob("*")) if log.exists() else 0
            running.until(
                lambda size=size: sum(p.stat().st_size for p in log.glob("*")) > size + 2_000
            )
            pid = running.stage_pid("audit")
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        assert running.wait() == 0, running.tail()
    recorded = entries(installed)
    assert_each_once(recorded)
    alerts = [entry.what for entry in recorded if entry.action == "alert-given"]
    assert sorted(alerts) == sorted(alert["event"]["id"] for alert in installed.alerts())
    assert verify(AuditFolder(tmp_path / "audit"), KEY.verifying).good


def test_a_key_of_another_log_is_told_before_anything_starts(tmp_path: Path) -> None:
    installed = installation(tmp_path)
    with installed.running("--until-done") as running:
        assert running.wait() == 0, running.tail()
    (tmp_path / "audit.key").write_text(SigningKey.new("example.com/tapewatch").reveal())
    with installed.running() as running:
        assert running.wait(60) == 2
        assert "is of another key" in running.tail()
    (tmp_path / "audit.key").write_text("PRIVATE+KEY+nonsense")
    with installed.running() as running:
        assert running.wait(60) == 2
        assert "see `tapewatch audit key`" in running.tail()
    assert "PRIVATE+KEY" not in (tmp_path / "log.ndjson").read_text()
    assert installed.run("doctor").returncode == 1
