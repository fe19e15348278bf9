"""Sigma correlations: every type, every key, and every mistake at its place."""

import pytest

from detections.rules.model import Comparison, Correlation, Junction, Negation, Reference
from pipeline.units import DAY, HOUR, MINUTE, SECOND
from tests.detections.rules.documents import (
    METADATA,
    base,
    correlation,
    part,
    problems,
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


# --- what is wrong


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        (COUNT.replace("mint_seen", "mint_sen"),
         'there is no rule with the id or name "mint_sen"', "mint_seen"),
        (COUNT.replace("mint_seen", "Base mint_seen"),
         'a rule is called by name or id, not by title: "Base mint_seen"', "mint_seen"),
        (COUNT.replace("mint_seen", "[mint_seen, mint_seen]"),
         'the rule "mint_seen" is named twice', None),
        (COUNT.replace("mint_seen", "[]"), "there are too few rules", None),
        (COUNT.replace("rules: mint_seen\n", ""), 'the key "rules" is missing', None),
        (COUNT.replace("rules:", "ruls:"), 'the key "ruls" isn\'t known here', "rules"),
        (COUNT.replace("event_count", "event_cuont"), '"event_cuont" isn\'t one of the choices',
         "event_count"),
        (COUNT.replace("5m", "5"), '"5": this number has no unit', None),
        (COUNT.replace("5m", "5 min"), '"5 min": "min" isn\'t a unit of a duration', "5m"),
        (COUNT.replace("5m", "0s"), '"0s": the timespan must be longer than nothing', None),
        (COUNT.replace("5m", "200y"), '"200y": this is longer than 10 years', None),
        (COUNT.replace("{gte: 3}", "{gt: 200, lte: 100}"),
         "this can't be: the number of events, from 1 to 10,000, is never greater than 200 and "
         "at most 100", None),
        (COUNT.replace("{gte: 3}", "{eq: 2.5}"),
         "this can't be: the number of events, from 1 to 10,000, is never equal to 2.5", None),
        (COUNT.replace("{gte: 3}", "{lt: 1}"),
         "this can't be: the number of events, from 1 to 10,000, is never less than 1", None),
        (COUNT.replace("{gte: 3}", "{gte: 10001}"),
         "a group keeps its newest 10,000 events, so no count goes beyond", None),
        (COUNT.replace("{gte: 3}", "{gte: '3'}"), "only a number can be a threshold", "3"),
        (COUNT.replace("{gte: 3}", "{gte: .inf}"), "a threshold must be finite", None),
        (COUNT.replace("{gte: 3}", "{}"), "there is no number to compare with", None),
        (COUNT.replace("{gte: 3}", "{gte: 3, feild: a}"),
         'the key "feild" isn\'t known in a condition', "field"),
        (COUNT.replace("{gte: 3}", "{gte: 3, field: token.amount}"),
         "a correlation of the type event_count has no field", None),
        (COUNT.replace("{gte: 3}", "{gte: 3, percentile: 5}"),
         "a correlation of the type event_count has no percentile", None),
        (COUNT.replace("{gte: 3}", "mint_seen"), "only temporal types have a condition in words",
         None),
        (COUNT.replace("condition: {gte: 3}", ""), 'the key "condition" is missing', None),
        (COUNT + "\ngroup-by: [token.adress]", 'no event has a field "token.adress"',
         "token.address"),
        (COUNT + "\ngroup-by: [token.address, token.address]",
         '"token.address" is named twice', None),
        (COUNT + "\ngroup-by: market.order.id",
         "no event that mint_seen matches has a field market.order.id", None),
        (COUNT.replace("event_count", "value_count"), 'the key "field" is missing', None),
        ("type: value_sum\nrules: mint_seen\ntimespan: 5m\n"
         "condition: {field: token.symbol, gt: 1}",
         "token.symbol holds no number, and value_sum needs numbers", None),
        ("type: value_sum\nrules: mint_seen\ntimespan: 5m\n"
         "condition: {field: [token.amount, token.amount_raw], gt: 1}",
         "this must be one field", None),
        ("type: value_percentile\nrules: mint_seen\ntimespan: 5m\n"
         "condition: {field: token.amount, gt: 1}",
         'the key "percentile" is missing', None),
        ("type: value_percentile\nrules: mint_seen\ntimespan: 5m\n"
         "condition: {field: token.amount, gt: 1, percentile: 101}",
         "101 is out of range", None),
        ("type: temporal\nrules: [mint_seen, trade_seen]\ntimespan: 5m\ncondition: {gte: 3}",
         "this can't be: the number of rules, from 1 to 2, is never at least 3", None),
        ("type: temporal_ordered\nrules: [mint_seen]\ntimespan: 5m", "there are too few rules",
         None),
        ("type: temporal\nrules: [mint_seen, trade_seen]\ntimespan: 5m\n"
         "condition: mint_seen and trad_seen",
         'the rule "trad_seen" isn\'t in the list of rules', "trade_seen"),
        ("type: temporal\ntimespan: 5m\ncondition: mint_seen and trad_seen",
         'there is no rule with the id or name "trad_seen"', "trade_seen"),
        ("type: temporal\ntimespan: 5m\ncondition: mint_seen and (trade_seen",
         "this bracket isn't closed", None),
        ("type: temporal\ntimespan: 5m\ncondition: mint_seen and",
         "a rule's name is missing here", None),
        ("type: temporal_ordered\ntimespan: 5m\ncondition: mint_seen and not trade_seen",
         "what doesn't happen has no place in an order", None),
        ("type: absence\nrules: [mint_seen]\ntimespan: 5m\ncondition: {gte: 1}",
         "an absence has no condition: it is that nothing comes within the timespan", None),
        ("type: absence\nrules: [mint_seen, trade_seen, freeze_seen]\ntimespan: 5m",
         "absence is about one rule, or about a second one that doesn't follow the first", None),
        (COUNT + "\ngroup-by: [who]\naliases: {who: {mint_sen: token.address}}",
         'the correlation doesn\'t refer to a rule "mint_sen"', "mint_seen"),
        (COUNT + "\ngroup-by: [who]\naliases: {who: {mint_seen: market.order.id}}",
         'no event that mint_seen matches has a field "market.order.id"', None),
        (COUNT + "\ngroup-by: [who]\naliases: {who: token.address}",
         "an alias says which field it is for each rule", None),
    ],
)  # fmt: skip
def test_a_mistake_in_a_correlation(body: str, message: str, hint: str | None) -> None:
    problem = the_problem(MINT, TRADE, FREEZE, correlation(body))
    assert (problem.message, problem.hint) == (message, hint)
    assert problem.location.line > 20
    assert problem.context is not None


def test_what_never_happens_is_the_type_absence() -> None:
    problem = the_problem(MINT, counting("condition: {lt: 1}"))
    assert problem.advice == "that something doesn't happen is the type absence"


def test_a_boolean_condition_names_every_rule_of_the_list() -> None:
    body = (
        "type: temporal\nrules: [mint_seen, trade_seen, freeze_seen]\ntimespan: 5m\n"
        "condition: mint_seen and trade_seen"
    )
    problem = the_problem(MINT, TRADE, FREEZE, correlation(body))
    assert problem.message == 'the condition doesn\'t name the rule "freeze_seen"'


def test_a_correlator_or_a_filter_can_t_be_correlated() -> None:
    correlator = (
        f"title: Spoofing\nname: spoof\nid: a0000000-0000-4000-8000-000000000001\n{METADATA}"
        "correlator: spoofing\n"
    )
    problem = the_problem(correlator, correlation(COUNT.replace("mint_seen", "spoof")))
    assert problem.message == ('"spoof" is a correlator rule, which can\'t be correlated further')


def test_correlations_that_refer_to_each_other_are_a_circle() -> None:
    one = correlation("type: temporal\nrules: [two]\ntimespan: 1h", number=1)
    two = correlation("type: temporal\nrules: [three, mint_seen]\ntimespan: 1h", number=2)
    three = correlation("type: temporal\nrules: [one]\ntimespan: 1h", number=3)
    named = [
        text.replace("title:", f"name: {name}\ntitle:")
        for text, name in ((one, "one"), (two, "two"), (three, "three"))
    ]
    problem = the_problem(MINT, *named)
    assert problem.message.startswith("these correlations refer to each other in a circle: ")
    assert "one -> two -> three" in f"{problem.message} -> {problem.message.split(': ')[1]}"


def test_a_correlation_can_t_refer_to_itself() -> None:
    own = correlation("type: temporal\nrules: [own]\ntimespan: 1h")
    problem = the_problem(own.replace("title:", "name: own\ntitle:"))
    assert problem.message == ("these correlations refer to each other in a circle: own -> own")


def test_a_chain_has_an_end() -> None:
    below, documents = "mint_seen", [MINT]
    for number in range(1, 18):
        body = f"type: temporal\nrules: [{below}]\ntimespan: 1h"
        below = f"level_{number}"
        documents.append(correlation(body, number=number) + f"name: {below}\n")
    assert problems(*documents[:-1]) == []
    assert the_problem(*documents).message == (
        "correlations stand on one another more than 16 deep here"
    )


def test_two_rules_can_t_have_one_name() -> None:
    second = part("mint_seen", "trade")
    problem = the_problem(part("mint_seen"), second, correlation(COUNT))
    assert problem.message == 'another rule has the name "mint_seen"'
    assert problem.related[0].line == 2


# --- what is doubtful


def test_a_rule_without_the_field_of_a_group_doesn_t_count() -> None:
    body = "type: temporal\nrules: [mint_seen, trade_seen]\ntimespan: 5m\ngroup-by: source.address"
    problem = the_problem(MINT, TRADE, correlation(body), severity="warning")
    assert problem.message == (
        "no event that trade_seen matches has a field source.address: it doesn't count"
    )


def test_an_alias_that_isn_t_used_or_says_nothing_for_a_rule() -> None:
    body = """
        type: temporal
        rules: [mint_seen, trade_seen]
        timespan: 5m
        group-by: wallet
        aliases:
          wallet: {mint_seen: source.address}
          other: {mint_seen: source.address}
    """
    assert [p.message for p in problems(MINT, TRADE, correlation(body))] == [
        'the alias "wallet" says no field for trade_seen: it doesn\'t count',
        'the alias "other" isn\'t used in group-by',
    ]


def test_a_condition_that_always_holds() -> None:
    problem = the_problem(MINT, counting("condition: {gte: 1}"), severity="warning")
    assert problem.message == "the number of events is always at least 1: any event will do"


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


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("correlation.cuont", 'neither the correlation nor an event has "correlation.cuont"',
         "correlation.count"),
        ("wallte", 'neither the correlation nor an event has "wallte"', "wallet"),
        ("correlation.value", "a correlation of the type event_count has no value",
         "correlation.count"),
    ],
)  # fmt: skip
def test_a_mistake_in_its_sentence(name: str, message: str, hint: str) -> None:
    body = COUNT + "\ngroup-by: wallet\naliases: {wallet: {mint_seen: destination.address}}"
    text = correlation(body, extra=f'reason: "about {{{name}}}"\n')
    problem = the_problem(MINT, text)
    assert (problem.message, problem.hint) == (message, hint)


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


def test_a_correlation_of_others_whose_rules_aren_t_there_is_told_only_that() -> None:
    text = (
        "title: Many failed\ncorrelation:\n  type: event_count\n  rules: [failed]\n"
        "  group-by: [TargetUserName]\n  timespan: 10m\n  condition: {gte: 10}\n"
    )
    assert the_problem(text).message == 'there is no rule with the id or name "failed"'


# --- how it reads


def test_how_mistakes_in_a_correlation_read() -> None:
    body = """
        type: temporal
        rules: [mint_sen, trade_seen]
        timespan: 5 minutes
        group-by: [token.adress]
        condition: mint_sen and trade_seen
    """
    assert said(MINT, TRADE, correlation(body)) == GOLDEN


GOLDEN = """\
rule.yml:48:11: error: there is no rule with the id or name "mint_sen"
  48 |   rules: [mint_sen, trade_seen]
     |           ^^^^^^^^
    did you mean mint_seen?

rule.yml:49:13: error: "5 minutes": "minutes" isn't a unit of a duration
  49 |   timespan: 5 minutes
     |             ^^^^^^^^^
    expected a time such as 30s, 90m, 12h, 7d, 1M (a month) or 1h30m, up to 10y
    did you mean 5m?

rule.yml:50:14: error: no event has a field "token.adress"
  50 |   group-by: [token.adress]
     |              ^^^^^^^^^^^^
    did you mean token.address?"""
