"""The runner of the tests beside rules: it can fail, and says how."""

import pytest

from detections.rule_tests import Result, RuleTestFile, run_tests
from pipeline.problems import ProblemsFound
from pipeline.structured import load
from tests.detections.samples import correlator, sigma

RULE = sigma("  s: {event.action: token-transfer, token.amount|gte: 5}\n  condition: s")


def run(text: str) -> list[Result]:
    return run_tests(RULE, load(text.encode(), RuleTestFile))


def one(events: str, alerts: str) -> tuple[str, ...]:
    (result,) = run(f"tests:\n  - name: it\n    events: [{events}]\n    alerts: {alerts}\n")
    return result.differences


LARGE = "{event.action: token-transfer, token.amount: 9}"


def test_a_missing_and_an_unexpected_alert_are_differences() -> None:
    assert one(LARGE, "[{event.severity: 73}]") == ()
    assert "1 alerts were expected and 0 came" in one(LARGE.replace("9", "1"), "[{}]")
    unexpected = one(LARGE, "[]")
    assert "0 alerts were expected and 1 came" in unexpected
    assert any("a token-transfer event matched" in line for line in unexpected)


@pytest.mark.parametrize(
    "wanted",
    [
        "{event.severity: 99}",
        "{event.reason: other*}",
        "{surveillance.entities: []}",
        "{surveillance.metrics: {trades: 1}}",
        "{no.such.field: 1}",
    ],
)
def test_a_field_that_differs_is_a_difference(wanted: str) -> None:
    (difference,) = one(LARGE, f"[{wanted}]")
    assert difference.startswith("alert 1: ")


def test_exact_amounts_follow_from_amounts() -> None:
    rule = sigma("  s: {token.amount_raw|gte: 1000000000000000001}\n  condition: s")
    text = (
        "defaults: {event.action: token-transfer}\n"
        "tests:\n  - {name: a, events: [{token.amount: 1}], alerts: []}\n"
        "  - {name: b, events: [{token.amount: 1.5}], alerts: [{}]}\n"
    )
    assert [r.differences for r in run_tests(rule, load(text.encode(), RuleTestFile))] == [(), ()]


def test_times_repeat_and_events_go_by_time() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 3, window: 10m}")
    text = (
        "defaults: {event.action: trade, investor.buyer.account: a, investor.seller.account: a}\n"
        "tests:\n"
        "  - {name: a, events: [{at: 5m}, {repeat: 2, every: 1m}], alerts: "
        "[{surveillance.evidence.event_ids: [event-2, event-3, event-1]}]}\n"
    )
    (result,) = run_tests(rules, load(text.encode(), RuleTestFile))
    assert result.differences == ()


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("{event.action: token-tranfer}", "event.action is never"),
        ("{token.amount: 1}", "event.action is missing"),
        ("{event.action: token-transfer, token.amuont: 1}", "has no field"),
        ("{event.action: token-transfer, token.amount: lots}", "Expected `float | null`"),
        ("{event.action: token-transfer, at: soon}", "at or every"),
        ("{event.action: token-transfer, repeat: 0}", "repeat is wrong"),
    ],
)
def test_a_mistake_in_an_event_is_said_at_its_place(event: str, message: str) -> None:
    with pytest.raises(ProblemsFound) as raised:
        one(event, "[]")
    (problem,) = raised.value.problems
    assert message in problem.message
    assert problem.location.line == 3
