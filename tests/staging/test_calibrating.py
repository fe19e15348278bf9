"""A calibration in a rule's file: written or replaced, and nothing else in it changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.proportions import wilson
from detections.rules.calibration import Calibration
from detections.staging.calibrating import CannotCalibrate, calibrated, with_verdicts
from detections.staging.sureness import Sureness
from pipeline.yaml_source import parse_bytes

NEW = Calibration(judged=24, right=9, said=0.82)
BLOCK = """\
calibration:  # by `tapewatch rules calibrate`: remove it where the rule changes
  judged: 24
  right: 9
  said: 0.82
"""
PLAIN = """\
# A rule that is loved
title:   A rule   # with odd blanks
id: x
level: medium  # for now
detection:
  s: {a: 1}
"""
WITH = PLAIN.replace("# for now\n", "# for now\n" + BLOCK)


def after(text: str, document: int = 0) -> str:
    return calibrated(text.encode(), document, "rule.yml", NEW).after.decode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_it_stands_behind_the_level_and_the_rest_stays(end: str) -> None:
    assert after(PLAIN.replace("\n", end)) == WITH.replace("\n", end)


def test_an_older_one_is_replaced() -> None:
    older = WITH.replace("judged: 24\n", "judged: 11 # once\n").replace("said: 0.82", "said: 0.9")
    assert after(older) == WITH


def test_one_on_a_single_line_is_replaced() -> None:
    older = PLAIN.replace(
        "# for now\n", "# for now\ncalibration: {judged: 1, right: 1, said: 0.5}\n"
    )
    assert after(older) == WITH


def test_as_the_last_line_without_an_end() -> None:
    assert after("title: x\nlevel: low") == "title: x\nlevel: low\n" + BLOCK


def test_of_several_documents_only_the_one_that_is_meant() -> None:
    one, two, three = (f"title: {name}\nlevel: low\n" for name in "abc")
    assert after(f"{one}---\n{two}---\n{three}", 1) == f"{one}---\n{two}{BLOCK}---\n{three}"


@pytest.mark.parametrize(
    "text",
    ["{title: x, level: low}\n", "{title: x,\nlevel: low,\nid: y}\n"],
)
def test_what_is_not_laid_out_in_lines_is_to_be_done_by_hand(text: str) -> None:
    with pytest.raises(CannotCalibrate, match=r"by hand: calibration: \{judged: 24, right: 9"):
        after(text)


@given(
    keys=st.permutations(["title: x", "level: low", "staged: true", "note: >\n  long\n  text"]),
    documents=st.integers(1, 3),
)
def test_it_can_be_read_and_written_again(keys: list[str], documents: int) -> None:
    text = "---\n".join(["\n".join(keys) + "\n"] * documents)
    for document in range(documents):
        once = after(text, document)
        assert after(once, document) == once
        assert len(parse_bytes(once.encode(), name="r.yml").documents) == documents


def found(judged: int, right: int, said: float) -> Sureness:
    return Sureness(
        judged=judged,
        right=right,
        share=wilson(right, judged),
        confidence=0.5,
        uncalibrated=said,
        verdict="",
    )


def test_new_verdicts_are_added_to_those_of_the_file() -> None:
    assert with_verdicts(None, found(10, 4, 0.8)) == Calibration(judged=10, right=4, said=0.8)
    older = Calibration(judged=30, right=20, said=0.6)
    assert with_verdicts(older, found(10, 4, 0.8)) == Calibration(judged=40, right=24, said=0.65)
