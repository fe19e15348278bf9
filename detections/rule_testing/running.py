"""Tests run: in order, then in other orders and batches."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from detections.rule_testing.comparison import compare
from detections.rule_testing.model import Result, RuleTest
from detections.rule_testing.near_misses import near_misses
from detections.rule_testing.reading import read_tests
from detections.rule_testing.replays import first_run, replay, replays
from detections.rule_testing.subjects import Subject, rule_of, subject_of, whole
from detections.rules.loading import RuleSet, load_rules


def run_test_file(path: Path, ruleset: RuleSet | None = None) -> list[Result]:
    """Run a file's tests with the rules beside it and those of `ruleset` that these refer to.

    Without `ruleset` the rules beside it must be complete. Raises ProblemsFound.
    """
    found = load_rules([rule_of(path)]) if ruleset is None else ruleset
    subject = subject_of(path, found)
    return list(run_tests(read_tests(path, subject), subject))


def run_text(text: bytes, ruleset: RuleSet, *, name: str = "<text>") -> list[Result]:
    """Run the tests in YAML text with all rules of a set. Raises ProblemsFound."""
    subject = whole(ruleset)
    return list(run_tests(read_tests(text, subject, name=name), subject))


def run_tests(tests: Sequence[RuleTest], subject: Subject) -> Iterator[Result]:
    """Run tests, each with engines of its own."""
    bare = msgspec.structs.replace(subject.rules, exceptions=())
    for test in tests:
        yield run_test(test, subject.rules if test.exceptions else bare)


def run_test(test: RuleTest, rules: RuleSet) -> Result:
    """Run one test. It is replayed in other ways until one makes a difference."""
    first = first_run(test, rules)
    tried, difference = 0, None
    for way in replays(test):
        tried += 1
        if (difference := replay(test, rules, way, first)) is not None:
            break
    comparison = compare(test.expected, first.alerts)
    nothing_came = any(one.nearest is None for one in comparison.unmet)
    return Result(
        test=test,
        comparison=comparison,
        alerts=first.alerts,
        failed=first.failed,
        replayed=difference,
        replays=tried,
        covered=first.covered,
        misses=tuple(near_misses(test, rules)) if nothing_came else (),
    )
