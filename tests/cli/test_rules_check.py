"""`tapewatch rules check`."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.cli.command_line import RULES, Answer, tapewatch
from tests.cli.golden_file import assert_golden

BAD = """\
title: Broken
id: 5a7e2f0e-3f4e-4f0e-8f53-3f4be2c9b0ab
status: test
level: hihg
description: A rule with mistakes.
author: Tester
date: 2026-01-31
logsource: {product: tapewatch}
detection:
  transfer:
    event.acton: token-transfer
  condition: transfer and nothing
falsepositives: []
references: []
typology: sanctions
"""


def test_the_rules_of_the_product_are_good(tmp_path: Path) -> None:
    answer = tapewatch("rules", "check", RULES, folder=tmp_path)

    assert answer.code == 0, answer
    assert "rules are good" in answer.out
    assert answer.error == ""


def test_good_rules_give_an_empty_list_for_machines(tmp_path: Path) -> None:
    answer = tapewatch("rules", "check", RULES, "--json", folder=tmp_path)

    assert (answer.code, json.loads(answer.out)) == (0, [])


def test_all_mistakes_are_told_with_place_and_what_was_probably_meant(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text(BAD)

    answer = tapewatch("rules", "check", "broken.yml", folder=tmp_path)

    assert answer.code == 2
    assert answer.out == ""
    assert "broken.yml:4:8: error:" in answer.error
    assert "did you mean high?" in answer.error
    assert "broken.yml:11:5: error:" in answer.error
    assert "did you mean event.action?" in answer.error
    assert "broken.yml:12:" in answer.error
    assert answer.error.rstrip().endswith("errors")


def test_rules_for_other_log_sources_are_counted_apart(tmp_path: Path) -> None:
    others = (
        "title: {0}\nlogsource: {{product: windows}}\ndetection:\n  s: {{a: 1}}\n  condition: s\n"
    )
    (tmp_path / "a.yml").write_text(others.format("A") + "---\n" + others.format("B"))

    answer = tapewatch("rules", "check", "a.yml", folder=tmp_path)

    assert answer.out == "2 rules are good: 2 Sigma rules for other log sources\n"


def test_mistakes_are_json_for_editors_and_ci(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text(BAD)

    answer = tapewatch("rules", "check", "broken.yml", "--json", folder=tmp_path)

    assert answer.code == 2
    rows = json.loads(answer.out)
    assert [row["location"]["line"] for row in rows] == sorted(
        row["location"]["line"] for row in rows
    )
    assert {row["location"]["file"] for row in rows} == {"broken.yml"}
    assert all(row["code"] and row["message"] for row in rows)


def test_without_a_path_the_folder_sigma_rules_is_checked(tmp_path: Path) -> None:
    (tmp_path / "sigma_rules").mkdir()
    (tmp_path / "sigma_rules" / "broken.yml").write_text(BAD)

    answer = tapewatch("rules", "check", folder=tmp_path)

    assert answer.code == 2
    assert "sigma_rules/broken.yml:4:8" in answer.error


GOOD = (
    BAD.replace("hihg", "high")
    .replace("event.acton", "event.action")
    .replace("transfer and nothing", "transfer")
)
DOUBTFUL = GOOD.replace("  condition:", "  other: {token.symbol: ACME}\n  condition:")


def checked(folder: Path, *options: str, **files: str) -> Answer:
    for name, text in files.items():
        path = folder / "rules" / name.replace("__", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tapewatch("rules", "check", "rules", *options, folder=folder)


def test_how_mistakes_read(tmp_path: Path) -> None:
    answer = checked(tmp_path, broken__yml=BAD, doubtful__yml=DOUBTFUL.replace("5a7e", "6a7e"))
    assert (answer.code, answer.out) == (2, "")
    assert_golden("rules_check_errors.txt", answer.error)


def test_every_kind_is_counted(tmp_path: Path) -> None:
    named = GOOD.replace("title:", "name: sanctioned\ntitle:")
    answer = checked(
        tmp_path,
        rule__yml=named,
        filter__yml="title: Filter\nlogsource: {product: tapewatch}\nfilter:\n"
        "  rules: [sanctioned]\n  acme: {token.symbol: ACME}\n  condition: not acme\n",
        many__yml=named.split("logsource")[0]
        .replace("sanctioned", "many")
        .replace("5a7e", "7a7e")
        .replace("Broken", "Many")
        + "typology: sanctions\nfalsepositives: []\nreferences: []\ngenerate: true\n"
        "correlation: {type: event_count, rules: sanctioned, timespan: 1h, condition: {gte: 5}}\n",
        our__lists__yml="lists: {custodians: [a], pools: [b]}\n",
        our__exceptions__yml="exceptions:\n  - {rules: [many], entities: [INV-1], owner: jane, "
        f"reason: agreed, expires: {datetime.now(UTC).year + 5}-01-01}}\n",
    )
    assert (answer.code, answer.error) == (0, "")
    assert answer.out == (
        "2 rules are good: 1 Sigma rule, 1 correlation, 1 filter, 2 lists, 1 exception\n"
    )


def test_warnings_are_told_and_fail_only_when_asked_to(tmp_path: Path) -> None:
    answer = checked(tmp_path, doubtful__yml=DOUBTFUL)
    assert answer.code == 0
    assert answer.out == "1 rule is good: 1 Sigma rule; 1 warning\n"
    assert 'doubtful.yml:12:3: warning: the selection "other" isn\'t used' in answer.error

    assert checked(tmp_path, "--strict").code == 2


def test_an_exception_past_its_date_is_a_warning(tmp_path: Path) -> None:
    answer = checked(
        tmp_path,
        rule__yml=GOOD.replace("title:", "name: sanctioned\ntitle:"),
        our__exceptions__yml="exceptions:\n  - {rules: [sanctioned], entities: [INV-1], "
        "owner: jane, reason: agreed, expires: 2020-01-01}\n",
    )
    assert answer.code == 0
    assert "warning: this exception has expired, and covers nothing since 2020-01-01" in (
        answer.error
    )


def test_a_pipeline_makes_rules_of_others_fit(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yml").write_text(
        "transformations:\n  - {type: field_name_mapping, mapping: {User: token.sybmol}}\n"
        "  - {type: change_logsource, product: tapewatch}\n"
    )
    foreign = "title: A\nlogsource: {product: other}\ndetection: {s: {User: x}, condition: s}\n"
    answer = checked(tmp_path, "--pipeline", "pipeline.yml", foreign__yml=foreign)
    assert answer.code == 2
    assert "did you mean token.symbol?" in answer.error


@pytest.mark.parametrize("written_as", ["text", "json", "sarif", "junit"])
def test_a_file_gets_what_would_be_printed(tmp_path: Path, written_as: str) -> None:
    printed = checked(tmp_path, "--format", written_as, broken__yml=BAD)
    answer = checked(tmp_path, "--format", written_as, "-o", "out")
    assert (printed.code, answer.code, answer.out) == (2, 2, "")
    assert answer.error == "3 errors\n"
    written = (tmp_path / "out").read_text()
    assert written == (printed.error if written_as == "text" else printed.out)


def test_a_file_that_can_t_be_written_is_told(tmp_path: Path) -> None:
    answer = checked(tmp_path, "--format", "json", "-o", "no/such/folder", broken__yml=BAD)
    assert answer.code == 1
    assert answer.error == "error: can't write no/such/folder: No such file or directory\n"


def test_sarif_has_every_problem_at_its_place(tmp_path: Path) -> None:
    answer = checked(tmp_path, "--format", "sarif", broken__yml=BAD)
    assert answer.code == 2
    document = json.loads(answer.out)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "tapewatch"
    results: list[dict[str, Any]] = run["results"]
    assert [one["level"] for one in results] == ["error"] * 3
    for one in results:
        assert driver["rules"][one["ruleIndex"]] == {"id": one["ruleId"]}
    first = results[0]["locations"][0]["physicalLocation"]
    assert first == {
        "artifactLocation": {"uri": "rules/broken.yml"},
        "region": {"startLine": 4, "startColumn": 8, "endColumn": 12},
    }
    assert results[0]["message"]["text"].endswith("; did you mean high?")


def test_sarif_names_files_as_addresses(tmp_path: Path) -> None:
    (tmp_path / "a b#c.yml").write_text("[")
    answer = tapewatch("rules", "check", "a b#c.yml", "--format", "sarif", folder=tmp_path)
    (result,) = json.loads(answer.out)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b%23c.yml"


def test_junit_has_a_case_for_each_file(tmp_path: Path) -> None:
    answer = checked(
        tmp_path,
        "--format",
        "junit",
        broken__yml=BAD,
        good__yml=GOOD.replace("5a7e", "6a7e").replace("Broken", "Good"),
        doubtful__yml=DOUBTFUL.replace("5a7e", "7a7e").replace("Broken", "Doubtful"),
    )
    assert answer.code == 2
    (suite,) = ElementTree.fromstring(answer.out.encode())
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    broken, doubtful, good = suite
    assert [case.get("name") for case in suite] == [
        "rules/broken.yml",
        "rules/doubtful.yml",
        "rules/good.yml",
    ]
    failure = broken.find("failure")
    assert failure is not None
    assert failure.get("message") == "3 errors"
    assert "rules/broken.yml:4:8: error:" in (failure.text or "")
    assert doubtful.find("failure") is None
    assert "isn't used" in (doubtful.findtext("system-out") or "")
    assert len(good) == 0


def test_warnings_fail_in_junit_too_when_asked_to(tmp_path: Path) -> None:
    answer = checked(tmp_path, "--format", "junit", "--strict", doubtful__yml=DOUBTFUL)
    assert answer.code == 2
    (suite,) = ElementTree.fromstring(answer.out.encode())
    assert suite.get("failures") == "1"


def test_files_that_aren_t_utf_8_or_yaml_are_told_like_all_others(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "latin.yml").write_bytes(b"title: gr\xf6\xdfe\n")
    (tmp_path / "rules" / "empty.yml").write_bytes(b"")
    answer = checked(tmp_path, broken__yml=BAD)
    assert answer.code == 2
    assert "latin.yml:1:10: error: the byte 0xf6 isn't valid UTF-8" in answer.error
    assert "empty.yml:1:1: error: this isn't a rule" in answer.error
    assert "broken.yml:4:8" in answer.error


def test_there_are_words_for_a_folder_without_rules(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    answer = checked(tmp_path)
    assert answer.code == 2
    assert "rules: error: there is no rule in this folder" in answer.error


def test_events_in_the_place_of_rules_are_told_as_such(tmp_path: Path) -> None:
    log = tmp_path / "orders.csv"
    log.write_text("transact_time\n")
    for command in (["rules", "check", log], ["detect", RULES, log, "--events", log]):
        answer = tapewatch(*command, folder=tmp_path)
        assert answer.code == 2
        assert f"{log}: error: this is a file of events, and not of rules" in answer.error
        assert "say events by --events, and order logs by --order-log" in answer.error


def test_a_file_of_tests_is_told_what_it_is_for(tmp_path: Path) -> None:
    (tmp_path / "a.test.yml").write_text("tests: []\n")
    answer = tapewatch("rules", "check", "a.test.yml", folder=tmp_path)
    assert answer.code == 2
    assert "run the tests in it with: tapewatch rules test" in answer.error
