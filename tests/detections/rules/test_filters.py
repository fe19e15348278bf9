"""Sigma filters: put behind the rules that they are for."""

from pathlib import Path

import pytest

from tests.detections.rules.documents import (
    base,
    folder,
    folder_problems,
    matches,
    problems,
    rules,
    said,
)

LARGE = base("large", "token-transfer", "token.amount|gte: 1000")
OTHERS = "title: Foreign\nid: f0000000-0000-4000-8000-000000000001\nlogsource: {product: windows}\n"


def filter_(body: str, *, logsource: str = "product: tapewatch", number: int = 1) -> str:
    return (
        f"title: Filter {number}\nid: e0000000-0000-4000-8000-{number:012}\n"
        f"logsource: {{{logsource}}}\nfilter:\n  " + "\n  ".join(body.splitlines()) + "\n"
    )


CUSTODIAN = """\
rules: [large]
custodian: {investor.source.labels: custodian}
condition: not custodian"""


def transfer(label: str) -> dict[str, object]:
    return {
        "event.action": "token-transfer",
        "token.amount": 5000,
        "investor.source.labels": [label],
    }


def test_a_filter_stands_behind_the_condition_of_the_rule_that_it_names() -> None:
    found = rules(LARGE, filter_(CUSTODIAN))
    assert matches(found, transfer("investor"))
    assert not matches(found, transfer("custodian"))
    assert found.warnings == ()


@pytest.mark.parametrize(("line", "doubts"), [("rules: any\n", 0), ("rules: []\n", 1)])
def test_a_filter_for_no_rule_in_particular_is_for_all_of_its_log_source(
    line: str, doubts: int
) -> None:
    found = rules(LARGE, filter_(CUSTODIAN.replace("rules: [large]\n", line)))
    assert not matches(found, transfer("custodian"))
    assert len(found.warnings) == doubts


@pytest.mark.parametrize(
    ("line", "hint"), [("", None), ("rule: [large]\n", "rules"), ("Rules: any\n", "rules")]
)
def test_a_filter_that_does_not_say_for_which_rules_is_refused(line: str, hint: str | None) -> None:
    (problem,) = (
        one
        for one in problems(LARGE, filter_(CUSTODIAN.replace("rules: [large]\n", line)))
        if one.severity == "error"
    )
    assert (problem.message, problem.hint) == ('the key "rules" is missing', hint)


@pytest.mark.parametrize("key", ["prodcut", "Product", "services"])
def test_a_misspelt_key_of_a_log_source_makes_no_filter_for_others(key: str) -> None:
    (problem,) = (
        one
        for one in problems(LARGE, filter_(CUSTODIAN, logsource=f"{key}: tapewatch"))
        if one.severity == "error"
    )
    assert problem.message == f'the key "{key}" isn\'t known here'
    assert problem.hint in ("product", "service")


def test_a_filter_is_only_for_its_log_source() -> None:
    chain = LARGE.replace("product: tapewatch", "product: tapewatch, service: chain")
    everywhere = CUSTODIAN.replace("rules: [large]\n", "rules: any\n")
    for logsource, applies in (
        ("product: tapewatch", True),
        ("product: tapewatch, service: chain", True),
        ("product: tapewatch, service: venue", False),
    ):
        found = rules(chain, filter_(everywhere, logsource=logsource))
        assert matches(found, transfer("custodian")) is not applies


def test_several_filters_all_stand_behind_a_rule() -> None:
    second = CUSTODIAN.replace("custodian", "pool")
    found = rules(LARGE, filter_(CUSTODIAN), filter_(second, number=2))
    assert [matches(found, transfer(label)) for label in ("custodian", "pool", "x")] == [
        False,
        False,
        True,
    ]


def test_selections_of_a_filter_have_names_of_their_own() -> None:
    body = "rules: [large]\ns: {investor.source.labels: custodian}\ncondition: not 1 of them"
    found = rules(LARGE, filter_(body))  # the rule's own selection is called s as well
    assert matches(found, transfer("investor"))
    assert not matches(found, transfer("custodian"))


def test_a_filtered_rule_is_another_version_of_the_rule() -> None:
    (alone,) = rules(LARGE).sigma
    (filtered,) = rules(LARGE, filter_(CUSTODIAN)).sigma
    (otherwise,) = rules(LARGE, filter_(CUSTODIAN.replace(": custodian}", ": pool}"))).sigma
    assert alone.rule.id == filtered.rule.id
    assert len({alone.rule.hash, filtered.rule.hash, otherwise.rule.hash}) == 3


def test_a_filter_in_another_file_names_a_rule_by_id(tmp_path: Path) -> None:
    rule = LARGE.replace("name: large\n", "")
    identity = rule.split("\nid: ")[1].split("\n")[0].upper()
    found = folder(
        tmp_path,
        {"a.yml": filter_(CUSTODIAN.replace("[large]", identity)), "deep/b.yml": rule},
    )
    assert not matches(found, transfer("custodian"))


def test_filters_of_other_log_sources_have_their_own_fields() -> None:
    rule = OTHERS + "detection:\n  s: {Image: x}\n  condition: s\n"
    body = "rules: any\nadmin: {User|startswith: adm_}\ncondition: not admin"
    found = rules(rule, filter_(body, logsource="product: windows"))
    assert matches(found, {"Image": "x", "User": "joe"})
    assert not matches(found, {"Image": "x", "User": "adm_joe"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (CUSTODIAN.replace("[large]", "[larg]"),
         'error: there is no rule with the id or name "larg"'),
        (CUSTODIAN.replace(": custodian}", "|gtr: 5}"), 'error: "gtr" isn\'t a modifier'),
        (CUSTODIAN.replace("investor.source", "investor.sauce"),
         'error: no event has a field "investor.sauce.labels"'),
        (CUSTODIAN.replace("not custodian", "not custodans"),
         'error: no selection is called "custodans"'),
        (CUSTODIAN.replace("condition: not custodian", ""),
         'error: the key "condition" is missing'),
        (CUSTODIAN.replace("not custodian", "[not custodian, custodian]"),
         "error: a filter has one condition"),
        (CUSTODIAN.replace("not custodian", "custodian"),
         "warning: this filter keeps only events that match it, and leaves out all others"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_filter(body: str, message: str) -> None:
    assert message in said(LARGE, filter_(body))


def test_a_filter_that_applies_to_nothing_is_a_warning(tmp_path: Path) -> None:
    of_all = CUSTODIAN.replace("[large]", "any").replace("investor.source.labels", "user.roles")
    unused = filter_(of_all, logsource="product: linux")
    assert [p.message for p in folder_problems(tmp_path, {"a.yml": LARGE, "b.yml": unused})] == [
        "this filter applies to no rule"
    ]


def test_a_rule_that_can_t_match_behind_its_filter_is_a_warning() -> None:
    body = "rules: [large]\norder: {market.order.id|exists: false}\ncondition: not order"
    assert "warning: no event can match this" in said(LARGE, filter_(body))


def test_a_filter_that_names_a_rule_of_another_log_source_is_told(tmp_path: Path) -> None:
    text = said(LARGE, filter_(CUSTODIAN, logsource="product: tapewatch, service: venue"))
    assert (
        'warning: the rule "large" has another log source: the filter doesn\'t apply to it' in text
    )
