"""What tests leave untried: rules that no test makes alert, or holds silent; unused exceptions."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from detections.rule_testing.model import Result
from detections.rule_testing.subjects import Subject
from detections.rules.loading import RuleSet
from detections.rules.model import Rule
from pipeline.problems import Problem

POSITIVE, NEGATIVE = "positive", "negative"


class Tested(Struct):
    """The tests of one rule, by name."""

    positive: list[str]
    """Tests in which it is expected to alert."""
    negative: list[str]
    """Tests in which it isn't."""


def tests_by_rule(results: Iterable[tuple[Subject, Result]]) -> dict[str, Tested]:
    """By rule id, what its tests are: also those that failed, but not those of exceptions."""
    found: dict[str, Tested] = {}
    for subject, result in results:
        if subject.exceptions:
            continue
        expected = _expected(subject, result)
        for rule_id in result.test.about:
            one = found.setdefault(rule_id, Tested([], []))
            (one.positive if rule_id in expected else one.negative).append(result.test.name)
    return found


def untested_rules(ruleset: RuleSet, tests: Mapping[str, Tested]) -> list[Problem]:
    """Rules that lack a positive or a negative test. Those that only feed others are left out."""
    silent = {one.rule.id for one in (*ruleset.sigma, *ruleset.correlations) if one.silent}
    return [
        problem
        for rule in ruleset.rules
        if rule.id not in silent and (problem := _lack(rule, tests.get(rule.id))) is not None
    ]


def untested_exceptions(ruleset: RuleSet, covered: Iterable[str]) -> list[Problem]:
    """Exceptions that no test shows to cover an alert."""
    known = frozenset(covered)
    return [
        Problem(
            location=one.location,
            code="test/exception-untested",
            message=f"no test shows what the exception {one.id} covers",
            severity="warning",
            advice=f"write one into {_test_file(one.location.file)}",
        )
        for one in ruleset.exceptions
        if one.id not in known
    ]


def _expected(subject: Subject, result: Result) -> set[str]:
    """Rules that the test expects an alert of."""
    found = {alert.rule_id for _, alert in result.comparison.met}
    unmet = [one.expected.rules for one in result.comparison.unmet]
    only = {rule.id for rule in subject.own} & result.test.about
    for rules in unmet:
        found |= rules or (only if len(only) == 1 else set[str]())
    return found


def _lack(rule: Rule, tests: Tested | None) -> Problem | None:
    lacking = [
        name
        for name, there in (
            (POSITIVE, tests and tests.positive),
            (NEGATIVE, tests and tests.negative),
        )
        if not there
    ]
    if not lacking:
        return None
    what = "test at all" if len(lacking) == 2 else f"{lacking[0]} test"
    return Problem(
        location=rule.location,
        code="test/rule-untested",
        message=f"{rule.title}: no {what}",
        severity="warning",
        advice=f"write one into {_test_file(rule.location.file)}: {_ADVICE[tuple(lacking)]}",
    )


_ADVICE: Mapping[Sequence[str], str] = {
    (POSITIVE,): "events that it must alert on",
    (NEGATIVE,): "events that look alike and that it must leave alone",
    (POSITIVE, NEGATIVE): "events that it must alert on, and some that it must leave alone",
}


def _test_file(rule_file: str) -> str:
    path = Path(rule_file)
    return path.with_name(f"{path.stem}.test{path.suffix}").name
