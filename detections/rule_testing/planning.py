"""Which tests to run: found beside the rules of files and folders, read, and chosen by name."""

import fnmatch
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from detections.rule_testing.model import RuleTest
from detections.rule_testing.open_windows import never_closed
from detections.rule_testing.reading import read_tests
from detections.rule_testing.subjects import (
    Subject,
    rule_of,
    subject_of,
    test_files,
    tests_of,
)
from detections.rules.files import is_test_file
from detections.rules.loading import RuleSet, load_rules
from pipeline.problems import Problem, ProblemsFound


class PlannedFile(Struct, frozen=True, kw_only=True):
    """The tests of one file that are to run."""

    path: Path
    subject: Subject
    tests: tuple[RuleTest, ...]


class Plan(Struct, frozen=True, kw_only=True):
    """All tests that are to run, and the whole set of rules."""

    rules: RuleSet
    files: tuple[PlannedFile, ...]
    warnings: tuple[Problem, ...] = ()
    """What is only odd in the files of tests."""
    chosen: bool = False
    """Whether tests were left out by name, so that nothing can be said about what is untested."""


def plan(paths: Sequence[Path], *, pipelines: Sequence[Path] = ()) -> Plan:
    """The tests of rule files, test files and folders.

    `pipelines` are as `load_rules` takes them. Raises ProblemsFound with all that is wrong.
    """
    files_of_rules = dict.fromkeys(rule_of(p) if is_test_file(p) else p for p in paths)
    rules = load_rules(files_of_rules, pipelines)
    problems: list[Problem] = []
    warnings: list[Problem] = []
    files: list[PlannedFile] = []
    for path in dict.fromkeys(test for place in paths for test in _tests_at(place)):
        subject = subject_of(path, rules)
        try:
            tests = read_tests(path, subject, warnings=warnings)
        except ProblemsFound as found:
            problems += found.problems
        else:
            warnings += never_closed(tests, subject)
            files.append(PlannedFile(path=path, subject=subject, tests=tuple(tests)))
    if problems:
        raise ProblemsFound(problems)
    return Plan(rules=rules, files=tuple(files), warnings=tuple(warnings))


def chosen(whole: Plan, name: str) -> Plan:
    """The tests whose own name, file or rule has `name` in it (or fits it, with `*` or `?`)."""
    fits = _fits(name)
    files: list[PlannedFile] = []
    for file in whole.files:
        rules = [text for rule in file.subject.own for text in (rule.name, rule.title, rule.id)]
        if any(fits(text) for text in (str(file.path), *rules) if text):
            files.append(file)
        elif tests := tuple(test for test in file.tests if fits(test.name)):
            files.append(msgspec.structs.replace(file, tests=tests))
    return Plan(rules=whole.rules, files=tuple(files), chosen=True)


def _tests_at(path: Path) -> list[Path]:
    if path.is_dir():
        return test_files(path)
    return [path] if is_test_file(path) else tests_of(path)


def _fits(name: str) -> Callable[[str], bool]:
    wanted = name.lower()
    if any(char in wanted for char in "*?"):
        return lambda text: fnmatch.fnmatchcase(text.lower(), wanted)
    return lambda text: wanted in text.lower()
