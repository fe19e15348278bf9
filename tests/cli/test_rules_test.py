"""`tapewatch rules test`."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.command_line import RULES, Answer, tapewatch
from tests.cli.golden_file import assert_golden

RULE = """\
title: Large transfer
name: large
id: 7d0f3a6e-6f6b-4f6e-9a43-000000000001
status: test
level: high
description: Tokens leave a wallet.
author: Tester
date: 2026-01-31
references: []
falsepositives: [A custodian]
typology: large_transfers
logsource: {product: tapewatch}
detection:
  selection: {event.action: token-transfer, token.amount|gte: 100}
  filter_custodian: {investor.source.labels: custodian}
  condition: selection and not filter_custodian
reason: "{token.amount} {token.symbol} moved"
---
title: Many large transfers
name: many
id: 7d0f3a6e-6f6b-4f6e-9a43-000000000002
status: test
level: critical
description: Tokens leave a wallet again and again.
author: Tester
date: 2026-01-31
references: []
falsepositives: [A custodian]
typology: large_transfers
correlation:
  type: event_count
  rules: [large]
  group-by: [investor.source.id]
  timespan: 10m
  generate: true
  condition: {gte: 3}
"""
GOOD = """\
defaults: {event.action: token-transfer, token.symbol: ACME, investor.source.id: INV-1}
tests:
  - name: one large transfer
    events:
      - {token.amount: 100}
      - {at: 1m, token.amount: 99.5}
    alerts:
      - {rule: large, event.reason: 100 ACME moved}
  - name: three of them
    events:
      - {repeat: 3, every: 1m, token.amount: 500}
    alerts:
      - rule: large
      - rule: large
      - rule: large
      - {rule: many, surveillance.metrics: {count: 3}, event.severity: 99}
"""
BAD = """\
defaults: {event.action: token-transfer, token.symbol: ACME, investor.source.id: INV-1}
tests:
  - name: nothing comes near enough
    events:
      - {token.amount: 99.5}
      - {at: 1m, token.amount: 500, investor.source.labels: [custodian]}
    alerts:
      - {rule: large, event.severity: 73}
  - name: other fields than expected
    events:
      - {at: 90s, token.amount: 100}
    alerts:
      - rule: large
        event.severity: 99
        event.reason: "100 ACME moved from*"
        token.id: acme
  - name: one that nobody expects
    events:
      - {repeat: 2, every: 9m, token.amount: 500}
    until: 1h
    alerts:
      - {rule: large}
  - name: too few for the correlation
    events:
      - {repeat: 2, every: 1m, token.amount: 500}
    alerts: [{rule: large}, {rule: large}, {rule: many}]
  - name: this one passes
    events: [{token.amount: 1}]
    alerts: []
"""
UNTESTED = """\
title: Wallet frozen
id: 7d0f3a6e-6f6b-4f6e-9a43-000000000003
status: test
level: low
description: Somebody was frozen.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: transfer_restrictions
logsource: {product: tapewatch}
detection:
  selection: {event.action: wallet-frozen}
  condition: selection
"""
SHELL = """\
title: Shell
logsource: {product: windows, category: process_creation}
detection:
  selection: {Image|endswith: \\cmd.exe}
  condition: selection
level: low
"""
SHELL_TESTS = """\
defaults: {host.name: pc}
tests:
  - name: a shell is started
    events:
      - {process: {executable: 'C:\\Windows\\cmd.exe'}, user.name: [eve]}
    alerts:
      - {rule.name: Shell, event.severity: 21, surveillance.entities: [eve, pc]}
  - name: another program is started
    events: [{process.executable: 'C:\\Windows\\write.exe'}]
    alerts: []
"""
PIPELINE = """\
name: ECS
priority: 10
transformations:
  - type: field_name_mapping
    mapping: {Image: process.executable}
"""
EXCEPTIONS = """\
exceptions:
  - rules: [large]
    entities: [INV-2]
    owner: jane@example.com
    reason: Omnibus account of the custodian
    expires: 2027-01-31
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "rules"
    place.mkdir()
    (place / "transfers.yml").write_text(RULE)
    (place / "transfers.test.yml").write_text(GOOD)
    return tmp_path


def run(folder: Path, *arguments: str) -> Answer:
    return tapewatch("rules", "test", "rules", *arguments, folder=folder)


def test_the_tests_of_the_product_s_rules_pass_and_none_is_without(tmp_path: Path) -> None:
    answer = tapewatch("rules", "test", RULES, "--strict", folder=tmp_path)
    assert answer.code == 0, answer
    assert answer.error == ""


def test_tests_that_pass_are_counted(folder: Path) -> None:
    answer = run(folder)
    assert (answer.code, answer.error) == (0, ""), answer
    assert "rules/transfers.test.yml      2         2         0       0\n" in answer.out
    assert answer.out.splitlines()[-1].startswith("2 passed; with ")


def test_what_failed_is_told_by_field_with_the_events_and_what_they_lack(folder: Path) -> None:
    (folder / "rules" / "transfers.test.yml").write_text(BAD)
    answer = run(folder)
    assert answer.code == 1
    assert_golden("rules_test_failed.txt", answer.out)


def test_what_has_no_test_is_a_warning_and_with_strict_a_failure(folder: Path) -> None:
    (folder / "rules" / "frozen.yml").write_text(UNTESTED)
    (folder / "rules" / "own.exceptions.yml").write_text(EXCEPTIONS)
    answer = run(folder)
    assert answer.code == 0, answer
    assert_golden("rules_test_untested.txt", answer.out)
    assert run(folder, "--strict").code == 1


def test_a_wrong_file_is_told_by_line_and_column_and_nothing_runs(folder: Path) -> None:
    (folder / "rules" / "transfers.test.yml").write_text(GOOD.replace("alerts:", "alert:", 1))
    answer = run(folder)
    assert (answer.code, answer.out) == (2, "")
    assert 'rules/transfers.test.yml:7:5: error: the key "alert" isn\'t known' in answer.error
    assert "did you mean alerts?" in answer.error


def test_a_wrong_rule_is_told_like_by_the_check(folder: Path) -> None:
    (folder / "rules" / "transfers.yml").write_text(RULE.replace("level: high", "level: hihg"))
    answer = run(folder)
    assert answer.code == 2
    assert "rules/transfers.yml:5:8: error:" in answer.error


def test_tests_may_be_chosen_by_their_name_their_file_or_their_rule(folder: Path) -> None:
    (folder / "rules" / "frozen.yml").write_text(UNTESTED)
    for name, count in (("three of", 1), ("ONE*", 1), ("Many large", 2), ("transfers.test", 2)):
        answer = run(folder, "--filter", name, "--strict")
        assert answer.code == 0, answer
        assert f"{count} passed" in answer.out
    nothing = run(folder, "--filter", "spoofing")
    assert (nothing.code, nothing.out) == (2, "")
    assert "no test, file or rule has 'spoofing' in its name" in nothing.error


def test_a_folder_without_tests_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "frozen.yml").write_text(UNTESTED)
    answer = run(tmp_path)
    assert answer.code == 2
    assert "there are no tests: write NAME.test.yml beside NAME.yml" in answer.error


@pytest.mark.parametrize("name", ["transfers.yml", "transfers.test.yml"])
def test_a_rule_file_or_a_test_file_is_enough(folder: Path, name: str) -> None:
    answer = tapewatch("rules", "test", f"rules/{name}", folder=folder)
    assert answer.code == 0, answer
    assert "2 passed" in answer.out


def test_machines_get_the_same_as_json(folder: Path) -> None:
    (folder / "rules" / "transfers.test.yml").write_text(BAD)
    (folder / "rules" / "frozen.yml").write_text(UNTESTED)
    answer = run(folder, "--json")
    assert answer.code == 1
    found = json.loads(answer.out)
    assert found["summary"] == {"tests": 5, "passed": 1, "failed": 4}
    near, other, unexpected, few, passed = found["tests"]
    assert near["unmet"][0]["nearest"] is None
    assert near["misses"][0]["event"] == "event-1"
    assert near["misses"][0]["lacking"][0]["field"] == "token.amount"
    assert [d["name"] for d in other["unmet"][0]["differences"]] == [
        "event.severity",
        "event.reason",
        "token.id",
    ]
    assert unexpected["unexpected"][0]["events"] == ["event-2"]
    assert few["unmet"][0]["rule"] == "many"
    assert (passed["passed"], passed["line"]) == (True, 27)
    assert "Wallet frozen: no test at all" in {one["message"] for one in found["warnings"]}


def test_continuous_integration_gets_junit(folder: Path) -> None:
    (folder / "rules" / "transfers.test.yml").write_text(BAD)
    answer = run(folder, "--junit", "results.xml")
    assert answer.code == 1
    suites = ElementTree.parse(folder / "results.xml").getroot()
    (suite,) = suites
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == (
        "rules/transfers.test.yml",
        "5",
        "4",
    )
    cases = {case.get("name"): case for case in suite}
    assert len(cases["this one passes"]) == 0
    (missing,) = cases["nothing comes near enough"]
    assert "comes nearest on event-1, but: token.amount" in (missing.text or "")
    (failure,) = cases["other fields than expected"]
    assert "event.severity" in (failure.get("message") or "")
    assert "100 ACME moved from*" in (failure.text or "")


def test_results_that_cannot_be_written_are_told(folder: Path) -> None:
    answer = run(folder, "--junit", "nowhere/results.xml")
    assert answer.code == 1
    assert "can't write nowhere/results.xml: No such file or directory" in answer.error


def test_rules_for_others_are_tested_on_their_documents_through_a_pipeline(folder: Path) -> None:
    (folder / "rules" / "shell.yml").write_text(SHELL)
    (folder / "rules" / "shell.test.yml").write_text(SHELL_TESTS)
    (folder / "ecs.yml").write_text(PIPELINE)
    answer = run(folder, "--filter", "Shell", "--pipeline", "ecs.yml")
    assert answer.code == 0, answer
    assert "2 passed" in answer.out
