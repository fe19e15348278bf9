"""Exceptions: which alerts they cover, until when, and how often they did."""

from typing import Any

from detections.alerting.exceptions import Exceptions
from detections.rules.model import ExceptionRule
from normalizer.events import Alert
from pipeline.problems import Location
from pipeline.units import MILLISECOND
from tests.detections.samples import START, alerts, sigma, transfer

RULE = sigma("  s: {event.action: token-transfer}\n  condition: s")
RULE_ID = RULE.sigma[0].rule.id
ALICE, BOB = "0x" + "a" * 40, "0x" + "b" * 40
LATER = START + 3_600_000 * MILLISECOND


def exception(name: str = "one", *, expires: int = LATER, **more: Any) -> ExceptionRule:
    fields: dict[str, Any] = {"rules": (RULE_ID,), "owner": "jane", "reason": "agreed", **more}
    return ExceptionRule(id=name, expires=expires, location=Location("x.yml", 1, 1), **fields)


def conditions(detection: str) -> tuple[object, ...]:
    return sigma(detection).sigma[0].conditions


CUSTODIAN = conditions("  s: {investor.source.labels: custodian}\n  condition: s")


def alert_of(event: Any) -> Alert:
    (alert,) = alerts(RULE, [event])
    return alert


def covering(event: Any, *rules: ExceptionRule, rule_id: str = RULE_ID) -> str | None:
    found = Exceptions(rules).covering(rule_id, alert_of(event), event)
    return None if found is None else found.id


def test_an_entity_is_covered_whatever_the_case_of_its_letters() -> None:
    event = transfer(source_address=ALICE.upper().replace("X", "x"))
    assert covering(event, exception(entities=frozenset([ALICE]))) == "one"
    assert covering(event, exception(entities=frozenset(["0x" + "c" * 40]))) is None


def test_an_entity_is_covered_that_only_related_user_names() -> None:
    event = transfer(related_user=("Custody-1",))
    assert covering(event, exception(entities=frozenset(["custody-1"]))) == "one"


def test_a_condition_is_of_the_completing_event() -> None:
    one = exception(conditions=CUSTODIAN)
    assert covering(transfer(source_labels=("custodian",)), one) == "one"
    assert covering(transfer(source_labels=("exchange",)), one) is None


def test_a_condition_holds_of_a_plain_document_too() -> None:
    one = exception(conditions=CUSTODIAN)
    alert = alert_of(transfer())
    found = Exceptions([one])
    assert found.covering(RULE_ID, alert, {"investor.source.labels": ["custodian"]}) is one
    assert found.covering(RULE_ID, alert, {"investor.source.labels": "exchange"}) is None


def test_both_an_entity_and_a_condition_must_hold() -> None:
    one = exception(conditions=CUSTODIAN, entities=frozenset([ALICE]))
    assert covering(transfer(source_address=ALICE, source_labels=("custodian",)), one) == "one"
    assert covering(transfer(source_address=ALICE), one) is None
    assert covering(transfer(source_address=BOB, source_labels=("custodian",)), one) is None


def test_it_ends_at_its_date_by_the_time_of_the_alert() -> None:
    event = transfer()
    of_alice = frozenset([ALICE])
    at_its_end = exception(entities=of_alice, expires=event.timestamp)
    just_before = exception(entities=of_alice, expires=event.timestamp + 1)
    assert covering(event, at_its_end) is None
    assert covering(event, just_before) == "one"


def test_it_is_for_its_rules_alone() -> None:
    one = exception(rules=("another", RULE_ID), entities=frozenset([ALICE]))
    assert covering(transfer(), one) == "one"
    assert covering(transfer(), one, rule_id="another") == "one"
    assert covering(transfer(), one, rule_id="a-third") is None


def test_the_first_that_covers_is_counted_and_the_others_have_0() -> None:
    never = exception("never", entities=frozenset(["nobody"]))
    first = exception("first", entities=frozenset([ALICE]))
    second = exception("second", entities=frozenset([BOB]))
    found = Exceptions([never, first, second])
    event = transfer()
    assert found.would_cover(RULE_ID, alert_of(event), event) is first
    assert found.covering(RULE_ID, alert_of(event), event) is first
    assert found.counts == {"never": 0, "first": 1, "second": 0}


def test_a_condition_that_no_record_of_a_kind_can_have_covers_none_of_them() -> None:
    one = exception(conditions=conditions("  s: {market.order.id: x}\n  condition: s"))
    assert covering(transfer(), one) is None
