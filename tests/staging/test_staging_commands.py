"""A rule's way from trial to live: `detect`, `rules stats`, `rules promote`."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.backtest.samples import CORRELATION, LARGE, OFTEN, RULE
from tests.cli.command_line import Answer, tapewatch, write_configuration
from tests.staging.conftest import RULES_TAKEN, STAGED


def stats(folder: Path, *options: str) -> Answer:
    return tapewatch("rules", "stats", "--out", "out", *options, folder=folder)


def of(answer: Answer, rule_id: str) -> Any:
    return next(one for one in json.loads(answer.out)["rules"] if one["id"] == rule_id)


def test_alerts_of_a_staged_rule_are_marked(folder: Path) -> None:
    alerts = (folder / "out" / "alerts").glob("*.ndjson")
    found = [json.loads(line) for path in alerts for line in path.read_text().splitlines()]

    assert len(found) == 11
    assert all(one["surveillance"]["staged"] is True for one in found)


def test_a_rule_that_did_well_may_go_live(folder: Path) -> None:
    answer = stats(folder)

    assert (answer.code, answer.error) == (0, RULES_TAKEN)
    assert "promote it: Large transfer" in answer.out
    assert "seen 10 days, with 11 alerts, about 1 a day" in answer.out
    assert f"tapewatch rules promote {LARGE}" in answer.out


def test_the_numbers_as_json(folder: Path) -> None:
    one = of(stats(folder, "--json"), LARGE)

    assert (one["alerts"], one["days"], one["per_day"]) == (11, 10.0, 1.1)
    assert one["staged"] is True
    assert one["advice"]["verdict"] == "promote"
    assert of(stats(folder, "--json"), OFTEN)["advice"] is None


def test_a_rule_that_only_feeds_correlations_is_no_live_rule(folder: Path) -> None:
    base = "title: Base\nname: base\nlogsource: {product: tapewatch}\n"
    base += "detection: {s: {event.action: token-transfer}, condition: s}\n---\n"
    correlation = CORRELATION.replace("[large]", "[base]").replace("  generate: true\n", "")
    (folder / "sigma_rules" / "often.yml").write_text(base + correlation)

    found = json.loads(stats(folder, "--json").out)["rules"]

    assert [one["id"] for one in found] == [LARGE, OFTEN]


def test_the_criteria_are_options(folder: Path) -> None:
    assert "wait: Large transfer" in stats(folder, "--least-days", "30").out
    assert "tune it first: Large transfer" in stats(folder, "--most-a-day", "0.5").out
    assert "are about" in stats(folder, "--most-share", "0.1").out


def test_verdicts_come_by_labels(folder: Path) -> None:
    (folder / "labels.yml").write_text("labels:\n  - {label: false, entities: [INV-0, INV-1]}\n")

    answer = stats(folder, "--labels", "labels.yml")

    assert "only 0 % of" in answer.out
    assert "judged alerts are right" in answer.out


def test_exceptions_are_told_where_they_are_old_or_idle(folder: Path) -> None:
    (folder / "sigma_rules" / "agreed.exceptions.yml").write_text(
        """\
exceptions:
  - {rules: [large], entities: [INV-0], owner: a@b, reason: used, expires: 2027-01-01}
  - {rules: [large], entities: [INV-9], owner: c@d, reason: idle, expires: 2027-01-01}
  - {rules: [large], entities: [INV-1], owner: e@f, reason: old, expires: 2026-01-05}
"""
    )

    plain, tried = stats(folder), stats(folder, "--try-exceptions")

    for answer in (plain, tried):
        assert "agreed.exceptions.yml:4:5: past its date, 2026-01-05 (e@f: old)" in answer.out
    assert "what they cover is told with --try-exceptions" in plain.out
    assert "covers none of the kept events' alerts (c@d: idle)" in tried.out
    assert "(a@b: used)" not in tried.out


def test_the_configured_file_sink_is_the_default(folder: Path) -> None:
    write_configuration(folder)

    answer = tapewatch("rules", "stats", folder=folder)

    assert answer.code == 0, answer
    assert "11 alerts in" in answer.out


def test_the_rules_of_what_the_configured_sink_holds_are_the_configured_ones(folder: Path) -> None:
    (folder / "sigma_rules").rename(folder / "my rules")
    write_configuration(folder, detections={"rules": ["my rules"]})

    answer = tapewatch("rules", "stats", folder=folder)

    assert (answer.code, answer.error) == (0, "")
    assert "promote it: Large transfer" in answer.out
    assert "no longer there" not in answer.out
    (command,) = (line for line in answer.out.splitlines() if "rules promote" in line)
    assert command == f"  tapewatch rules promote {LARGE} --rules 'my rules'"
    words = shlex.split(command)[1:]
    assert tapewatch(*words, "--dry-run", folder=folder).code == 0


def test_of_a_folder_that_is_named_they_are_the_configured_ones_too(folder: Path) -> None:
    (folder / "sigma_rules").rename(folder / "mine")
    write_configuration(folder, detections={"rules": ["mine"]}, sinks=[{"type": "no such"}])

    answer = stats(folder)

    assert answer.code == 0
    assert answer.error == "rules: mine (detections.rules of pipeline.yaml)\n"
    assert "promote it: Large transfer" in answer.out
    assert "no longer there" not in answer.out


def test_the_command_that_promotes_finds_them_whatever_is_configured(folder: Path) -> None:
    (folder / "others").mkdir()
    (folder / "others" / "often.yml").write_text(RULE)
    (folder / "acme.yml").write_text("transformations: []\n")
    write_configuration(folder, detections={"rules": ["others"]})

    answer = stats(folder, "--rules", "sigma_rules", "--pipeline", "acme.yml")

    (command,) = (line for line in answer.out.splitlines() if "rules promote" in line)
    assert command.endswith(" --rules sigma_rules --pipeline acme.yml")
    assert tapewatch(*shlex.split(command)[1:], "--dry-run", folder=folder).code == 0


def test_the_command_that_promotes_names_the_rules_that_were_named(folder: Path) -> None:
    (folder / "sigma_rules").rename(folder / "mine")

    assert f"tapewatch rules promote {LARGE} --rules mine\n" in stats(folder, "mine").out


def update(alert: Any, status: str, day: int) -> str:
    return json.dumps(
        {
            "event": {
                "action": "alert-update", "id": f"{alert['event']['id']}-{status}", "kind": "event",
                "dataset": "tapewatch.alert", "provider": "chain", "reason": "A fork.",
            },
            "@timestamp": f"2026-02-{day:02}T00:00:00Z",
            "message": "A fork.",
            "rule": {"id": alert["rule"]["id"], "name": alert["rule"]["name"]},
            "surveillance": {
                "alert": {"id": alert["event"]["id"], "status": status},
                "level": "medium", "typology": "large_transfer",
            },
        }
    )  # fmt: skip


def test_alerts_that_were_retracted_and_not_reinstated_count_nowhere(folder: Path) -> None:
    path = next((folder / "out" / "alerts").glob("*.ndjson"))
    first, second, *rest = path.read_text().splitlines()
    gone = update(json.loads(first), "retracted", 1)
    back = update(json.loads(second), "retracted", 1), update(json.loads(second), "reinstated", 2)
    path.write_text("\n".join([gone, first, *reversed(back), second, *rest]) + "\n")

    answer = stats(folder)
    one = of(stats(folder, "--json"), LARGE)

    assert (answer.code, answer.error) == (0, RULES_TAKEN)
    assert "11 alerts in out" in answer.out
    assert "1 of them was retracted and counts nowhere below" in answer.out
    assert "1 retracted, not counted" in answer.out
    assert (one["alerts"], one["retracted"], one["per_day"]) == (10, 1, 1.0)


def test_lines_that_are_no_alerts_are_told(folder: Path) -> None:
    path = next((folder / "out" / "alerts").glob("*.ndjson"))
    with path.open("a") as file:
        file.write("{torn\n")

    answer = stats(folder)

    assert answer.code == 1
    assert f"out/alerts/{path.name}:12: " in answer.error
    assert "11 alerts" in answer.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--elasticsearch",), "say --out or --elasticsearch, not both"),
        (("--sink", "x"), "--sink belongs to --elasticsearch"),
        (("--rules", "none"), "no such file"),
    ],
)
def test_mistakes_are_told(folder: Path, options: tuple[str, ...], said: str) -> None:
    answer = stats(folder, *options)

    assert answer.code == 2
    assert said in answer.error


def test_a_folder_that_is_no_sinks_is_told(folder: Path) -> None:
    answer = tapewatch("rules", "stats", "--out", "sigma_rules", folder=folder)

    assert answer.code == 2
    assert "name the folder that a file sink writes to" in answer.error


def promote(folder: Path, *options: str) -> Answer:
    return tapewatch("rules", "promote", *options, folder=folder)


def test_promoting_removes_one_line_and_shows_it(folder: Path) -> None:
    path = folder / "sigma_rules" / "large.yml"
    path.chmod(0o640)

    answer = promote(folder, "large")

    said = "rules: sigma_rules (there is no pipeline.yaml here)\n"
    assert (answer.code, answer.error) == (0, said)
    assert path.read_text() == RULE
    assert path.stat().st_mode & 0o777 == 0o640
    assert "-staged: true  # until May" in answer.out
    assert [line for line in answer.out.splitlines() if line.startswith(("+", "-"))][2:] == [
        "-staged: true  # until May"
    ]


@pytest.mark.parametrize(
    "called", [LARGE, "Large transfer", "large", "large.yml", "sigma_rules/large.yml"]
)
def test_a_dry_run_only_shows(folder: Path, called: str) -> None:
    answer = promote(folder, called, "--dry-run", "--json")

    told = json.loads(answer.out)
    assert (told["id"], told["written"]) == (LARGE, False)
    assert "-staged: true" in told["diff"]
    assert (folder / "sigma_rules" / "large.yml").read_text() == STAGED


def test_what_the_check_only_warns_of_is_no_obstacle(folder: Path) -> None:
    path = folder / "sigma_rules" / "large.yml"
    path.write_text(STAGED.replace("title: ", "title: \u200f", 1))

    answer = promote(folder, "large")

    assert answer.code == 0, answer
    assert path.read_text() == RULE.replace("title: ", "title: \u200f", 1)


def test_a_link_stays_one_and_what_it_leads_to_is_promoted(folder: Path) -> None:
    path = folder / "sigma_rules" / "large.yml"
    path.rename(folder / "shared.yml")
    path.symlink_to("../shared.yml")

    assert promote(folder, "large").code == 0
    assert path.is_symlink()
    assert (folder / "shared.yml").read_text() == RULE


def test_a_live_rule_and_an_unknown_one_are_refused(folder: Path) -> None:
    live, unknown = promote(folder, "often"), promote(folder, "lrge")

    assert (live.code, unknown.code) == (2, 2)
    assert "it is live already" in live.error
    assert "did you mean large?" in unknown.error


def test_nothing_is_promoted_while_a_rule_is_bad(folder: Path) -> None:
    (folder / "sigma_rules" / "bad.yml").write_text("title: bad\n")

    answer = promote(folder, "large")

    assert answer.code == 2
    assert "bad.yml" in answer.error
    assert (folder / "sigma_rules" / "large.yml").read_text() == STAGED
