"""From closed cases to a rule's confidence: `rules stats`, `rules calibrate`."""

import json
import shlex
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from delivery.mask import Masker
from normalizer.events import CaseActivity
from normalizer.events.ecs import nest
from pipeline.config.mask import Mask
from tests.backtest.samples import LARGE
from tests.cli.command_line import Answer, tapewatch
from tests.staging.closed_cases import case
from tests.staging.conftest import RULES_TAKEN


def large_alerts(folder: Path) -> list[str]:
    """Ids of the eleven alerts of the rule on large transfers."""
    lines = next((folder / "out" / "alerts").glob("*.ndjson")).read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [one["event"]["id"] for one in found if one["rule"]["id"] == LARGE]


def deliver(folder: Path, cases: Iterable[list[CaseActivity]]) -> None:
    (folder / "out" / "cases").mkdir()
    path = folder / "out" / "cases" / "20260110T000000Z-00000001.ndjson"
    lines = [msgspec.json.encode(nest(one)) for activities in cases for one in activities]
    path.write_bytes(b"\n".join([*lines, b""]))


@pytest.fixture
def judged(folder: Path) -> Path:
    """Of eleven alerts, each in a case of its own, three were right; of the last nobody knows."""
    alerts = large_alerts(folder)
    assert len(alerts) == 11
    deliver(
        folder,
        (
            case(n, [alert], "reported" if n < 3 else "explained" if n < 10 else None)
            for n, alert in enumerate(alerts)
        ),
    )
    return folder


def stats(folder: Path, *options: str) -> Answer:
    return tapewatch("rules", "stats", "--out", "out", *options, folder=folder)


def calibrate(folder: Path, *options: str) -> Answer:
    return tapewatch("rules", "calibrate", "large", "--out", "out", *options, folder=folder)


def test_closed_cases_tell_how_often_a_rule_is_right(judged: Path) -> None:
    answer = stats(judged)

    assert (answer.code, answer.error) == (0, RULES_TAKEN)
    assert "10 closed cases told which alerts were right" in answer.out
    assert "only 30 % of 10 judged alerts are right" in answer.out
    assert "0.85 to 1" in answer.out
    assert "too sure: Large transfer says 1.00, and 3 of 10 were right" in answer.out
    (command,) = (line for line in answer.out.splitlines() if "rules calibrate" in line)
    assert command == f"  tapewatch rules calibrate {LARGE} --rules sigma_rules --out out"
    assert tapewatch(*shlex.split(command)[1:], "--dry-run", folder=judged).code == 0


def test_the_same_as_json(judged: Path) -> None:
    told = json.loads(stats(judged, "--json").out)
    one = next(rule for rule in told["rules"] if rule["id"] == LARGE)

    assert (told["cases"], one["right"], one["wrong"]) == (10, 3, 7)
    assert one["sureness"]["verdict"] == "too sure"
    assert one["sureness"]["share"]["low"] == pytest.approx(0.108, abs=0.001)
    assert [band["sureness"] is not None for band in told["confidence"]] == [False] * 4 + [True]


def test_a_case_counts_once_however_many_alerts_it_has(folder: Path) -> None:
    alerts = large_alerts(folder)
    deliver(folder, [case(1, alerts[:10], "explained"), case(2, alerts[10:], "reported")])

    (one,) = (r for r in json.loads(stats(folder, "--json").out)["rules"] if r["id"] == LARGE)

    assert (one["alerts"], one["right"], one["wrong"]) == (11, 1, 1)


def test_a_label_comes_before_the_case(judged: Path) -> None:
    (judged / "labels.yml").write_text(f"labels:\n  - {{rule: {LARGE}, from: 2026-01-01}}\n")

    told = json.loads(stats(judged, "--labels", "labels.yml", "--json").out)
    one = next(rule for rule in told["rules"] if rule["id"] == LARGE)

    assert (one["right"], one["wrong"]) == (11, 0)


def test_what_is_no_fact_of_a_case_is_told(judged: Path) -> None:
    path = next((judged / "out" / "cases").glob("*.ndjson"))
    with path.open("a") as file:
        file.write("{torn\n")

    answer = stats(judged)

    assert answer.code == 1
    assert f"out/cases/{path.name}:22: " in answer.error


def masked(folder: Path, mask: Mask) -> None:
    """Deliver alerts and cases as a sink with this mask has them."""
    masker = Masker(mask)
    for path in (folder / "out").glob("[ac]*/*.ndjson"):
        documents = [json.loads(line) for line in path.read_text().splitlines()]
        for document in documents:
            masker.mask(document)
        path.write_text("".join(f"{json.dumps(document)}\n" for document in documents))


def test_a_sink_that_gets_no_sentences_tells_all_the_same(judged: Path) -> None:
    masked(judged, Mask(text="drop"))

    answer = stats(judged)

    assert (answer.code, answer.error) == (0, RULES_TAKEN)
    assert "too sure: Large transfer says 1.00, and 3 of 10 were right" in answer.out


def test_of_whom_nobody_knows_who_closed_it_says_nothing(judged: Path) -> None:
    masked(judged, Mask(staff="drop"))

    answer = stats(judged)
    told = json.loads(stats(judged, "--json").out)
    refused = calibrate(judged)

    assert (answer.code, answer.error) == (0, RULES_TAKEN)
    assert "11 cases left out: this sink's mask drops who closed them" in answer.out
    assert (told["cases"], told["nameless_cases"], told["broken_cases"]) == (0, 11, 0)
    assert refused.code == 1
    assert "0 of 10 verdicts" in refused.error
    assert "mask drops who closed" in refused.error


def test_a_calibrated_rule_says_what_was_found(judged: Path) -> None:
    answer = calibrate(judged)

    assert (answer.code, answer.error) == (0, RULES_TAKEN)
    assert "+  judged: 10" in answer.out
    assert "+  right: 3" in answer.out
    assert "3 of 10 were right: where Large transfer said 1.00 by itself" in answer.out
    lines = tapewatch(
        "detect", "--rules", "sigma_rules", "--events", "events.ndjson", folder=judged
    ).out.splitlines()
    found = [json.loads(line) for line in lines]
    confidences = {one["surveillance"]["confidence"] for one in found if one["rule"]["id"] == LARGE}
    # Ten verdicts, three of which were right, and ten more of what the rule says by itself.
    (says,) = confidences
    assert says == pytest.approx((3 + 10 * 0.99) / 20, abs=0.001)


def test_why_a_calibrated_alert_says_so_is_explained(judged: Path) -> None:
    assert calibrate(judged).code == 0
    found = tapewatch(
        "detect", "--rules", "sigma_rules", "--events", "events.ndjson", folder=judged
    ).out.splitlines()
    (judged / "alert.ndjson").write_text(
        next(line for line in found if json.loads(line)["rule"]["id"] == LARGE)
    )
    answer = tapewatch(
        "rules", "explain", "alert.ndjson", "--events", "events.ndjson", folder=judged
    )

    assert answer.code == 0
    assert "confidence: 0.645; 0.99 by the rule itself, and of 10 that" in answer.out
    assert "3 were right" in answer.out


def test_verdicts_on_later_alerts_are_added(judged: Path) -> None:
    assert calibrate(judged).code == 0
    again = calibrate(judged)  # what there is was counted: it is another version's
    lines = tapewatch(
        "detect", "--rules", "sigma_rules", "--events", "events.ndjson", folder=judged
    ).out
    for content in ("alerts", "cases"):
        next((judged / "out" / content).glob("*.ndjson")).unlink()
    (judged / "out" / "cases").rmdir()
    (judged / "out" / "alerts" / "20260111T000000Z-00000003.ndjson").write_text(lines)
    deliver(judged, (case(n, [one], "warned") for n, one in enumerate(large_alerts(judged))))

    told = json.loads(calibrate(judged, "--json").out)

    assert again.code == 1
    assert "0 of 10 verdicts that are wanted" in again.error
    assert (told["judged"], told["right"]) == (21, 14)
    assert told["said"] == pytest.approx(0.99, abs=0.006)


def test_a_dry_run_only_shows(judged: Path) -> None:
    before = (judged / "sigma_rules" / "large.yml").read_text()

    told = json.loads(calibrate(judged, "--dry-run", "--json").out)

    assert (told["written"], told["says_now"]) == (False, pytest.approx(0.645, abs=0.001))
    assert (judged / "sigma_rules" / "large.yml").read_text() == before


def test_too_few_verdicts_change_nothing(judged: Path) -> None:
    answer = calibrate(judged, "--least", "11")

    assert answer.code == 1
    assert "10 of 11 verdicts that are wanted on alerts of Large transfer" in answer.error
    assert "calibration" not in (judged / "sigma_rules" / "large.yml").read_text()
