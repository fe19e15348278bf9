"""Expected alerts against those that came."""

import pytest

from detections.rule_testing.model import Result
from pipeline.problems import ProblemsFound
from tests.detections.rule_testing.written import run_one
from tests.detections.samples import sigma

LARGE = "{event.action: token-transfer, token.amount: 9}"
LARGER = "{at: 1s, event.action: token-transfer, token.amount: 10}"


def said(result: Result) -> list[tuple[str, object, object]]:
    return [
        (one.name, one.expected, one.came)
        for unmet in result.comparison.unmet
        for one in unmet.differences
    ]


@pytest.mark.parametrize(
    "wanted",
    [
        "{}",
        "{event.severity: 73, surveillance.level: high}",
        "{event.reason: 'the event token-transfer *', rule.name: A ru?e}",
        "{surveillance.metrics: {amount: 9}}",
        "{surveillance.metrics.amount: 9.0}",
        "{surveillance: {metrics: {amount: 9}}}",
        "{surveillance.evidence.event_ids: [event-1]}",
        "{token.symbol: null, tags: null, surveillance.confidence: 1, surveillance.staged: false}",
        "{rule: A rule}",
        "{rule: 7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0aa}",
    ],
)
def test_an_alert_that_has_what_is_named_is_the_expected_one(wanted: str) -> None:
    result = run_one(LARGE, f"[{wanted}]")
    assert result.passed
    assert len(result.comparison.met) == 1


@pytest.mark.parametrize(
    ("wanted", "difference"),
    [
        ("{event.severity: 99}", ("event.severity", 99, 73)),
        ("{event.reason: other*}", ("event.reason", "other*", None)),
        ("{event.reason: A TOKEN-TRANSFER*}", ("event.reason", "A TOKEN-TRANSFER*", None)),
        ("{surveillance.evidence.event_ids: []}", ("surveillance.evidence.event_ids", [], None)),
        ("{surveillance.metrics: {trades: 1}}", ("surveillance.metrics", {"trades": 1}, None)),
        ("{token.symbol: ACME}", ("token.symbol", "ACME", None)),
        ("{surveillance.staged: 0}", ("surveillance.staged", 0, False)),
    ],
)
def test_a_field_that_differs_is_told_with_both_values(
    wanted: str, difference: tuple[str, object, object]
) -> None:
    result = run_one(LARGE, f"[{wanted}]")
    (found,) = said(result)
    assert not result.passed
    assert found[:2] == difference[:2]
    assert difference[2] is None or found[2] == difference[2]


def test_a_missing_and_an_unexpected_alert_fail() -> None:
    missing = run_one(LARGE.replace("9", "1"), "[{}]")
    assert not missing.passed
    assert missing.comparison.unmet[0].nearest is None
    unexpected = run_one(LARGE, "[]")
    assert not unexpected.passed
    assert [alert.evidence_events for alert in unexpected.comparison.unexpected] == [("event-1",)]


def test_alerts_may_be_expected_in_any_order() -> None:
    amounts = "[{surveillance.metrics: {amount: 10}}, {surveillance.metrics: {amount: 9}}]"
    assert run_one(f"{LARGE}, {LARGER}", amounts).passed


def test_what_fits_any_alert_leaves_the_others_their_own() -> None:
    assert run_one(f"{LARGE}, {LARGER}", "[{}, {surveillance.metrics: {amount: 9}}]").passed


def test_the_nearest_of_what_came_is_shown() -> None:
    wanted = "[{surveillance.metrics: {amount: 10}, event.severity: 1}, {}]"
    result = run_one(f"{LARGE}, {LARGER}", wanted)
    (unmet,) = result.comparison.unmet
    assert (unmet.number, unmet.nearest and unmet.nearest.metrics) == (1, {"amount": 10.0})
    assert said(result) == [("event.severity", 1, 73)]


TWO = sigma(
    "  s: {event.action: token-transfer, token.amount|gte: 5}\n  condition: s",
    extra="name: large",
)


def test_an_alert_of_a_rule_that_is_not_here_cannot_be_expected() -> None:
    with pytest.raises(ProblemsFound, match='called "larg"'):
        run_one(LARGE, "[{rule: larg}]", rules=TWO)


def test_the_rule_may_be_called_by_its_name() -> None:
    assert run_one(LARGE, "[{rule: large}]", rules=TWO).passed
