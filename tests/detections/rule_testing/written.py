"""Tests beside rules, written and run in a line or two."""

from typing import Any

from detections.rule_testing import Result, run_text
from detections.rule_testing.model import RuleTest, Sample
from detections.rule_testing.reading import read_tests
from detections.rule_testing.subjects import whole
from detections.rules import RuleSet
from pipeline.problems import Problem
from tests.detections.samples import sigma

LARGE = sigma("  s: {event.action: token-transfer, token.amount|gte: 5}\n  condition: s")


def run(text: str, rules: RuleSet = LARGE) -> list[Result]:
    """Run a test file's text."""
    return run_text(text.encode(), rules, name="x.test.yml")


def run_one(events: str, alerts: str = "[]", *, more: str = "", rules: RuleSet = LARGE) -> Result:
    """Run one test, of events and alerts in YAML's flow style."""
    text = f"tests:\n  - name: it\n    events: [{events}]\n    alerts: {alerts}\n    {more}\n"
    (result,) = run(text, rules)
    return result


def read(
    text: str, rules: RuleSet = LARGE, warnings: list[Problem] | None = None
) -> list[RuleTest]:
    """Read a test file's text."""
    return read_tests(text.encode(), whole(rules), name="x.test.yml", warnings=warnings)


def samples(
    events: str, *, defaults: str = "{}", more: str = "", rules: RuleSet = LARGE
) -> list[Sample]:
    """The events of a test, whole."""
    text = (
        f"defaults: {defaults}\n"
        f"tests:\n  - name: it\n    events: [{events}]\n    alerts: []\n    {more}\n"
    )
    (test,) = read(text, rules)
    return list(test.samples)


def event(events: str, **more: Any) -> Any:
    """The one event of a test."""
    (sample,) = samples(events, **more)
    return sample.event
