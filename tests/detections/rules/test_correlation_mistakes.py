"""Mistakes in Sigma correlations: each at its place, and how it reads."""

import pytest

from tests.detections.rules.documents import (
    METADATA,
    correlation,
    part,
    problems,
    said,
    the_problem,
)
from tests.detections.rules.test_correlations import COUNT, FREEZE, MINT, TRADE, counting

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
        ("type: temporal\ntimespan: 5m\ncondition: mint_seen AND trade_seen",
         '"and" or "or" is missing before this', "and"),
        ("type: temporal\ntimespan: 5m\ncondition: mint_seen && trade_seen",
         '"and" or "or" is missing before this', "and"),
        ("type: temporal\ntimespan: 5m\ncondition: mint_seen and NOT trade_seen",
         'no rule is called "NOT"', "not"),
        ("type: temporal\nrules: [mint_seen, trade_seen]\ntimespan: 5m\n"
         "condition: mint_seen and !trade_seen",
         'no rule is called "!trade_seen"', "not trade_seen"),
        ("type: temporal\ntimespan: 5m\ncondition: mint_seen and !trade_seen",
         'no rule is called "!trade_seen"', "not trade_seen"),
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
