"""Who is meant by a name: roles and duties rest on it."""

import pytest

from evidence.cases.people import People
from pipeline.config.cases import CasePerson
from tests.evidence.cases.examples import Worked

PEOPLE = People(
    [
        CasePerson(user="jane@desk.example", roles=["supervisor"], also=["Jane Doe"]),
        CasePerson(user="jane@sales.example", also=["J. Smith <smith@sales.example>"]),
    ]
)


@pytest.mark.parametrize(
    ("called", "user"),
    [
        ("jane@desk.example", "jane@desk.example"),
        ("JANE@sales.example", "jane@sales.example"),
        ("Jane Doe", "jane@desk.example"),
        ("smith", "jane@sales.example"),
        # Of whom we can't say who it is, we don't say that it is one of them.
        ("smith@elsewhere.example", "smith@elsewhere.example"),
        ("jane", "jane"),
        ("jane@elsewhere.example", "jane@elsewhere.example"),
        ("", ""),
    ],
)
def test_a_name_is_of_one_person_or_of_nobody(called: str, user: str) -> None:
    assert PEOPLE.user(called) == user


def test_a_namesake_from_elsewhere_has_no_role() -> None:
    case = Worked("high", authors=()).case
    assert PEOPLE.refusal("jane@desk.example", "closed", case) is None
    assert PEOPLE.refusal("jane@sales.example", "closed", case) == (
        "jane@sales.example is no supervisor, and only they can do that"
    )
    for stranger in ("jane", "jane@elsewhere.example", "smith@elsewhere.example"):
        assert PEOPLE.refusal(stranger, "closed", case) == f"{stranger} is none of cases.people"


def test_as_the_author_of_a_rule_everybody_counts_who_may_be_meant() -> None:
    assert PEOPLE.known_as(["Jane <jane@git.example>"]) == (
        "Jane <jane@git.example>", "jane@desk.example", "jane@sales.example",
    )  # fmt: skip
