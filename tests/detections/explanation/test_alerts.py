"""Why an alert came."""

import msgspec

from detections.correlators.structured_amounts import Parameters
from detections.engine.engine import Engine
from detections.explanation import explain_alert
from detections.explanation.parameters import parameters_words
from detections.rules.loading import parse_rules
from normalizer.events import Alert, Record
from tests.detections.explanation.rules import LARGE, MANY, RULES, WASH, rules
from tests.detections.samples import Tape, transfer

FAST = [transfer(number, amount=500.0, source_investor="INV-1") for number in range(1, 4)]


def alert_of(rule_id: str, events: list[Record]) -> Alert:
    engine = Engine(rules())
    found = [*engine.process(events), *engine.finish()]
    return next(alert for alert in found if alert.rule_id == rule_id)


def by_id(events: list[Record]) -> dict[str, Record]:
    return {event.id: event for event in events}


def test_a_sigma_rule_s_alert_has_its_condition_on_the_event() -> None:
    alert = alert_of(LARGE, [FAST[0]])
    found = explain_alert(rules(), alert, by_id(FAST))
    assert found.condition is not None
    assert found.condition.holds
    assert not found.changed
    assert [step.event_id for step in found.steps] == ["transfer-1"]


def test_a_correlation_s_alert_has_its_group_and_its_events_in_order_of_time() -> None:
    alert = alert_of(MANY, [*FAST])
    found = explain_alert(rules(), alert, by_id([*FAST]))
    assert found.how.startswith('at least 3 events of "Large transfer" within 10m')
    assert found.group == (("investor.source.id", "INV-1"),)
    assert [step.event_id for step in found.steps] == ["transfer-1", "transfer-2", "transfer-3"]
    assert {step.rules for step in found.steps} == {("Large transfer",)}
    assert [step.completing for step in found.steps] == [False, False, True]


def test_a_correlator_s_alert_has_its_parameters() -> None:
    tape = Tape(buyer_account="a", seller_account="a")
    alert = alert_of(WASH, [tape.trade(0, 10, 5)])
    found = explain_alert(rules(), alert, {})
    assert found.how.startswith("the correlator wash_trading with pattern: self_trade")


def test_parameters_are_shown_as_a_rule_has_them() -> None:
    shown = parameters_words(Parameters(pattern="sender", thresholds={"USD": 5e3}))
    assert "thresholds: {USD: 5000}," in shown
    assert "'" not in shown


def test_events_that_are_not_there_are_said_to_be_missing() -> None:
    alert = alert_of(MANY, [*FAST])
    found = explain_alert(rules(), alert, {"transfer-2": FAST[1]})
    assert [(step.event_id, step.timestamp is None) for step in found.steps] == [
        ("transfer-2", False),
        ("transfer-1", True),
        ("transfer-3", True),
    ]


def test_a_rule_that_was_changed_since_or_is_gone_is_said_to_be() -> None:
    alert = alert_of(LARGE, [FAST[0]])
    changed = parse_rules(RULES.replace("gte: 100", "gte: 200").encode())
    assert explain_alert(changed, alert, {}).changed
    other = msgspec.structs.replace(alert, rule_id="gone")
    found = explain_alert(rules(), other, by_id([*FAST]))
    assert (found.rule, found.how, len(found.steps)) == (None, "", 1)
