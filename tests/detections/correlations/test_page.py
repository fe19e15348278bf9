"""The rules on the page about correlations load without a complaint, and do what it says."""

from pathlib import Path

import pytest

from detections.correlations.hits import Limits
from detections.rules import load_rules
from tests.detections.correlations.made import Run, correlation, hit, ids
from tests.docs.marked import DOCS, files

PAGE = DOCS / "correlations.md"
SHOWN = files(PAGE)


@pytest.mark.parametrize("name", SHOWN)
def test_its_rules_load_without_a_complaint(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(SHOWN[name])
    rules = load_rules([tmp_path])
    assert rules.warnings == ()
    assert rules.correlations
    Run(*rules.correlations)


def test_its_series_of_alerts() -> None:
    run = Run(correlation("event_count", within=10_000, gte=5))
    fired = run.all([hit("a", at) for at in range(1_000)])
    assert [one.metrics["events"] for one in fired] == [5, 10, 20, 40, 80, 160, 320, 640]


def test_its_pictures() -> None:
    minute = 60
    sliding = Run(correlation("event_count", within=10 * minute, gte=3))
    fired = sliding.all([hit("a", at * minute) for at in (0, 4, 9, 11)])
    assert [one.completing.id for one in fired] == ["a@540"]
    closing = Run(correlation("event_count", within=10 * minute, lt=3))
    fired = closing.all([hit("a", at * minute) for at in (0, 4, 17)]) + closing.until(1e6)
    assert [one.timestamp for one in fired] == [600 * 10**9, 27 * 60 * 10**9]
    absent = Run(correlation("absence", "a b", within=60 * minute))
    absent.all([hit("a", 0), hit("a", 40 * minute), hit("a", 70 * minute), hit("b", 110 * minute)])
    absent.until(1e6)
    assert [ids(one) for one in absent.fired] == [["a@0", "a@2400"]]


def test_its_limits() -> None:
    text = PAGE.read_text()
    assert f"{Limits().most_groups:,} groups" in text
    assert f"{Limits().most_events:,} events of a group" in text
    assert Limits().most_held == 1_000_000
    assert "a million events in all" in text
