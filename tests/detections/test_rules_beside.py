"""Every rule of ours has tests beside it, and passes them."""

from pathlib import Path

import pytest

from detections.rule_tests import rule_of, run_test_file
from detections.rule_tests import test_files as files_with_tests
from detections.rules import load_rules

RULES = Path(__file__).parents[2] / "sigma_rules"
FILES = files_with_tests(RULES)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name.removesuffix(".test.yml"))
def test_the_tests_beside_a_rule_pass(path: Path) -> None:
    results = run_test_file(path)
    assert {r.name: r.differences for r in results if r.differences} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name.removesuffix(".test.yml"))
def test_a_rule_is_tested_with_what_it_finds_and_with_what_it_leaves_alone(path: Path) -> None:
    assert {result.positive for result in run_test_file(path)} == {True, False}


def test_no_rule_is_without_tests_and_all_load_without_a_warning() -> None:
    rules = load_rules([RULES])
    assert rules.warnings == ()
    tested = {rule_of(path) for path in FILES}
    assert {Path(rule.location.file) for rule in rules.rules} == tested


def test_a_rule_lies_in_the_folder_of_its_typology() -> None:
    for rule in load_rules([RULES]).rules:
        assert Path(rule.location.file).parent.name == rule.typology
