"""How much may be sold and bought, and to whom abroad: Rules 144(e), 251, Regulation S."""

import datetime
from typing import Any

import pytest

from detections.alerting.findings import Finding
from detections.correlators.offering_cap import OfferingCap
from detections.correlators.offering_cap import Parameters as CapParameters
from detections.correlators.reg_a_investment_limit import Parameters as LimitParameters
from detections.correlators.reg_a_investment_limit import RegAInvestmentLimit
from detections.correlators.reg_s_distribution import Parameters as RegSParameters
from detections.correlators.reg_s_distribution import RegSDistribution
from detections.correlators.rule_144_volume import Parameters, Rule144Volume
from normalizer.events.chain import TokenTransfer
from normalizer.events.market import Trade
from tests.detections.cap_table.movements import Log, at, found
from tests.detections.samples import START, Tape

INSIDER = {"source_labels": ("insider",)}


# -- Rule 144(e) -----------------------------------------------------------------------------------


def test_one_percent_of_what_is_outstanding_in_three_months() -> None:
    log = Log()
    events = [
        log.issued("a", 10_000, "2026-01-05"),
        log.issued("f", 90_000, "2026-01-05", destination_labels=("treasury",)),
        log.moved("a", "b", 100, "2026-02-10", **INSIDER),
        log.moved("a", "b", 1, "2026-05-09", **INSIDER),
        log.moved("a", "b", 99, "2026-05-11", **INSIDER),
    ]
    (finding,) = found(Rule144Volume(Parameters()), events)
    assert finding.metrics == {
        "sold": 101,
        "allowed": 100,
        "outstanding": 10_000,
        "weekly_volume": 0,
    }
    assert [one.id for one in finding.witnesses] == [events[2].id, events[3].id]


def test_it_is_told_again_when_the_sum_has_doubled() -> None:
    log = Log()
    events = [log.issued("a", 1_000, "2026-01-05")]
    events += [log.moved("a", "b", 6, "2026-01-06", **INSIDER) for _ in range(8)]
    sold = [one.metrics["sold"] for one in found(Rule144Volume(Parameters()), events)]
    assert sold == [12, 24, 48]


def traded(tape: Tape, day: str, quantity: float, venue: str = "ats") -> Trade:
    moment = (at(day) - START) / 1_000_000
    return tape.trade(moment, 10.0, quantity, venue=venue, token_id="acme")


def test_the_average_week_of_four_where_it_is_more() -> None:
    """The four calendar weeks before Monday, 2 February 2026, are those of 5 to 31 January."""
    log, tape = Log(), Tape()
    events: list[Any] = [
        log.issued("a", 10_000, "2026-01-02"),
        traded(tape, "2026-01-04", 40_000),  # a Sunday: the week before
        traded(tape, "2026-01-05", 1_000),
        traded(tape, "2026-01-31", 600),
        traded(tape, "2026-01-31", 40_000, venue="elsewhere"),
        traded(tape, "2026-02-02", 40_000),  # this week
    ]
    sale = log.moved("a", "b", 400, "2026-02-03", **INSIDER)
    rule = Rule144Volume(Parameters(volume_venues=("ats",)))
    assert found(rule, [*events, sale]) == []
    (finding,) = found(rule, [log.moved("a", "b", 1, "2026-02-04", **INSIDER)])
    assert finding.metrics["weekly_volume"] == 400
    assert "the greater of 1% of 10,000 outstanding and the weekly volume of 400" in finding.reason
    assert found(Rule144Volume(Parameters()), [events[0], sale]) != []


def test_affiliates_in_concert_count_together() -> None:
    """144(e)(3)(vi)."""
    log = Log()
    together = {**INSIDER, "source_cluster": "CL-1"}
    events = [
        log.issued("a", 500, "2026-01-05"),
        log.issued("b", 500, "2026-01-05"),
        log.moved("a", "c", 6, "2026-01-06", source_investor="INV-1", **together),
        log.moved("b", "c", 6, "2026-01-06", source_investor="INV-2", **together),
    ]
    (finding,) = found(Rule144Volume(Parameters()), events)
    assert "CL-1" in finding.entities


def test_the_issuers_report_says_how_much_is_outstanding() -> None:
    log = Log()
    sale = log.moved("a", "b", 50, "2026-01-06", **INSIDER)
    assert found(Rule144Volume(Parameters()), [sale]) == [], "older than what was seen"
    assert found(Rule144Volume(Parameters(outstanding=5_000)), [sale]) == []
    assert found(Rule144Volume(Parameters(outstanding=4_999)), [sale]) != []


# -- Regulation A ----------------------------------------------------------------------------------


def bought(labels: tuple[str, ...], tokens: float, **parameters: Any) -> list[Finding]:
    event = Log().issued("a", tokens, "2026-01-05", destination_labels=labels)
    return found(RegAInvestmentLimit(LimitParameters(**parameters)), [event])


@pytest.mark.parametrize(
    ("labels", "limit"),
    [
        # "ten percent (10%) of the greater of ... annual income or net worth"
        (("annual_income:80000", "net_worth:60000"), 8_000),
        (("annual_income:60000", "net_worth:80000"), 8_000),
        (("net_worth:80000",), 8_000),
        (("annual_income:0", "net_worth:0"), 0),
    ],
)
def test_ten_percent_of_the_greater_of_income_and_net_worth(
    labels: tuple[str, ...], limit: float
) -> None:
    assert bought(labels, limit) == []
    (finding,) = bought(labels, limit + 1)
    assert finding.metrics == {"value": limit + 1, "limit": limit}


def test_the_price_makes_the_value_and_a_flat_limit_stands_for_figures() -> None:
    assert bought(("net_worth:80000",), 800, price=10.0) == []
    assert bought(("net_worth:80000",), 800.1, price=10.0) != []
    assert bought((), 5_000) == [], "nothing is known"
    assert bought((), 2_500, flat_limit=2_500.0) == []
    (finding,) = bought((), 2_501, flat_limit=2_500.0)
    assert "2,500 USD are allowed to who has told neither" in finding.reason
    assert bought(("net_worth:lots",), 900_000) == []


def test_an_exemptions_cap_is_near_then_passed_and_not_by_exactly_all() -> None:
    log = Log()
    parameters = CapParameters(cap=1_000.0, price=10.0)
    exact = [log.issued("a", 50, "2026-01-05"), log.issued("b", 50, "2026-02-05")]
    (near,) = found(OfferingCap(parameters), exact)
    assert near.reason.endswith(
        "100% of the 1,000 USD that are allowed within 12 months; the newest buyer is 0x" + "b" * 40
    )
    _, passed = found(OfferingCap(parameters), [*exact, log.issued("c", 1, "2027-01-04")])
    assert passed.metrics == {"value": 1_010, "cap": 1_000}
    assert len(passed.witnesses) == 3
    later = [*exact, log.issued("c", 1, "2027-01-06")]
    assert len(found(OfferingCap(parameters), later)) == 1, "twelve months are over"


def test_what_goes_into_the_treasury_is_sold_once_it_leaves() -> None:
    log = Log()
    parameters = CapParameters(cap=100.0)
    events = [
        log.issued("f", 500, "2026-01-04", destination_labels=("treasury",)),
        log.moved("f", "a", 60, "2026-01-05", source_labels=("treasury",)),
        log.moved("f", "b", 60, "2026-01-06", source_labels=("treasury",)),
    ]
    (finding,) = found(OfferingCap(parameters), events)
    assert finding.metrics["value"] == 120


# -- Regulation S ----------------------------------------------------------------------------------


def flow_back(day: str, category: Any, **parameters: Any) -> list[Finding]:
    log = Log("reg-s")
    events: list[TokenTransfer] = [
        log.issued("a", 10, "2026-01-05", destination_jurisdiction="DE"),
        log.moved("a", "b", 10, day, source_jurisdiction="DE", destination_jurisdiction="PR"),
    ]
    return found(RegSDistribution(RegSParameters(category=category, **parameters)), events)


@pytest.mark.parametrize(
    ("category", "last"),
    [
        ("category_2", "2026-02-13"),
        ("category_3_debt", "2026-02-13"),
        ("category_3_equity_reporting", "2026-07-04"),
        ("category_3_equity", "2027-01-04"),
    ],
)
def test_the_distribution_compliance_period_of_each_category(category: str, last: str) -> None:
    """230.903(b)(2) and (3): 40 days, 40 days, six months, one year."""
    (finding,) = flow_back(last, category)
    assert finding.metrics["flow_back"] == 1
    assert len(finding.witnesses) == 2
    after = (datetime.date.fromisoformat(last) + datetime.timedelta(days=1)).isoformat()
    assert flow_back(after, category) == []


def test_the_period_runs_from_the_closing_where_that_is_known() -> None:
    closed = datetime.date(2026, 3, 1)
    (finding,) = flow_back("2026-04-09", "category_2", closed=closed)
    assert "the offering closed on 2026-03-01" in finding.reason
    assert flow_back("2026-04-10", "category_2", closed=closed) == []


def test_a_later_issue_makes_the_period_longer() -> None:
    """230.902(f): it ends 40 days after the closing of the offering, not after each sale."""
    log = Log("reg-s")
    events = [
        log.issued("a", 10, "2026-01-05"),
        log.issued("a", 10, "2026-02-05"),
        log.moved("a", "b", 10, "2026-03-10", destination_jurisdiction="US"),
    ]
    assert found(RegSDistribution(RegSParameters(category="category_2")), events) != []
    assert (
        found(RegSDistribution(RegSParameters(category="category_2")), [events[0], events[2]]) == []
    )
