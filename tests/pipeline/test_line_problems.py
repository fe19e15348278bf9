"""Of many problems of one kind it is told how many, and none is left out of that."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.line_problems import MOST_TOLD, LineProblems
from pipeline.problems import Location, Problem


def problem(line: int, message: str, file: str = "orders.csv") -> Problem:
    return Problem(location=Location(file, line, 3), code="event/unreadable", message=message)


def told(problems: list[Problem]) -> list[Problem]:
    found: list[Problem] = []
    lines = LineProblems(found.append)
    for one in problems:
        lines.tell(one)
    lines.finish()
    return found


def test_few_are_told_as_they_are() -> None:
    problems = [problem(n, f"{n} cells under 15 columns") for n in range(MOST_TOLD)]
    assert told(problems) == problems


def test_many_are_told_by_their_number_and_the_last_of_them() -> None:
    problems = [problem(n, f"{n} cells under 15 columns") for n in range(MOST_TOLD + 1_234)]
    *first, more = told(problems)
    assert first == problems[:MOST_TOLD]
    assert str(more.location) == f"orders.csv:{MOST_TOLD + 1_233}:1"
    assert (
        more.message == "1,234 more lines are wrong so, up to this one: 1253 cells under 15 columns"
    )


def test_what_is_of_another_kind_or_file_is_told_all_the_same() -> None:
    many = [problem(n, f'side: "{n}" is none') for n in range(100)]
    other = problem(50, "price: is less than nothing")
    elsewhere = problem(1, 'side: "x" is none', "more.csv")
    found = told([*many, other, elsewhere])
    assert other in found
    assert elsewhere in found
    assert len(found) == MOST_TOLD + 3


def test_text_in_quotes_of_either_kind_makes_no_other_kind() -> None:
    letters = "abcdefghijklmnop"
    names = [a + b for a in letters for b in letters]
    for message in ("@timestamp isn't a time: '{}'; expected such as T", 'side: "{}" is none'):
        found = told([problem(n, message.format(name)) for n, name in enumerate(names)])
        assert len(found) == MOST_TOLD + 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=200))
def test_each_is_told_or_counted(which: list[tuple[str, int]]) -> None:
    problems = [problem(n, f"{letter} {digit}") for n, (letter, digit) in enumerate(which)]
    found = told(problems)
    counted = [int(one.message.split()[0]) for one in found if "more line" in one.message]
    assert len(found) - len(counted) + sum(counted) == len(problems)


def test_kinds_without_end_are_bounded() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [a + b + c for a in letters for b in letters for c in letters]
    found = told([problem(n, name) for n, name in enumerate(names)])
    assert len(found) == 1_000 + MOST_TOLD + 1
