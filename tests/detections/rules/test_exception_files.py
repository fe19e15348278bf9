"""Exceptions: who or what a rule leaves alone, until when, and who answers for it."""

import datetime
from pathlib import Path

import pytest

from pipeline.problems import render
from tests.detections.rules.documents import base, correlation, folder, folder_problems, part

LARGE = base("large", "token-transfer", "token.amount|gte: 1000")
GOOD = """\
exceptions:
  - rules: [large]
    entities: [INV-0001, "0xABC"]
    when: {investor.source.labels: custodian}
    owner: jane@example.com
    reason: Omnibus account of the custodian, agreed on 2026-10-01
    expires: 2027-01-31
"""
DAY = 86_400_000_000_000


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_an_exception_has_rules_an_extent_an_owner_a_reason_and_an_end(tmp_path: Path) -> None:
    found = folder(tmp_path, {"r.yml": LARGE, "deep/ours.exceptions.yml": GOOD})
    (one,) = found.exceptions
    assert one.rules == (found.sigma[0].rule.id,)
    assert one.entities == {"inv-0001", "0xabc"}
    assert len(one.conditions) == 1
    assert one.owner == "jane@example.com"
    assert one.reason.startswith("Omnibus account")
    assert datetime.date(1970, 1, 1) + datetime.timedelta(one.expires / DAY) == datetime.date(
        2027, 1, 31
    )
    assert one.location.line == 2
    assert found.warnings == ()


def test_its_id_is_its_own_or_made_of_its_content(tmp_path: Path) -> None:
    def id_of(text: str) -> str:
        (one,) = folder(tmp_path, {"r.yml": LARGE, "x.exceptions.yml": text}).exceptions
        return one.id

    assert id_of(GOOD) == id_of(GOOD.replace("jane@example.com", '"jane@example.com"'))
    assert id_of(GOOD) != id_of(GOOD.replace("jane", "joe"))
    assert id_of(GOOD.replace("- rules", "- id: omnibus\n    rules")) == "omnibus"


def test_it_may_be_for_correlations_and_correlator_rules(tmp_path: Path) -> None:
    many = correlation(
        "type: event_count\nrules: [mint_seen]\ntimespan: 1h\ncondition: {gte: 3}"
    ).replace("title:", "name: many\ntitle:")
    spoofing = (
        "title: Spoofing\nname: spoof\nid: a0000000-0000-4000-8000-000000000001\n"
        + correlation("").split("\n", 2)[2].split("correlation:")[0]
        + "correlator: spoofing\n"
    )
    files = {
        "a.yml": part("mint_seen") + "---\n" + many,
        "b.yml": spoofing,
        "x.exceptions.yml": changed("[large]", "[many, spoof]").replace(
            "    when: {investor.source.labels: custodian}\n", ""
        ),
    }
    (one,) = folder(tmp_path, files).exceptions
    assert len(one.rules) == 2


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("[large]", "[larg]", 'there is no rule with the id or name "larg"', "large"),
        ("[large]", "[]", None, None),
        ("    owner: jane@example.com\n", "", '"owner" is missing here', None),
        ("    reason: Omnibus account of the custodian, agreed on 2026-10-01\n", "",
         '"reason" is missing here', None),
        ("    expires: 2027-01-31\n", "", '"expires" is missing here', None),
        ("2027-01-31", "2027-02-31", "there is no such day", None),
        ("2027-01-31", "never", None, None),
        ("owner:", "ownr:", 'the key "ownr" isn\'t known here', "owner"),
        ("investor.source.labels", "investor.source.lables",
         'no event has a field "investor.source.lables"', "investor.source.labels"),
        ("investor.source.labels: custodian", "token.amount: many", None, None),
        ("{investor.source.labels: custodian}", "custodian", "this isn't a selection", None),
        ("{investor.source.labels: custodian}", "{}", 'the selection "when" is empty', None),
        ('    entities: [INV-0001, "0xABC"]\n    when: {investor.source.labels: custodian}\n', "",
         "this exception would cover every alert of its rules", None),
        ("entities: [INV-0001, \"0xABC\"]", "entities: []", None, None),
        ("exceptions:", "exeptions:", None, "exceptions"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_exception(
    tmp_path: Path, old: str, new: str, message: str | None, hint: str | None
) -> None:
    files = {"r.yml": LARGE, "x.exceptions.yml": changed(old, new)}
    (problem,) = folder_problems(tmp_path, files)
    assert problem.severity == "error"
    assert message is None or problem.message == message
    assert problem.hint == hint
    assert problem.location.file.endswith("x.exceptions.yml")


def test_two_exceptions_can_t_be_the_same(tmp_path: Path) -> None:
    files = {"r.yml": LARGE, "a.exceptions.yml": GOOD, "b.exceptions.yml": GOOD}
    (problem,) = folder_problems(tmp_path, files)
    assert problem.message == "another exception is the same as this"


def test_an_exception_for_a_rule_that_alerts_nobody_is_a_warning(tmp_path: Path) -> None:
    counting = correlation("type: event_count\nrules: [large]\ntimespan: 1h\ncondition: {gte: 3}")
    files = {"r.yml": LARGE + "---\n" + counting, "x.exceptions.yml": GOOD}
    (problem,) = folder_problems(tmp_path, files)
    assert problem.severity == "warning"
    assert problem.message == 'the rule "large" only feeds correlations, and alerts nobody'


def test_an_exception_that_can_t_cover_anything_is_a_warning(tmp_path: Path) -> None:
    text = changed("investor.source.labels: custodian", "market.order.id: x")
    (problem,) = folder_problems(tmp_path, {"r.yml": LARGE, "x.exceptions.yml": text})
    assert problem.severity == "warning"
    assert problem.message == "no event that these rules match fulfils this: it covers nothing"


@pytest.mark.parametrize(
    ("entity", "message"),
    [
        ("INV-*", "an entity is named whole: this is one with a star in it"),
        ("INV-1, INV-2", "this is one text, which no event has: several values are a list"),
        (f"0x{'a' * 39}", "this is no whole address"),
    ],
)
def test_an_entity_that_nobody_is_is_a_warning(tmp_path: Path, entity: str, message: str) -> None:
    text = changed('[INV-0001, "0xABC"]', f"['{entity}', Acme & Co, acct-1]")
    (problem,) = folder_problems(tmp_path, {"r.yml": LARGE, "x.exceptions.yml": text})
    assert (problem.severity, problem.message) == ("warning", message)
    assert problem.location.line == 3


def test_one_that_would_hold_for_ever_is_a_warning(tmp_path: Path) -> None:
    today = datetime.date(2026, 11, 28)
    for year, warned in (("2036", False), ("2062", True), ("9999", True)):
        files = {"r.yml": LARGE, "x.exceptions.yml": changed("2027-01-31", f"{year}-01-31")}
        found = [one.message for one in folder_problems(tmp_path, files, today=today)]
        assert found == (["this exception would hold for more than ten years"] if warned else [])


@pytest.mark.parametrize(
    ("today", "expired"),
    [("2027-01-30", False), ("2027-01-31", True), ("2028-01-01", True)],
)
def test_one_past_its_date_is_a_warning(tmp_path: Path, today: str, expired: bool) -> None:
    found = folder_problems(
        tmp_path,
        {"r.yml": LARGE, "x.exceptions.yml": GOOD},
        today=datetime.date.fromisoformat(today),
    )
    assert bool(found) is expired
    if expired:
        assert render(found).split("warning: ")[1] == (
            "this exception has expired, and covers nothing since 2027-01-31\n"
            "  7 |     expires: 2027-01-31\n"
            "    |              ^^^^^^^^^^\n"
            '    remove it, or ask "jane@example.com" for a new date'
        )


def test_tests_of_exceptions_are_no_rules(tmp_path: Path) -> None:
    files = {"r.yml": LARGE, "x.exceptions.yml": GOOD, "x.exceptions.test.yml": "tests: []"}
    assert len(folder(tmp_path, files).exceptions) == 1


def test_exceptions_in_a_rule_file_are_told_where_they_belong(tmp_path: Path) -> None:
    (problem,) = folder_problems(tmp_path, {"r.yml": LARGE, "mine.yml": GOOD})
    assert problem.advice == "a file of exceptions is called mine.exceptions.yml"


@pytest.mark.parametrize("value", ["''", "'  '", "null", "true", "[]"])
def test_what_is_no_rule_is_refused_once(tmp_path: Path, value: str) -> None:
    text = changed("[large]", f"[large, {value}]")
    (problem,) = folder_problems(tmp_path, {"r.yml": LARGE, "x.exceptions.yml": text})
    assert (problem.location.line, problem.severity) == (2, "error")


def test_entities_that_are_left_empty_are_doubtful(tmp_path: Path) -> None:
    text = changed(' [INV-0001, "0xABC"]', "")
    (warning,) = folder(tmp_path, {"r.yml": LARGE, "x.exceptions.yml": text}).warnings
    assert (warning.code, warning.location.line) == ("config/nothing", 3)
