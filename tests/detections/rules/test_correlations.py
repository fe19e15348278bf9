"""Sigma correlations: every type and every key."""

import pytest

from detections.rules.model import Comparison, Correlation, Junction, Negation, Reference
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from tests.detections.rules.documents import (
    base,
    correlation,
    part,
    rules,
    said,
    the_problem,
    together,
)

MINT = base("mint_seen", "token-transfer", "token.transfer.type: mint")
FREEZE = base("freeze_seen", "wallet-frozen")
TRADE = base("trade_seen", "trade")
COUNT = "type: event_count\nrules: mint_seen\ntimespan: 5m\ncondition: {gte: 3}"


def the_correlation(*documents: str) -> Correlation:
    (found,) = rules(*documents).correlations
    return found.correlation


def counting(line: str, old: str = "condition: {gte: 3}") -> str:
    assert old in COUNT
    return correlation(COUNT.replace(old, line))


# --- what a correlation says


def test_an_event_count_over_a_rule_in_the_same_file() -> None:
    found = rules(MINT, correlation(COUNT + "\ngroup-by: [token.address]"))
    (mint,), (counted,) = found.sigma, found.correlations
    assert counted.correlation == Correlation(
        type="event_count",
        rules=(mint.rule.id,),
        timespan=5 * MINUTE,
        group_by=("token.address",),
        comparisons=(Comparison("gte", 3),),
    )
    assert (mint.rule.name, counted.rule.title, counted.rule.level) == (
        "mint_seen",
        "Correlation 1",
        "high",
    )


def test_a_correlation_may_stand_before_the_rules_that_it_refers_to() -> None:
    found = rules(correlation(COUNT), MINT)
    assert found.correlations[0].correlation.rules == (found.sigma[0].rule.id,)


def test_a_rule_may_be_named_by_its_id_in_any_case() -> None:
    identified = part("mint_seen").replace(
        "name: mint_seen", "id: AAAAAAAA-0000-4000-8000-000000000001"
    )
    body = COUNT.replace("mint_seen", "aaaaaaaa-0000-4000-8000-000000000001")
    found = the_correlation(identified, correlation(body))
    assert found.rules == ("aaaaaaaa-0000-4000-8000-000000000001",)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("30s", 30 * SECOND),
        ("90m", 90 * MINUTE),
        ("12h", 12 * HOUR),
        ("7d", 7 * DAY),
        ("2w", 14 * DAY),
        ("1M", 2_629_746 * SECOND),
        ("1y", 31_556_952 * SECOND),
        ("1h30m", 90 * MINUTE),
        ("250ms", SECOND // 4),
    ],
)
def test_timespans_have_sigmas_units_and_ours(text: str, nanoseconds: int) -> None:
    assert the_correlation(MINT, counting(f"timespan: {text}", "timespan: 5m")).timespan == (
        nanoseconds
    )


@pytest.mark.parametrize(
    ("condition", "comparisons"),
    [
        ("{gt: 100, lte: 200}", [("gt", 100), ("lte", 200)]),
        ("{gte: 2.5}", [("gte", 2.5)]),
        ("{eq: 3}", [("eq", 3)]),
        ("{neq: 3, lt: 10}", [("neq", 3), ("lt", 10)]),
    ],
)
def test_several_comparisons_are_a_range(
    condition: str, comparisons: list[tuple[str, float]]
) -> None:
    found = the_correlation(MINT, counting(f"condition: {condition}")).comparisons
    assert [(one.operator, one.number) for one in found] == comparisons


def test_a_threshold_is_exact_whatever_its_size() -> None:
    body = (
        "type: value_sum\nrules: [mint_seen]\ntimespan: 1d\n"
        f"condition: {{field: token.amount_raw, gt: {2**200 + 1}}}"
    )
    found = the_correlation(MINT, correlation(body))
    assert found.comparisons == (Comparison("gt", 2**200 + 1),)
    assert found.fields == ("token.amount_raw",)


@pytest.mark.parametrize("type_", ["value_sum", "value_avg", "value_median"])
def test_types_over_the_numbers_of_a_field(type_: str) -> None:
    body = (
        f"type: {type_}\nrules: [mint_seen]\ntimespan: 1d\n"
        "condition: {field: token.amount, gt: 0.5}"
    )
    found = the_correlation(MINT, correlation(body))
    assert (found.type, found.fields, found.comparisons) == (
        type_,
        ("token.amount",),
        (Comparison("gt", 0.5),),
    )


def test_a_percentile_says_which() -> None:
    body = (
        "type: value_percentile\nrules: [mint_seen]\ntimespan: 1d\n"
        "condition: {field: token.amount, percentile: 99.5, gte: 1000}"
    )
    assert the_correlation(MINT, correlation(body)).percentile == 99.5


def test_different_values_are_counted_in_one_field_or_in_several_together() -> None:
    body = (
        "type: value_count\nrules: [mint_seen]\ntimespan: 1d\n"
        "condition: {field: [destination.address, token.address], gte: 5}"
    )
    assert the_correlation(MINT, correlation(body)).fields == (
        "destination.address",
        "token.address",
    )


def test_aliases_say_which_field_it_is_for_each_rule() -> None:
    body = """
        type: temporal
        rules: [mint_seen, freeze_seen]
        timespan: 1h
        group-by: [wallet]
        aliases:
          wallet: {mint_seen: destination.address, freeze_seen: investor.address}
    """
    found = rules(MINT, FREEZE, correlation(body))
    ids = {one.rule.name: one.rule.id for one in found.sigma}
    assert found.correlations[0].correlation.aliases == {
        "wallet": {
            ids["mint_seen"]: "destination.address",
            ids["freeze_seen"]: "investor.address",
        }
    }
    assert found.warnings == ()


@pytest.mark.parametrize("type_", ["temporal", "temporal_extended"])
def test_a_temporal_condition_may_join_rules_by_words(type_: str) -> None:
    body = (
        f"type: {type_}\nrules: [mint_seen, freeze_seen, trade_seen]\ntimespan: 1h\n"
        "condition: mint_seen and (freeze_seen or not trade_seen)"
    )
    found = rules(MINT, FREEZE, TRADE, correlation(body))
    mint, freeze, trade = (one.rule.id for one in found.sigma)
    assert found.correlations[0].correlation.type == "temporal"
    assert found.correlations[0].correlation.expression == Junction(
        "and",
        (Reference(mint), Junction("or", (Reference(freeze), Negation(Reference(trade))))),
    )


def test_the_rules_of_a_temporal_condition_needn_t_be_listed() -> None:
    body = "type: temporal\ntimespan: 1h\ncondition: trade_seen or mint_seen"
    found = rules(MINT, TRADE, correlation(body))
    mint, trade = (one.rule.id for one in found.sigma)
    assert found.correlations[0].correlation.rules == (trade, mint)


def test_and_binds_more_than_or() -> None:
    body = "type: temporal\ntimespan: 1h\ncondition: mint_seen or freeze_seen and trade_seen"
    found = rules(MINT, FREEZE, TRADE, correlation(body))
    mint, freeze, trade = (Reference(one.rule.id) for one in found.sigma)
    assert found.correlations[0].correlation.expression == Junction(
        "or", (mint, Junction("and", (freeze, trade)))
    )


def test_in_an_order_a_rule_may_come_twice() -> None:
    body = "type: temporal_ordered\nrules: [mint_seen, trade_seen, mint_seen]\ntimespan: 1h"
    found = rules(MINT, TRADE, correlation(body))
    mint, trade = (one.rule.id for one in found.sigma)
    assert found.correlations[0].correlation.rules == (mint, trade, mint)


@pytest.mark.parametrize("names", ["[mint_seen]", "[mint_seen, trade_seen]"])
def test_absence_is_about_one_rule_or_about_two(names: str) -> None:
    body = f"type: absence\nrules: {names}\ntimespan: 1h"
    assert the_correlation(MINT, TRADE, correlation(body)).type == "absence"


def test_a_chain_comes_after_what_it_is_made_of_wherever_it_stands() -> None:
    chain = correlation("type: temporal_ordered\nrules: [many, trade_seen]\ntimespan: 1h", number=2)
    many = correlation(COUNT).replace("title:", "name: many\ntitle:")
    found = rules(chain, many, MINT, TRADE)
    assert [one.rule.title for one in found.correlations] == ["Correlation 1", "Correlation 2"]
    assert [one.silent for one in found.correlations] == [True, False]


# --- who alerts


def test_rules_that_a_correlation_refers_to_are_silent() -> None:
    found = rules(MINT, TRADE, correlation(COUNT))
    assert [one.silent for one in found.sigma] == [True, False]


@pytest.mark.parametrize("place", ["inside", "outside"])
def test_generate_lets_them_alert_for_themselves(place: str) -> None:
    if place == "inside":
        generating = correlation(COUNT + "\ngenerate: true")
    else:
        generating = correlation(COUNT, extra="generate: true\n")
    assert not rules(MINT, generating).sigma[0].silent


def test_one_correlation_that_generates_is_enough() -> None:
    generating = correlation(COUNT + "\ngenerate: true", number=2)
    assert not rules(MINT, correlation(COUNT), generating).sigma[0].silent


def test_a_silent_rule_in_the_file_of_its_correlation_needs_no_metadata() -> None:
    (found,) = rules(part("mint_seen"), correlation(COUNT)).sigma
    assert (found.rule.name, found.silent, found.rule.level) == ("mint_seen", True, "medium")


def test_a_slip_in_a_reference_isn_t_followed_by_missing_metadata() -> None:
    misspelt = correlation(COUNT.replace("mint_seen", "mint_sen"))
    assert the_problem(part("mint_seen"), misspelt).hint == "mint_seen"


def test_a_rule_that_alerts_for_itself_needs_all_metadata() -> None:
    text = said(part("mint_seen"), correlation(COUNT + "\ngenerate: true"))
    assert 'error: the key "level" is missing' in text
    assert 'error: the key "falsepositives" is missing' in text


# --- its sentence


def test_a_sentence_names_the_group_the_numbers_and_fields_of_the_last_event() -> None:
    extra = (
        'reason: "{correlation.count} mints to {destination.address} within '
        '{correlation.timespan}"\n'
    )
    (found,) = rules(MINT, correlation(COUNT, extra=extra)).correlations
    assert found.reason is not None
    assert found.reason.fields == (
        "correlation.count",
        "destination.address",
        "correlation.timespan",
    )


# --- rules of others


def test_correlations_over_rules_of_other_log_sources_have_their_own_fields() -> None:
    text = together(
        "title: Failed\nname: failed\nlogsource: {product: windows}\n"
        "detection:\n  s: {EventID: 4625}\n  condition: s\n",
        "title: Many failed\ncorrelation:\n  type: event_count\n  rules: [failed]\n"
        "  group-by: [TargetUserName]\n  timespan: 10m\n  condition: {gte: 10}\n",
    )
    found = rules(text)
    assert (found.correlations[0].rule.level, found.correlations[0].correlation.group_by) == (
        "medium",
        ("TargetUserName",),
    )
    assert found.warnings == ()
