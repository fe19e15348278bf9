"""The recorded session of the demo against the labels that its own truth gives."""

from pathlib import Path

import msgspec
import pytest

from demo.ground_truth import GroundTruth
from demo.labels import labels_text
from detections.backtest.label_files import read_labels
from tests.backtest.recorded import RECORDED, ROOT, recorded_lines
from tests.backtest.samples import write
from tests.cli.command_line import tapewatch

LABELS = RECORDED / "labels.yml"
RULES = ROOT / "sigma_rules"


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("recorded") / "events.ndjson", *recorded_lines())


def test_the_labels_are_what_the_truth_says() -> None:
    truth = GroundTruth.load(RECORDED / "truth.json")
    documents = [msgspec.json.decode(line) for line in recorded_lines()]

    assert labels_text(truth, documents) == LABELS.read_text()


def test_every_label_stands_on_events_that_are_there() -> None:
    labels = read_labels(LABELS.read_bytes(), str(LABELS))
    there = {msgspec.json.decode(line)["event"]["id"] for line in recorded_lines()}

    assert len(labels) == 23
    assert sum(one.right for one in labels) == 18
    for one in labels:
        assert one.events, one.note
        assert one.events <= there, one.note


def test_the_rules_find_all_that_was_planted_and_fall_for_nothing(
    events: Path, tmp_path: Path
) -> None:
    answer = tapewatch(
        *("backtest", "--rules", RULES, "--events", events, "--labels", LABELS, "--json", "-"),
        folder=tmp_path,
    )

    assert (answer.code, answer.error) == (0, "")
    labels = msgspec.json.decode(answer.out.encode())["labels"]
    assert labels["missed"] == []
    assert labels["fallen_for"] == []
    assert labels["left_out"] == []
    assert (labels["score"]["precision"], labels["score"]["recall"]) == (1.0, 1.0)


def test_a_larger_multiple_misses_spoofing(events: Path, tmp_path: Path) -> None:
    answer = tapewatch(
        *("backtest", "--rules", RULES / "spoofing", "--events", events, "--labels", LABELS),
        *("--sweep", "spoofing:minimum_execution_multiple=2,40,50", "--json", "-"),
        folder=tmp_path,
    )

    assert answer.code == 0, answer
    points = msgspec.json.decode(answer.out.encode())["sweep"]["points"]
    assert [point["values"] for point in points] == [["2"], ["40"], ["50"]]
    assert [point["score"]["recall"] for point in points] == [1.0, 0.25, 0.0]
    assert [point["current"] for point in points] == [True, False, False]
