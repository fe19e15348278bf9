"""What is asked for again and again is made once, within a bound."""

import pytest

from pipeline.remembered import Remembered


def test_an_answer_is_made_once() -> None:
    asked: list[str] = []

    def answer(text: str) -> int:
        asked.append(text)
        return int(text)

    known = Remembered(answer, 10)
    assert [known["1"], known["2"], known["1"]] == [1, 2, 1]
    assert asked == ["1", "2"]


def test_no_more_are_kept_than_allowed() -> None:
    known = Remembered[int, int](lambda number: -number, 3)
    for number in range(10):
        assert known[number] == -number
        assert len(known) <= 3


def test_what_has_no_answer_is_not_kept_and_costs_no_other() -> None:
    known = Remembered[str, int](int, 1)
    assert known["1"] == 1
    for _ in range(2):
        with pytest.raises(ValueError, match="nothing"):
            known["nothing"]
    assert dict(known) == {"1": 1}
