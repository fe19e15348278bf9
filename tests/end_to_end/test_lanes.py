"""Growth: lanes and workers change how fast alerts come, and nothing else."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.bus.reader_names import lane_names
from tests.end_to_end.pipeline_run import (
    RECORDED,
    ROOT,
    TAPEWATCH,
    Installation,
    Running,
    without_places,
)

LANES = 4
#: The promise: a killed worker's lanes run elsewhere within so many seconds.
MOVED_WITHIN = 15


def installation(
    folder: Path, lanes: int, workers: int, speed: str = "maximum", shares: int = 1
) -> Installation:
    folder.mkdir()
    recording = {
        "name": "recording",
        "type": "replay",
        "path": str(RECORDED / "session.jsonl.gz"),
        "speed": speed,
    }
    return Installation(
        folder,
        sources=[recording],
        detections={
            "rules": [str(ROOT / "sigma_rules")],
            "lanes": lanes,
            "shares": shares,
            "workers": workers,
        },
    )


def to_the_end(made: Installation) -> list[str]:
    with made.running("--until-done") as run:
        assert run.wait(180) == 0, run.tail()
    assert not made.run("dead", "list", "--json").stdout.strip("[]\n ")
    return outcome(made)


def outcome(made: Installation) -> list[str]:
    """The alerts, byte for byte; lanes decide nothing but their order."""
    return sorted(json.dumps(alert, sort_keys=True) for alert in made.alerts())


def placeless(alerts: list[str]) -> list[dict[str, Any]]:
    """Alerts in one order, without where their frames lie."""
    found = [without_places(json.loads(alert)) for alert in alerts]
    return sorted(found, key=lambda alert: alert["event"]["id"])


@pytest.fixture(scope="module")
def one_lane(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What one lane of one worker finds."""
    return to_the_end(installation(tmp_path_factory.mktemp("one") / "lane", 1, 1))


@pytest.mark.parametrize(
    ("lanes", "shares", "workers"), [(LANES, 1, 1), (LANES, 1, 2), (2, 2, 4), (1, 2, 2)]
)
def test_workers_that_share_lanes_find_what_one_lane_finds(
    tmp_path: Path, one_lane: list[str], lanes: int, shares: int, workers: int
) -> None:
    found = to_the_end(installation(tmp_path / "lanes", lanes, workers, shares=shares))

    assert len(found) > 20
    # Each has collected the recording anew, and how frames come together in batches is up to the
    # clock: so where a frame lies may differ, and nothing else.
    assert placeless(found) == placeless(one_lane)


def holders(run: Running) -> dict[str, int]:
    """The process of each lane that runs, by what was reported last."""
    found: dict[str, int] = {}
    stages: list[dict[str, Any]] = sorted(run.stages(), key=lambda one: one["at"])
    for report in stages:
        if time.time_ns() - report["at"] < 2e9:
            for reader in report["readers"]:
                if reader["name"].startswith("detections"):
                    found[reader["name"]] = report["pid"]
    return found


def test_a_killed_workers_lanes_move_in_time_and_nothing_is_lost_or_doubled(
    tmp_path: Path, one_lane: list[str]
) -> None:
    made = installation(tmp_path / "lanes", LANES, 1, speed="original")
    with made.running() as run:
        run.until(lambda: len(holders(run)) == LANES + 1)
        joined = subprocess.Popen(
            [*TAPEWATCH, "run", "--only", "detections", "--config", str(made.path)],
            cwd=made.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            run.until(lambda: list(holders(run).values()).count(joined.pid) >= 2)
        finally:
            os.kill(joined.pid, signal.SIGKILL)
        killed = time.monotonic()
        joined.wait()

        def moved() -> bool:
            there = holders(run)
            return set(there) == set(lane_names(LANES)) and joined.pid not in there.values()

        run.until(moved)
        assert time.monotonic() - killed < MOVED_WITHIN
    to_the_end(made)

    # Frames came in other micro-batches, so they lie in other places.
    assert placeless(outcome(made)) == placeless(one_lane)
    ids = [alert["event"]["id"] for alert in made.alerts()]
    assert len(ids) == len(set(ids))


def test_another_number_of_lanes_or_shares_is_refused_once_there_are_events(tmp_path: Path) -> None:
    made = installation(tmp_path / "lanes", 2, 1)
    to_the_end(made)
    made.configuration["detections"]["lanes"] = 3
    made.write()

    refused = made.run("run", "--until-done", timeout=60)

    assert refused.returncode == 2
    assert "the events on this bus are in 2 lanes" in refused.stderr
    assert "Set it back to 2" in refused.stderr

    made.configuration["detections"] |= {"lanes": 2, "shares": 2}
    made.write()

    refused = made.run("run", "--until-done", timeout=60)

    assert refused.returncode == 2
    assert "the lanes on this bus have begun with 1: what their rules know" in refused.stderr
