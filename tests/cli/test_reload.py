"""`tapewatch reload` and SIGHUP: all that is good comes into force, or nothing changes."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from detections.rules import load_rules
from tests.cli.command_line import RULES, Answer, tapewatch
from tests.end_to_end.pipeline_run import Installation, Running

SELF_TRADE = "wash_trading/self_trade.yml"
ALERTS = 24
NEW = """
title: Every trade
id: 1b9d3a6e-6f6b-4f6e-9a43-3f4be2c9b0ab
status: test
level: low
description: For a test.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: wash_trading
logsource: {product: tapewatch}
detection: {s: {event.action: trade}, condition: s}
"""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    shutil.copytree(RULES, tmp_path / "rules")
    return Installation(tmp_path, detections={"rules": ["rules"]})


@pytest.fixture
def run(installation: Installation) -> Iterator[Running]:
    """It has read the whole recording."""
    with installation.running() as running:
        running.until(lambda: len(installation.alerts()) >= ALERTS)
        yield running


def reload(run: Running, *options: str) -> Answer:
    return tapewatch("reload", *options, folder=run.installation.folder)


def reload_with(run: Running, **changes: Any) -> Answer:
    run.installation.configuration |= changes
    run.installation.write()
    return reload(run)


def edit(installation: Installation, file: str, old: str, new: str) -> None:
    path = installation.folder / "rules" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def changes(installation: Installation, sink: str = "out") -> list[dict[str, Any]]:
    documents = installation.documents("events", sink)
    return [one for one in documents if one["event"]["action"] == "rules-changed"]


def reported(run: Running) -> set[int]:
    return {stage["pid"] for stage in run.stages()}


def test_rules_sinks_and_what_is_wrong(run: Running) -> None:
    installation = run.installation
    folder = installation.folder
    pids = {stage: run.stage_pid(stage) for stage in ("collectors", "normalizer", "detections")}

    nothing = reload(run)
    assert (nothing.code, nothing.out) == (0, "nothing has changed\n")

    # A changed, a new and a removed rule.
    edit(installation, SELF_TRADE, "level: ", "level: low #")
    (folder / "rules" / "new.yml").write_text(NEW)
    (folder / "rules" / "spoofing" / "spoofing.yml").unlink()
    answer = reload(run, "--reason", "case 17")
    assert answer.code == 0, answer
    first, *named = answer.out.splitlines()
    assert first.startswith("rules: 1 added, 1 changed, 1 removed; in force from message ")
    assert [line.split(maxsplit=1)[0] for line in named] == ["added", "changed", "removed", "kept"]
    assert named[0].split(maxsplit=1)[1] == "Every trade"
    run.until(lambda: len(changes(installation)) == 1)
    (change,) = changes(installation)
    assert change["event"]["reason"] == "case 17"
    assert change["@timestamp"] < change["event"]["ingested"], "the recording's time"
    assert change["surveillance"]["rules"]["added"] == ["1b9d3a6e-6f6b-4f6e-9a43-3f4be2c9b0ab"]
    assert change["user"]["name"]

    # All that is wrong is said, and the old rules go on.
    edit(installation, SELF_TRADE, "level: low", "level: loow")
    (folder / "reference.yaml").write_text("tokens: {}\n")
    installation.configuration["reference"] = ["reference.yaml"]
    installation.write()
    refused = reload(run)
    assert refused.code == 2
    assert "did you mean low?" in refused.error
    assert "reference.yaml:1:9" in refused.error
    assert "2 errors" in refused.error

    # A sink moves: only the delivery starts again, and misses nothing.
    edit(installation, SELF_TRADE, "level: loow", "level: low")
    installation.configuration |= {
        "reference": [str(RULES.parent / "demo" / "recorded" / "reference.yaml")],
        "sinks": [{"name": "others", "type": "file", "path": "others"}],
    }
    installation.write()
    moved = reload(run)
    assert (moved.code, moved.out) == (0, "delivery: started again, for sinks\n")
    run.until(lambda: len(installation.alerts("others")) == ALERTS)
    assert {stage: run.stage_pid(stage) for stage in pids} == pids
    run.until(lambda: changes(installation, "others"))
    assert len(changes(installation, "others")) == 1, "the refused one left nothing"

    # What can't change while it runs is refused with the reason.
    policy = reload_with(run, dead_letters=[{"reason": "unknown", "after": "7d"}])
    assert (policy.code, policy.out) == (0, "dead_letters: in force\n")
    lanes = reload_with(run, detections={"rules": ["rules"], "lanes": 2})
    assert lanes.code == 2
    assert "detections.lanes: another number of lanes would tear apart" in lanes.error
    installation.configuration["detections"] = {"rules": ["rules"]}
    fixed = reload_with(run, observability={"enabled": False})
    assert fixed.code == 2
    assert "observability: the endpoint of metrics and health can't change" in fixed.error
    assert "nothing was changed" in fixed.error

    # Another configuration file than the one that runs.
    other = folder / "other.yaml"
    other.write_text(installation.path.read_text())
    stranger = reload(run, "--config", str(other))
    assert stranger.code == 2
    assert f"Tapewatch runs with {installation.path}, not with {other}" in stranger.error


def test_a_stage_that_dies_while_files_are_wrong_comes_back_when_they_are_mended(
    run: Running,
) -> None:
    installation = run.installation
    pids = {stage: run.stage_pid(stage) for stage in ("collectors", "normalizer", "delivery")}
    edit(installation, SELF_TRADE, "level: high", "level: hgih")

    run.kill_stage("detections")
    run.until(lambda: "did you mean high?" in run.log.read_text())
    time.sleep(1)
    assert {stage: run.stage_pid(stage) for stage in pids} == pids, "the others go on"

    edit(installation, SELF_TRADE, "level: hgih", "level: high")
    run.until(lambda: run.stage_pid("detections") in reported(run))


def test_a_signal_reloads_too(run: Running) -> None:
    installation = run.installation
    edit(installation, SELF_TRADE, "level: ", "level: low #")

    run.process.send_signal(signal.SIGHUP)

    run.until(lambda: changes(installation))
    assert changes(installation)[0]["event"]["reason"] == "SIGHUP"
    assert run.process.poll() is None


def test_other_rules_at_the_next_start_are_told_and_a_replay_runs_those_of_then(
    installation: Installation,
) -> None:
    with installation.running("--until-done") as first:
        assert first.wait() == 0
    folder = installation.folder
    edit(installation, SELF_TRADE, "level: ", "level: low #")
    spoofing = load_rules([folder / "rules" / "spoofing"]).rules
    shutil.rmtree(folder / "rules" / "spoofing")
    with installation.running("--until-done") as second:
        assert second.wait() == 0
    (change,) = changes(installation)
    assert change["event"]["reason"] == "Tapewatch was started with these rules"

    then = tapewatch("replay", folder=folder)
    assert then.code == 0, then
    assert f"{ALERTS} alerts of 12 rules, the same as live" in then.out
    told = f"(1 changed, {len(spoofing)} removed): Tapewatch was started with these rules"
    assert told in then.out

    today = tapewatch(
        "replay", "--rules", "rules", "--json", "--save", "again.ndjson", folder=folder
    )
    assert today.code == 1
    found = json.loads(today.out)
    assert (found["same"], found["changed"], found["only_live"]) == (15, 3, 6)
    assert {reason["name"] for one in found["by_rule"] for reason in one["reasons"]} == {
        "the rule is gone"
    }
    assert len((folder / "again.ndjson").read_bytes().splitlines()) == 18


def test_the_commit_and_its_author_are_kept(installation: Installation) -> None:
    folder = installation.folder

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=Jane", "-c", "user.email=jane@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)

    git("init", "-q")
    git("add", "rules")
    git("commit", "-qm", "Rules")
    for level in ("low", "medium"):
        edit(installation, SELF_TRADE, "level: ", f"level: {level} #")
        git("add", "rules")
        git("commit", "-qm", level)
        with installation.running("--until-done") as run:
            assert run.wait() == 0

    (change,) = changes(installation)
    rules = change["surveillance"]["rules"]
    assert rules["author"] == "Jane <jane@example.com>"
    assert len(rules["commit"]) == 40


def test_without_a_bus_it_is_said_what_to_do(tmp_path: Path) -> None:
    Installation(tmp_path)

    answer = tapewatch("reload", folder=tmp_path)

    assert answer.code == 1
    assert "start it with `tapewatch run`" in answer.error
