"""Rule 144(d), Regulation Crowdfunding and lock-ups, by what their texts say."""

import datetime
from typing import Any

import pytest

from detections.correlators.lock_up import LockUp
from detections.correlators.lock_up import Parameters as LockUpParameters
from detections.correlators.reg_cf_resale import Parameters as CFParameters
from detections.correlators.reg_cf_resale import RegCFResale
from detections.correlators.rule_144_holding import Parameters, Rule144Holding
from tests.detections.cap_table.movements import Log, found, wallet


def rule_144(**parameters: Any) -> Rule144Holding:
    return Rule144Holding(Parameters(**parameters))


@pytest.mark.parametrize(
    ("months", "day", "early"),
    [
        # "a minimum of six months must elapse between ... the acquisition ... and any resale"
        (6, "2025-09-10", True),
        (6, "2025-09-11", False),
        # and "a minimum of one year" where the issuer doesn't report
        (12, "2026-03-10", True),
        (12, "2026-03-11", False),
    ],
)
def test_six_months_of_reporting_issuers_and_a_year_of_others(
    months: int, day: str, early: bool
) -> None:
    log = Log("reg-d-506c")
    findings = found(
        rule_144(months=months), [log.issued("a", 10, "2025-03-11"), log.moved("a", "b", 10, day)]
    )
    assert bool(findings) is early


def test_the_alert_has_the_issue_and_the_sale_as_evidence_and_says_since_when() -> None:
    log = Log("reg-d-506c")
    events = [
        log.issued("a", 10, "2026-01-05"),
        log.issued("a", 10, "2026-02-05"),
        log.moved("a", "b", 12, "2026-03-05", source_investor="INV-1"),
    ]
    (finding,) = found(rule_144(), events)
    assert [one.id for one in finding.witnesses] == [event.id for event in events]
    assert finding.reason == (
        f"{wallet('a')} (INV-1) passed on 12 ACME (reg-d-506c) to {wallet('b')} on 2026-03-05: "
        "10 got from the issuer or an affiliate on 2026-01-05 and not free before 2026-07-05, "
        "2 got from the issuer or an affiliate on 2026-02-05 and not free before 2026-08-05"
    )
    assert finding.metrics["early_tokens"] == 12


def test_older_lots_in_the_same_wallet_leave_first() -> None:
    """The old rule could not tell: it alerted on any sale within six months of an issue."""
    log = Log("reg-d-506c")
    events = [
        log.issued("a", 10, "2025-01-05"),
        log.issued("a", 10, "2026-01-05"),
        log.moved("a", "b", 10, "2026-02-05"),
    ]
    assert found(rule_144(), events) == []
    (finding,) = found(rule_144(), [*events, log.moved("a", "b", 1, "2026-02-06")])
    assert finding.metrics["early_tokens"] == 1


def test_a_period_goes_on_with_the_buyer_as_with_the_seller() -> None:
    log = Log("reg-d-506c")
    events = [
        log.issued("a", 10, "2026-01-05"),
        log.moved("a", "b", 10, "2026-02-05"),
        log.moved("b", "c", 10, "2026-07-04"),
        log.moved("c", "d", 10, "2026-07-05"),
    ]
    early = [one.reason.partition(" ")[0] for one in found(rule_144(), events)]
    assert early == [wallet("a"), wallet("b")]


def test_repeated_resales_make_fewer_and_fewer_alerts_with_the_sum() -> None:
    log = Log("reg-d-506c")
    events = [log.issued("a", 100, "2026-01-05")]
    events += [log.moved("a", "b", 1, "2026-01-06") for _ in range(20)]
    times = [int(one.metrics["times"]) for one in found(rule_144(), events)]
    assert times == [1, 2, 4, 8, 16]
    assert "(for the 16th time)" in found(rule_144(), events)[-1].reason


def test_receivers_who_may_buy_restricted_securities_can_be_left_out() -> None:
    log = Log("reg-d-506c")
    events = [
        log.issued("a", 10, "2026-01-05"),
        log.moved("a", "b", 10, "2026-02-05", destination_accreditation="qualified"),
    ]
    assert found(rule_144(), events) != []
    assert found(rule_144(exempt_accreditations=("qualified",)), events) == []


def test_of_a_token_that_is_older_than_what_was_seen_only_new_lots_are_judged_and_unsure() -> None:
    log = Log("reg-d-506c")
    events = [
        log.moved("a", "b", 10, "2026-01-05"),
        log.moved("b", "c", 5, "2026-01-06"),
        log.issued("b", 10, "2026-01-07"),
        log.moved("b", "c", 7, "2026-01-08"),
    ]
    (finding,) = found(rule_144(), events)
    assert finding.tags == ("unsure",)
    assert finding.confidence < 1
    assert "2 got from the issuer or an affiliate on 2026-01-07" in finding.reason
    assert "since when 5 were held is not known" in finding.reason
    assert "it had tokens before what was seen" in finding.reason


def test_crowdfunding_binds_each_holder_for_a_year_from_the_issue() -> None:
    """227.501(a): "during the one-year period beginning when the securities were issued"."""
    log = Log("reg-cf")
    accredited = {"destination_accreditation": "accredited"}
    events = [
        log.issued("a", 10, "2025-03-01"),
        log.moved("a", "b", 10, "2025-04-01", **accredited),  # (a)(2)
        log.moved("b", "a", 4, "2025-05-01", destination_labels=("issuer",)),  # (a)(1)
        log.moved("b", "c", 1, "2026-02-28", destination_accreditation="retail"),
        log.moved("b", "c", 1, "2026-03-01", destination_accreditation="retail"),
    ]
    (finding,) = found(RegCFResale(CFParameters()), events)
    assert "1 issued on 2025-03-01 and not free before 2026-03-01" in finding.reason


def test_an_affiliates_sale_begins_no_new_year_of_crowdfunding() -> None:
    log = Log("reg-cf")
    events = [
        log.issued("a", 10, "2025-03-01"),
        log.moved("a", "b", 10, "2026-03-01", source_labels=("issuer_affiliate",)),
        log.moved("b", "c", 10, "2026-03-02"),
    ]
    assert found(RegCFResale(CFParameters()), events) == []


def test_a_lock_up_until_a_day_needs_no_lots() -> None:
    log = Log()
    parameters = LockUpParameters(until=datetime.date(2026, 6, 1), labels=("founder",))
    bound = {"source_labels": ("founder",)}
    events = [
        log.moved("a", "b", 10, "2026-05-31", **bound),
        log.moved("a", "b", 10, "2026-06-01", **bound),
        log.moved("c", "b", 10, "2026-05-31"),
    ]
    (finding,) = found(LockUp(parameters), events)
    assert finding.reason == (
        f"{wallet('a')} passed on 10 ACME to {wallet('b')} on 2026-05-31: 10 held on 2026-05-31 "
        "and not free before 2026-06-01"
    )
    assert finding.tags == ()


def test_a_lock_up_without_labels_follows_the_lot() -> None:
    log = Log()
    events = [
        log.issued("a", 10, "2026-01-05"),
        log.moved("a", "b", 10, "2026-02-05", transfer_type="recovery"),
        log.moved("b", "c", 10, "2026-07-04"),
    ]
    (finding,) = found(LockUp(LockUpParameters(months=6)), events)
    assert "10 issued on 2026-01-05 and not free before 2026-07-05" in finding.reason
    assert found(LockUp(LockUpParameters(months=5)), events) == []
