"""New rules are good as they are, of every correlator and every kind of event."""

from pathlib import Path

import pytest

from detections.correlators.base import correlators
from detections.rule_testing.reading import read_tests
from detections.rule_testing.running import run_text
from detections.rule_testing.subjects import whole
from detections.rules.loading import rules_of
from detections.rules.rule_set import RuleSet
from detections.scaffolding.correlator_rule import new_correlator_rule
from detections.scaffolding.heading import Heading, Scaffold, text
from detections.scaffolding.sigma_rule import event_actions, new_sigma_rule
from pipeline.problems import Problem
from pipeline.structured.options import options
from pipeline.yaml_source import parse_bytes

_RULES = Path(__file__).parents[3] / "sigma_rules"
_HEADING = Heading(
    title="New",
    id="0d6cbe0e-6a53-4b61-9d0a-9b6f0c8f5f11",
    author="You",
    date="2026-11-23",
    typology="spoofing",
    level="medium",
)
#: Whose rules are two in one file, with tests of both together.
_WITHOUT_EXAMPLE = {"novelty"}


def _good(scaffold: Scaffold) -> RuleSet:
    parsed = parse_bytes(scaffold.rule.encode(), name="new.yml", folder=Path())
    ruleset = rules_of([parsed], [])
    assert ruleset.warnings == ()
    return ruleset


@pytest.mark.parametrize("name", correlators())
def test_of_every_correlator(name: str) -> None:
    scaffold = new_correlator_rule(_HEADING, name, [_RULES], level=None)

    rules = _good(scaffold)
    warnings: list[Problem] = []
    read_tests(scaffold.tests.encode(), whole(rules), warnings=warnings)
    assert warnings == []
    results = run_text(scaffold.tests.encode(), rules)
    assert all(result.passed for result in results)
    alerting = [bool(result.test.expected) for result in results]
    assert alerting == ([False] if name in _WITHOUT_EXAMPLE else [True, False])
    for option in options(correlators()[name].parameters_type):
        assert f"  {option.key}:" in scaffold.rule or f"  # {option.key}:" in scaffold.rule


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wash_trading", " same_cluster or self_trade; required"),
        ("spoofing", " on the other side, a duration from 0s to 10m"),
        ("spoofing", " true or false; default: true"),
        ("spoofing", " cancelling. A duration from 1ms to 10m"),
    ],
)
def test_values_are_said_as_they_are_written(name: str, said: str) -> None:
    rule = new_correlator_rule(_HEADING, name, [_RULES], level=None).rule
    assert said in " ".join(rule.replace("#", " ").split())


@pytest.mark.parametrize("name", correlators())
def test_of_every_correlator_without_rules_of_ours(name: str) -> None:
    scaffold = new_correlator_rule(_HEADING, name, [], level=None)

    assert all(result.passed for result in run_text(scaffold.tests.encode(), _good(scaffold)))


@pytest.mark.parametrize("action", event_actions())
def test_of_every_kind_of_event(action: str) -> None:
    scaffold = new_sigma_rule(_HEADING, action)

    results = run_text(scaffold.tests.encode(), _good(scaffold))
    assert [bool(result.test.expected) for result in results] == [True, False]
    assert all(result.passed for result in results)


@pytest.mark.parametrize("value", ["yes", "a: b", "'", '"', "#1", "012", "é", "a #b", "-"])
def test_a_text_stays_that_text(value: str) -> None:
    import yaml

    assert yaml.safe_load(f"key: {text(value)}") == {"key": value}
