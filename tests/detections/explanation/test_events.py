"""What every rule makes of an event."""

from typing import Any

import msgspec

from detections.explanation import EventExplanation, RuleExplanation, explain_event
from detections.rules.model import ExceptionRule
from normalizer.events import Record
from pipeline.problems import Location
from tests.detections.explanation.rules import AGAIN, LARGE, MANY, WASH, rules
from tests.detections.samples import Tape, transfer

JANE = "INV-1"


def explained(event: Record | dict[str, Any], **more: Any) -> dict[str, RuleExplanation]:
    return {one.rule.id: one for one in explain_event(rules(), event, **more).rules}


def test_a_match_says_what_its_alert_would_say() -> None:
    one = explained(transfer(amount=500.0))[LARGE]
    assert one.verdict == "matched"
    assert one.reason == "500 moved from 0x" + "a" * 40
    assert one.condition is not None
    assert one.condition.holds


def test_a_condition_that_fails_and_one_that_cannot_match_are_told_apart() -> None:
    assert explained(transfer(amount=5.0))[LARGE].verdict == "not matched"
    out = explained(Tape().trade(0, 1, 1))[LARGE]
    assert (out.verdict, out.why) == (
        "ruled out",
        "event.action is trade, it wants token-transfer",
    )


def test_a_correlator_watches_its_kinds_of_event() -> None:
    watching = explained(Tape().trade(0, 1, 1))[WASH]
    assert watching.verdict == "watches"
    assert "wash_trading with pattern: self_trade, window: 10m" in watching.why
    out = explained(transfer())[WASH]
    assert (out.verdict, out.why) == (
        "ruled out",
        "event.action is token-transfer, it watches trade, trade-busted or trade-corrected",
    )
    document = {"event.id": "1", "@timestamp": 0, "event.action": "started"}
    assert explained(document)[WASH].why == "correlators see records of ours only"


def test_a_correlation_counts_what_its_rules_match_in_a_group() -> None:
    one = explained(transfer(amount=500.0, source_investor=JANE))[MANY]
    assert one.verdict == "watches"
    assert [(base.rule.id, base.matched) for base in one.bases] == [(LARGE, True)]
    assert one.group is not None
    assert one.group.values == (("investor.source.id", JANE),)
    assert one.why == (
        'at least 3 events of "Large transfer" within 10m, counted for each investor.source.id'
    )


def test_an_event_without_the_group_s_field_is_in_no_group() -> None:
    one = explained(transfer(amount=500.0))[MANY]
    assert one.verdict == "not matched"
    assert one.group is not None
    assert one.group.lacking == ("investor.source.id",)


def test_an_event_that_no_rule_of_a_correlation_matches_is_not_counted() -> None:
    one = explained(transfer(amount=5.0, source_investor=JANE))[MANY]
    assert (one.verdict, one.group) == ("not matched", None)


def test_a_correlation_over_another_may_count_the_event_through_it() -> None:
    counted = explained(transfer(amount=500.0, source_investor=JANE))[AGAIN]
    assert counted.verdict == "watches"
    assert [(base.rule.id, base.matched) for base in counted.bases] == [(MANY, None)]
    assert explained(transfer(amount=5.0, source_investor=JANE))[AGAIN].verdict == "not matched"


def test_the_exception_that_would_cover_the_alert_is_named() -> None:
    one = ExceptionRule(
        id="treasury",
        rules=(LARGE,),
        entities=frozenset(["inv-1"]),
        owner="jane@example.com",
        reason="agreed",
        expires=2_000_000_000_000_000_000,
        location=Location("x.exceptions.yml", 2, 5),
    )
    ruleset = msgspec.structs.replace(rules(), exceptions=(one,))
    covered, alone = (
        explain_event(ruleset, transfer(amount=500.0, source_investor=who)).rules[0]
        for who in ("INV-1", "INV-2")
    )
    assert covered.exception is one
    assert alone.exception is None


def test_one_rule_may_be_asked_for() -> None:
    found = explain_event(rules(), transfer(), only=frozenset((MANY,)))
    assert [one.rule.id for one in found.rules] == [MANY]


def test_it_goes_into_json_and_says_what_the_event_is() -> None:
    found: EventExplanation = explain_event(rules(), transfer(7))
    assert (found.event_id, found.action, found.ours) == ("transfer-7", "token-transfer", True)
    assert b'"verdict":"ruled out"' in msgspec.json.encode(found)
