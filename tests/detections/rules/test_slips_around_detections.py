"""Slips around what a rule detects: names of files, ids, sentences, whom it leaves out."""

from pathlib import Path

import pytest

from tests.detections.rules.documents import (
    folder,
    folder_problems,
    problems,
    the_problem,
)
from tests.detections.rules.test_slips import place, rule


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("my.exception.yml", "exceptions: []\n", "my.exceptions.yml"),
        ("my.yml", "exceptions: []\n", "my.exceptions.yml"),
        ("my.list.yml", "lists: {}\n", "my.lists.yml"),
        ("my.tests.yml", "tests: []\n", "my.test.yml"),
        ("my_test.yml", "tests: []\n", "my.test.yml"),
        ("my-lists.yml", "lists: {}\n", "my.lists.yml"),
    ],
)
def test_a_file_of_something_else_has_another_name(
    tmp_path: Path, name: str, text: str, right: str
) -> None:
    (found,) = folder_problems(tmp_path, {name: text})
    assert found.hint is None
    assert str(found.advice).endswith(f"is called {right}")


def test_an_ending_in_capitals_is_an_ending(tmp_path: Path) -> None:
    (found,) = folder(tmp_path, {"R.YML": rule()}).rules
    assert found.title == "A rule"


def test_a_sentence_with_a_field_that_none_of_its_events_has() -> None:
    text = rule() + 'reason: "{market.trade.id} and {token.symbol}"\n'
    found = the_problem(text, severity="warning")
    assert place(found) == (18, 11)
    assert found.message == (
        'no event that this rule matches has a field market.trade.id: it is always "unknown"'
    )
    text = rule() + 'reason: "{token.symbol}[ in {market.trade.id}]"\n'
    assert the_problem(text, severity="warning").message == (
        "no event that this rule matches has a field market.trade.id: its brackets are always "
        "left out"
    )


@pytest.mark.parametrize(
    ("item", "value", "message", "hint"),
    [
        (
            "labels",
            "market maker",
            'investor.source.labels is never "market maker"',
            "market_maker",
        ),
        ("jurisdiction", "Norway", 'investor.source.jurisdiction is never "Norway"', None),
        (
            "accreditation",
            "acredited",
            'investor.source.accreditation is never "acredited"',
            "accredited",
        ),
        (
            "labels",
            "marketmaker",
            '"marketmaker" is none of the usual labels; it is taken as one of yours',
            "market_maker",
        ),
        (
            "labels",
            "custodain",
            '"custodain" is none of the usual labels; it is taken as one of yours',
            "custodian",
        ),
    ],
)
def test_what_no_party_is_would_leave_nobody_out(
    item: str, value: str, message: str, hint: str | None
) -> None:
    problem = the_problem(rule(f"investor.source.{item}: [{value}]"), severity="warning")
    assert (problem.message, problem.hint) == (message, hint)
    assert place(problem)[0] == 16


@pytest.mark.parametrize(
    "item",
    [
        "labels: [Market_Maker, custodian, agents, vip, 'kyc:expired', 'risk:*', 'market ?aker']",
        "labels|contains: 'market maker'",
        "jurisdiction: [NO, no, GB]",
        "accreditation: Retail",
    ],
)
def test_what_a_party_can_be_is_not_complained_of(item: str) -> None:
    assert problems(rule(f"investor.source.{item}")) == []


def test_an_id_that_is_a_number_is_told_once() -> None:
    text = rule("token.symbol: A")
    number = text.replace(text.split("id: ")[1].split("\n")[0], "4444")
    assert the_problem(number).message == "this isn't a UUID"


def test_a_field_in_a_field_is_written_with_a_dot() -> None:
    problem = the_problem(rule("token: {symbol: A}"))
    assert problem.message == "this can't stand here"
    assert problem.advice == "a field in a field is written with a dot: token.symbol"


def test_a_misspelt_detection_is_told_at_its_key() -> None:
    problem = the_problem(rule("token.symbol: A").replace("detection:", "detektion:"))
    assert (place(problem), problem.hint) == ((13, 1), "detection")
