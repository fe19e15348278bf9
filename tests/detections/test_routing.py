"""Which lane a rule runs in, and that no rule alerts twice for it."""

import pytest

from detections.lanes.routing import asset_rules, market_rules, routes
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from tests.detections.samples import HEADER, correlator
from tests.fixtures.shipped_rules import shipped_rules

ANYTHING = """
title: Anything
name: anything
id: 0b9ad0a3-0b54-4a34-8a11-8e1d6b6f3f01
status: test
description: Anything at all.
author: Compliance
date: 2025-01-01
level: low
typology: data_quality
references: []
falsepositives: []
logsource: {product: tapewatch}
detection: {s: {event.kind: event}, condition: s}
"""


def grouped_by(*fields: str, more: str = "") -> RuleSet:
    text = (
        f"{HEADER}correlation:\n  type: event_count\n  rules: [anything]\n"
        f"  group-by: [{', '.join(fields)}]\n  timespan: 1d\n  condition: {{gte: 3}}{more}\n"
    )
    return parse_rules(f"{text}---\n{ANYTHING}".encode())


def route_of(rules: RuleSet) -> str:
    return routes(rules)[rules.correlations[-1].rule.id].partition_by


@pytest.mark.parametrize(
    ("fields", "lane"),
    [
        (("token.id",), "asset"),
        (("source.address", "blockchain.contract.address"), "asset"),
        (("market.venue", "investor.account", "market.instrument"), "asset"),
        (("market.pool.address",), "asset"),
        (("source.address",), "market"),
        (("market.instrument", "event.provider"), "market"),
        (("blockchain.transaction.hash",), "market"),
    ],
)
def test_a_correlation_needs_the_market_unless_its_groups_are_of_one_asset(
    fields: tuple[str, ...], lane: str
) -> None:
    assert route_of(grouped_by(*fields)) == lane


def test_a_file_may_say_what_its_rule_must_see() -> None:
    rules = grouped_by("event.provider", "market.instrument", more="\npartition_by: asset")
    assert route_of(rules) == "asset"


def test_correlators_say_it_themselves() -> None:
    rules = correlator("wash_trading", "{pattern: self_trade, minimum_trades: 3, window: 1m}")
    (rule,) = rules.correlators
    assert routes(rules)[rule.rule.id].partition_by == "asset"


def test_a_rule_that_alerts_and_feeds_the_market_alerts_in_one_lane_only() -> None:
    rules = grouped_by("source.address", more="\ngenerate: true")
    assert not rules.sigma[0].silent

    assert [one.silent for one in asset_rules(rules).sigma] == [False]
    assert [one.silent for one in market_rules(rules).sigma] == [True]


def test_every_rule_of_ours_alerts_in_exactly_one_lane() -> None:
    rules = shipped_rules()
    here = [rule.id for lane in (asset_rules(rules), market_rules(rules)) for rule in lane.alerting]
    assert sorted(here) == sorted(rule.id for rule in rules.alerting)


def test_what_feeds_a_correlation_is_in_its_lane() -> None:
    rules = shipped_rules()
    for lane in (asset_rules(rules), market_rules(rules)):
        there = {rule.id for rule in lane.rules}
        for one in lane.correlations:
            assert set(one.correlation.rules) <= there, one.rule.title
