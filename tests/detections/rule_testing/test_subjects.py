"""What tests run with: the rules beside them, and those of other files that they need."""

from pathlib import Path

import pytest

from detections.rule_testing import plan, rule_of, run_test_file, run_tests, subject_of
from detections.rule_testing import test_files as files_with_tests
from detections.rule_testing.coverage import (
    tests_by_rule as by_rule,
)
from detections.rule_testing.coverage import untested_exceptions, untested_rules
from detections.rules import load_rules
from pipeline.problems import ProblemsFound

BASE = """\
title: Base
name: base
logsource: {product: tapewatch}
detection:
  s: {event.action: token-transfer}
  condition: s
status: test
level: low
description: d
author: a
date: 2026-01-31
references: []
falsepositives: []
typology: sanctions
id: 7d0f3a6e-6f6b-4f6e-9a43-000000000001
"""
COUNT = """\
title: Count
name: count
status: test
level: high
description: d
author: a
date: 2026-01-31
references: []
falsepositives: []
typology: sanctions
id: 7d0f3a6e-6f6b-4f6e-9a43-000000000002
correlation:
  type: event_count
  rules: [base]
  group-by: [source.address]
  timespan: 10m
  condition: {gte: 3}
"""
THREE = """\
tests:
  - name: three
    events: [{event.action: token-transfer, repeat: 3, every: 1m}]
    alerts: [{rule: count, surveillance.metrics: {count: 3}}]
  - name: two
    events: [{event.action: token-transfer, repeat: 2}]
    alerts: []
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '.')}.yml"
        path.write_text(text)
    return folder


def failed(path: Path, folder: Path) -> list[str]:
    results = run_test_file(path, load_rules([folder]))
    return [result.test.name for result in results if not result.passed]


def test_a_correlation_is_tested_with_the_rules_of_its_file(tmp_path: Path) -> None:
    write(tmp_path, both=f"{BASE}---\n{COUNT}", both__test=THREE)
    assert failed(tmp_path / "both.test.yml", tmp_path) == []


def test_a_correlation_is_tested_with_rules_of_other_files(tmp_path: Path) -> None:
    write(tmp_path, base=BASE, count=COUNT, count__test=THREE)
    assert failed(tmp_path / "count.test.yml", tmp_path) == []


def test_a_rule_that_only_feeds_correlations_elsewhere_is_heard_by_its_own_tests(
    tmp_path: Path,
) -> None:
    tests = "tests:\n  - {name: it, events: [{event.action: token-transfer}], alerts: [{}]}\n"
    write(tmp_path, base=BASE, count=COUNT, base__test=tests)
    assert failed(tmp_path / "base.test.yml", tmp_path) == []


def test_alerts_of_rules_in_other_files_are_not_looked_at(tmp_path: Path) -> None:
    generating = COUNT.replace("condition:", "generate: true\n  condition:")
    write(tmp_path, base=BASE, count=generating, count__test=THREE)
    assert failed(tmp_path / "count.test.yml", tmp_path) == []


def test_a_rule_file_and_its_tests_may_end_unlike(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(BASE)
    (tmp_path / "a.test.yml").write_text("")
    assert rule_of(tmp_path / "a.test.yml") == tmp_path / "a.yaml"
    assert rule_of(tmp_path / "b.test.yaml") == tmp_path / "b.yaml"


def test_tests_are_not_looked_for_in_hidden_places(tmp_path: Path) -> None:
    hidden = tmp_path / ".git"
    hidden.mkdir()
    write(hidden, a__test=THREE)
    write(tmp_path, b__test=THREE)
    assert files_with_tests(tmp_path) == [tmp_path / "b.test.yml"]


def test_tests_without_a_rule_beside_them_are_a_mistake(tmp_path: Path) -> None:
    write(tmp_path, base=BASE, other__test=THREE)
    with pytest.raises(ProblemsFound, match=r"there is no rule for these tests in .*other\.yml"):
        plan([tmp_path])


def test_mistakes_of_all_test_files_are_said_together(tmp_path: Path) -> None:
    write(tmp_path, a=BASE, a__test="tests: []", b__test="tests: nonsense")
    with pytest.raises(ProblemsFound) as raised:
        plan([tmp_path])
    assert {Path(p.location.file).name for p in raised.value.problems} == {
        "a.test.yml",
        "b.test.yml",
    }


def test_time_moves_on_at_the_end(tmp_path: Path) -> None:
    few = COUNT.replace("{gte: 3}", "{lt: 3}").replace("group-by", "generate: false\n  group-by")
    tests = """\
tests:
  - name: the window has closed
    events: [{event.action: token-transfer, repeat: 2, every: 1m}]
    until: 11m
    alerts: [{rule: count, surveillance.metrics: {count: 2}}]
  - name: the window is still open
    events: [{event.action: token-transfer, repeat: 2, every: 1m}]
    until: 9m
    alerts: []
  - name: there were enough
    events: [{event.action: token-transfer, repeat: 3, every: 1m}]
    until: 11m
    alerts: []
"""
    write(tmp_path, both=f"{BASE}---\n{few}", both__test=tests)
    assert failed(tmp_path / "both.test.yml", tmp_path) == []


def test_an_event_may_be_later_than_allowed(tmp_path: Path) -> None:
    tests = """\
defaults: {event.action: token-transfer}
tests:
  - name: two come after time has moved on
    allowed_lateness: 1m
    events: [{at: 1s}, {at: 10m}, {at: 2s}, {at: 3s}]
    alerts:
      - rule: count
        tags: [late]
        surveillance.evidence.event_ids: [event-1, event-3, event-4]
  - name: two come after it, but in time
    allowed_lateness: 10m
    events: [{at: 1s}, {at: 9m}, {at: 2s}, {at: 3s}]
    alerts:
      - {rule: count, tags: null}
"""
    write(tmp_path, both=f"{BASE}---\n{COUNT}", both__test=tests)
    assert failed(tmp_path / "both.test.yml", tmp_path) == []


EXCEPTIONS = """\
exceptions:
  - rules: [base]
    entities: ["0x00000000000000000000000000000000000000a1"]
    owner: jane@example.com
    reason: Omnibus account
    expires: 2026-02-01
  - rules: [base]
    when: {token.symbol: TEST}
    owner: jane@example.com
    reason: No real token
    expires: 2026-02-01
"""
EXCEPTION_TESTS = """\
defaults: {event.action: token-transfer}
tests:
  - name: the omnibus account is left alone, others aren't
    rule: base
    events:
      - {source.address: "0x00000000000000000000000000000000000000A1"}
      - {source.address: "0x00000000000000000000000000000000000000b2"}
    alerts:
      - surveillance.evidence.event_ids: [event-2]
  - name: it ends
    as_of: 2026-02-01
    events: [{source.address: "0x00000000000000000000000000000000000000a1"}]
    alerts: [{rule: base}]
  - name: without them it alerts
    exceptions: false
    events: [{source.address: "0x00000000000000000000000000000000000000a1"}]
    alerts: [{}]
"""


def test_exceptions_are_tested_by_the_alerts_that_remain(tmp_path: Path) -> None:
    write(tmp_path, base=BASE, own__exceptions=EXCEPTIONS, own__exceptions__test=EXCEPTION_TESTS)
    rules = load_rules([tmp_path])
    results = run_test_file(tmp_path / "own.exceptions.test.yml", rules)
    assert [result.test.name for result in results if not result.passed] == []
    covered = [name for result in results for name in result.covered]
    untested = untested_exceptions(rules, covered)
    assert [problem.location.line for problem in untested] == [rules.exceptions[1].location.line]
    subject = subject_of(tmp_path / "own.exceptions.test.yml", rules)
    assert by_rule((subject, result) for result in results) == {}


def test_exceptions_are_out_of_force_beside_rules_unless_a_test_wants_them(tmp_path: Path) -> None:
    event = "{event.action: token-transfer, token.symbol: TEST}"
    tests = f"""\
tests:
  - {{name: out, events: [{event}], alerts: [{{}}]}}
  - {{name: in force, events: [{event}], alerts: [], exceptions: true}}
"""
    write(tmp_path, base=BASE, base__test=tests, own__exceptions=EXCEPTIONS)
    assert failed(tmp_path / "base.test.yml", tmp_path) == []


def test_what_has_no_positive_or_no_negative_test_is_reported(tmp_path: Path) -> None:
    other = BASE.replace("000001", "000003").replace("base", "other").replace("Base", "Other")
    tests = "tests:\n  - {name: it, events: [{event.action: token-transfer}], alerts: [{}]}\n"
    write(tmp_path, base=BASE, other=other, base__test=tests)
    rules = load_rules([tmp_path])
    subject = subject_of(tmp_path / "base.test.yml", rules)
    results = run_tests(plan([tmp_path]).files[0].tests, subject)
    found = untested_rules(rules, by_rule((subject, result) for result in results))
    assert [problem.message for problem in found] == [
        "Base: no negative test",
        "Other: no test at all",
    ]


def test_of_several_rules_in_a_file_each_has_its_own_tests(tmp_path: Path) -> None:
    heard = COUNT.replace("condition:", "generate: true\n  condition:")
    tests = """\
defaults: {event.action: token-transfer}
tests:
  - name: three
    events: [{repeat: 3}]
    alerts: [{rule: base}, {rule: base}, {rule: base}, {rule: count}]
  - name: one
    events: [{}]
    alerts: [{rule: base}]
  - name: another kind of event
    events: [{event.action: trade}]
    alerts: []
"""
    write(tmp_path, both=f"{BASE}---\n{heard}", both__test=tests)
    rules = load_rules([tmp_path])
    subject = subject_of(tmp_path / "both.test.yml", rules)
    results = list(run_tests(plan([tmp_path]).files[0].tests, subject))
    assert [result.test.name for result in results if not result.passed] == []
    found = by_rule((subject, result) for result in results)
    counted = found["7d0f3a6e-6f6b-4f6e-9a43-000000000002"]
    assert counted.positive == ["three"]
    assert counted.negative == ["one", "another kind of event"]
