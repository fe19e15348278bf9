"""How problems are shown."""

import json

import pytest

from pipeline.problems import (
    Excerpt,
    Location,
    Problem,
    ProblemsFound,
    did_you_mean,
    excerpt,
    in_file_order,
    one_of,
    render,
    shown,
    summary,
    to_json,
)


def _problem(line: int = 3, **more: object) -> Problem:
    fields: dict[str, object] = {
        "location": Location("pipeline.yaml", line, 5),
        "code": "config/unknown-key",
        "message": 'the key "widnow" isn\'t known here',
        **more,
    }
    return Problem(**fields)  # pyright: ignore[reportArgumentType]


def test_a_problem_shows_place_line_expectation_and_what_was_meant() -> None:
    problem = _problem(
        path="rules[0].widnow",
        expected="window or threshold",
        hint="window",
        advice="see the docs",
        context=Excerpt("    widnow: 5s", 4, 6),
        related=(Location("pipeline.yaml", 1, 1),),
    )
    assert render([problem]) == (
        'pipeline.yaml:3:5: error: the key "widnow" isn\'t known here (rules[0].widnow)\n'
        "  3 |     widnow: 5s\n"
        "    |     ^^^^^^\n"
        "    see also pipeline.yaml:1:1\n"
        "    expected window or threshold\n"
        "    did you mean window?\n"
        "    see the docs"
    )


def test_a_problem_of_a_whole_file_has_no_line() -> None:
    problem = Problem(location=Location("a.yaml", 0, 0), code="x/y", message="it is gone")
    assert render([problem]) == "a.yaml: error: it is gone"


def test_problems_come_in_the_order_of_the_file_and_once_each() -> None:
    text = render([_problem(7), _problem(2), _problem(7)])
    assert [line.split(":")[1] for line in text.splitlines() if "error" in line] == ["2", "7"]


def test_too_many_problems_are_counted_not_shown() -> None:
    text = render([_problem(n) for n in range(1, 131)], most=100)
    assert text.count("error") == 100
    assert text.endswith("... and 30 more")


def test_the_mark_stands_under_its_text_after_tabs_and_wide_characters() -> None:
    problem = _problem(context=Excerpt("\t名前: x", 5, 1))
    assert render([problem]).splitlines()[-1] == "    | \t      ^"


def test_json_has_all_fields_for_editors() -> None:
    [row] = json.loads(to_json([_problem(hint="window", context=Excerpt("widnow: 1", 0, 6))]))
    assert row["location"] == {"file": "pipeline.yaml", "line": 3, "column": 5}
    assert row["code"] == "config/unknown-key"
    assert row["hint"] == "window"
    assert row["context"] == {"text": "widnow: 1", "start": 0, "length": 6}


def test_the_exception_carries_and_shows_all_problems() -> None:
    error = ProblemsFound([_problem(1), _problem(2, severity="warning")])
    assert len(error.problems) == 2
    assert str(error) == render(error.problems)
    assert summary(error.problems) == "1 error, 1 warning"
    assert summary([]) == "no problems"


def test_did_you_mean_takes_no_word_for_another_only_since_they_begin_alike() -> None:
    keys = ["minimum_trades", "minimum_gross", "investor.destination.cluster", "token.id"]
    assert did_you_mean("minimum_gros", keys) == "minimum_gross"
    assert did_you_mean("min_trades", keys) == "minimum_trades"
    assert did_you_mean("last_price", ["price", "last_px"]) == "last_px"
    assert did_you_mean("minimum_value", keys) is None
    assert did_you_mean("token.decimals", keys) is None
    assert did_you_mean("investor.destination.country", keys) is None


def test_did_you_mean_finds_slips_case_and_dashes() -> None:
    keys = ["max_size", "window", "threshold"]
    assert did_you_mean("widnow", keys) == "window"
    assert did_you_mean("max-size", keys) == "max_size"
    assert did_you_mean("Threshold", keys) == "threshold"
    assert did_you_mean("colour", keys) is None
    assert did_you_mean("", keys) is None
    assert did_you_mean("x" * 100_000, keys) is None


def test_choices_are_listed_as_in_a_sentence() -> None:
    assert one_of(["a"]) == "a"
    assert one_of(["a", "b", "c"]) == "a, b or c"
    assert one_of([str(n) for n in range(20)]).endswith("11 or 8 more")


def test_quoted_text_shows_what_is_invisible() -> None:
    assert shown("a\u202eb\x1b[31m\n\u00a0") == '"a\\u202eb\\u001b[31m\\n\\u00a0"'
    assert shown("x" * 100) == '"' + "x" * 59 + '…"'


def test_a_long_line_is_cut_around_its_place() -> None:
    cut = excerpt("a" * 5_000 + "HERE" + "b" * 5_000, 5_001, 4)
    assert cut.text[cut.start : cut.start + cut.length] == "HERE"
    assert len(cut.text) == 120
    assert cut.text[0] == cut.text[-1] == "…"


def test_no_control_character_reaches_the_terminal() -> None:
    assert "\x1b" not in excerpt("a: \x1b[2J", 4).text


@pytest.mark.parametrize("first", ["yaml/tag", "yaml/unknown-alias", "config/wrong-type"])
def test_what_follows_from_a_value_that_can_not_be_read_is_not_told(first: str) -> None:
    unreadable = _problem(code=first, message="can't be read")
    consequences = [
        _problem(code="rule/correlator", message='there is no correlator ""'),
        _problem(code="config/unknown-key"),
    ]
    elsewhere = _problem(4)
    missing = _problem(code="config/missing-key", message="name is missing")
    doubt = _problem(code="yaml/look-alike", message="a look-alike", severity="warning")
    found = ProblemsFound([*consequences, elsewhere, unreadable, missing, doubt])
    assert set(found.problems) == {unreadable, missing, doubt, elsewhere}
    assert summary(found.problems) == "3 errors, 1 warning"


def test_that_nothing_stands_there_is_told_where_nothing_else_is_wrong() -> None:
    nothing = _problem(code="config/nothing", severity="warning")
    other = _problem(code="rule/correlation-condition")
    assert in_file_order([nothing, other]) == [other]
    assert in_file_order([nothing]) == [nothing]
