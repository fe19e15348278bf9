"""`tapewatch replay` as a command: what it takes, what it says, and how it ends."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from normalizer.events import Alert
from tests.cli.command_line import RULES, Answer, tapewatch
from tests.end_to_end.pipeline_run import Installation

ALERTS = 24


@pytest.fixture(scope="module", params=[1, 3], ids=["one-lane", "lanes"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded session was live, in one lane or in several, and Tapewatch is stopped."""
    path = tmp_path_factory.mktemp("replayed")
    installation = Installation(path, detections={"rules": [str(RULES)], "lanes": request.param})
    with installation.running("--until-done") as run:
        assert run.wait() == 0, run.tail()
    assert len(installation.alerts()) == ALERTS
    return path


def delivered(folder: Path) -> list[dict[str, Any]]:
    """The alerts in the file sink."""
    files = sorted((folder / "out" / "alerts").glob("*.ndjson"))
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]


def replay(folder: Path, *options: str) -> Answer:
    return tapewatch("replay", *options, folder=folder)


def test_all_of_it_agrees_though_nothing_runs(folder: Path) -> None:
    answer = replay(folder, "--save", "saved/alerts.ndjson")

    assert (answer.code, answer.error) == (0, "")
    assert "rules: the rules in force then" in answer.out
    assert f"{ALERTS} alerts of 12 rules, the same as live" in answer.out
    saved = (folder / "saved" / "alerts.ndjson").read_bytes().splitlines()
    ids = {msgspec.json.decode(line, type=Alert).id for line in saved}
    assert ids == {alert["event"]["id"] for alert in delivered(folder)}


def test_a_part_of_the_time_agrees(folder: Path) -> None:
    alerts = delivered(folder)
    times = sorted(alert["@timestamp"] for alert in alerts)
    middle = times[len(times) // 2]

    until = json.loads(replay(folder, "--to", middle, "--json").out)
    since = json.loads(replay(folder, "--from", middle, "--json").out)

    for found in (until, since):
        assert (found["missing_live"], found["only_live"], found["changed"]) == (0, 0, 0)
    assert until["same"] + since["same"] == ALERTS
    assert since["warm_up"] > 0


def test_moments_are_named_in_several_ways(folder: Path) -> None:
    day = delivered(folder)[0]["@timestamp"][:10]

    for options in (("--from", day), ("--to", day), ("--to", "now"), ("--from", "1")):
        answer = replay(folder, *options)
        assert answer.code == 0, answer
        assert f"{ALERTS} alerts" in answer.out


def test_where_nothing_was_compared_nothing_is_the_same(folder: Path) -> None:
    for options in (("--from", "1h ago"), ("--from", "1000000")):
        nothing = replay(folder, *options)
        assert nothing.code == 1
        assert "no event is of this span" in nothing.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "yesterday"), "this isn't a time such as 2026-11-23T14:00:00Z"),
        (("--from", "2 hrs ago"), "did you mean"),
        (("--from", "5", "--to", "now"), "are both numbers of messages, or both times"),
        (("--from", "9", "--to", "5"), "--to comes before --from"),
        (("--from", "now", "--to", "1h ago"), "--to doesn't come after --from"),
        (("--warm-up", "5"), "--warm-up 5: "),
        (("--lane", "detection"), "did you mean detections"),
        (("--rules", "nowhere"), "nowhere"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_read(
    folder: Path, options: tuple[str, ...], said: str
) -> None:
    answer = replay(folder, *options)

    assert answer.code == 2, answer
    assert said in answer.error


def test_another_number_of_lanes_than_the_events_have_is_said(folder: Path, tmp_path: Path) -> None:
    settings = yaml.safe_load((folder / "pipeline.yaml").read_text())
    settings["detections"]["lanes"] = 2
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(settings).replace("nats", f"{folder}/nats"))

    answer = replay(folder, "--config", str(tmp_path / "two.yaml"))

    assert answer.code == 2, answer
    assert "detections.lanes is 2, but the events on this bus are in" in answer.error


def test_one_of_several_lanes(folder: Path) -> None:
    several = "lanes: 3" in (folder / "pipeline.yaml").read_text()
    name = "detections-market" if several else "detections"

    answer = replay(folder, "--lane", name, "--json")

    assert answer.code == 0, answer
    found = json.loads(answer.out)
    assert found["events"] > 0
    assert found["same"] == (0 if several else ALERTS)


def test_without_any_stream_it_is_said_what_to_do(tmp_path: Path) -> None:
    Installation(tmp_path)

    answer = replay(tmp_path)

    assert answer.code == 1
    assert "start one with `tapewatch run`" in answer.error
