"""Every rule of ours has tests beside it, and passes them."""

from functools import cache
from pathlib import Path

import pytest

from detections.rule_testing import (
    Result,
    Subject,
    coverage,
    rule_of,
    run_tests,
    subject_of,
)
from detections.rule_testing import test_files as files_with_tests
from detections.rule_testing.reading import read_tests
from detections.rules import RuleSet, load_rules
from pipeline.cli.printing import as_text
from pipeline.cli.rule_test_text import failure

RULES = Path(__file__).parents[2] / "sigma_rules"
FILES = files_with_tests(RULES)


@cache
def rules() -> RuleSet:
    return load_rules([RULES])


@cache
def results(path: Path) -> tuple[Subject, list[Result]]:
    subject = subject_of(path, rules())
    return subject, list(run_tests(read_tests(path, subject), subject))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name.removesuffix(".test.yml"))
def test_the_tests_beside_a_rule_pass(path: Path) -> None:
    _, found = results(path)
    failed = [as_text(failure(result)) for result in found if not result.passed]
    assert not failed, "\n\n".join(failed)


def test_each_rule_is_tested_with_what_it_finds_and_with_what_it_leaves_alone() -> None:
    pairs = [(subject, result) for subject, found in map(results, FILES) for result in found]
    assert coverage.untested_rules(rules(), coverage.tests_by_rule(pairs)) == []
    covered = [name for _, result in pairs for name in result.covered]
    assert coverage.untested_exceptions(rules(), covered) == []


def test_no_rule_is_without_tests_and_all_load_without_a_warning() -> None:
    assert rules().warnings == ()
    with_tests = {rule_of(path) for path in FILES}
    assert {Path(rule.location.file) for rule in rules().rules} <= with_tests


def test_a_rule_that_alerts_lies_in_the_folder_of_its_typology() -> None:
    silent = {one.rule.id for one in (*rules().sigma, *rules().correlations) if one.silent}
    for rule in rules().rules:
        if rule.id not in silent:
            assert Path(rule.location.file).parent.name == rule.typology
