"""A calibration in a rule's file: written or replaced, and nothing else in it changes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.rules.calibration import Calibration
from detections.staging.calibrating import CannotCalibrate, calibrated, with_verdicts
from detections.staging.sureness import Outcome, sureness
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


def test_a_character_that_turns_text_is_no_obstacle() -> None:
    turned = PLAIN.replace("A rule  ", "\u200fA rule")  # which the check of rules only warns of
    assert after(turned) == WITH.replace("A rule  ", "\u200fA rule")


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


def outcomes(right: int, wrong: int, *said: float) -> list[Outcome]:
    """Of cases that were judged, with one alert each; the confidences come in turn."""
    verdicts = [True] * right + [False] * wrong
    return [
        Outcome(right, 0.5, (confidence,))
        for right, confidence in zip(verdicts, itertools.cycle(said), strict=False)
    ]


def test_new_verdicts_are_added_to_those_of_the_file() -> None:
    assert with_verdicts(None, outcomes(4, 6, 0.8)) == Calibration(judged=10, right=4, said=0.8)
    older = Calibration(judged=30, right=20, said=0.6)
    both = with_verdicts(older, outcomes(4, 6, 0.8))
    assert (both.judged, both.right) == (40, 24)
    assert both.said == pytest.approx(0.65, abs=0.01)


@pytest.mark.parametrize("said", [(0.8, 0.85, 0.9, 0.95, 0.99), (0.5, 0.99), (0.3, 0.9), (0.7,)])
@pytest.mark.parametrize("right", [0, 50, 250, 450, 500])
def test_calibrated_alerts_say_on_average_what_was_found(
    said: tuple[float, ...], right: int
) -> None:
    """However far apart their confidences are; and so nobody is told to calibrate them again."""
    some = outcomes(right, 500 - right, *said)
    found = with_verdicts(None, some)
    mean = sum(found.calibrated(one.uncalibrated[0]) for one in some) / 500
    assert mean == pytest.approx(min(0.99, found.found), abs=0.002)  # nothing is surer
    after = sureness(
        Outcome(one.right, found.calibrated(one.uncalibrated[0]), one.uncalibrated) for one in some
    )
    assert after is not None
    assert after.verdict == "" or right in (0, 500)  # what the rule says counts as well


def test_a_case_with_many_alerts_counts_once() -> None:
    one, other = Outcome(True, 0.5, (0.9,) * 30), Outcome(False, 0.5, (0.5,))
    assert (
        with_verdicts(None, [one, other]).said == with_verdicts(None, outcomes(1, 1, 0.9, 0.5)).said
    )
