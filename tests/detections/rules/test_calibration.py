"""A rule's confidence, held to what people found of its alerts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detections.rules.calibration import PRIOR, Calibration
from tests.detections.rules.documents import rules, the_problem
from tests.detections.rules.test_metadata import rule
from tests.detections.samples import HEADER, Tape, alerts, correlator
from tests.detections.test_spoofing import honest, spoof

shares = st.floats(0, 1)
counts = st.integers(0, 10_000)


def calibration(judged: int, right: int, said: float) -> Calibration:
    return Calibration(judged=judged, right=right, said=said)


def test_many_verdicts_are_believed() -> None:
    found = calibration(10_000, 3_000, 0.9)
    assert found.calibrated(0.9) == pytest.approx(0.3, abs=0.001)


def test_few_verdicts_count_beside_what_the_rule_says() -> None:
    # Ten that were all wrong count as much as the rule, which said 0.8.
    assert PRIOR == 10
    assert calibration(10, 0, 0.8).calibrated(0.8) == pytest.approx(0.4)


def test_a_rule_that_is_as_sure_as_it_should_be_stays_so() -> None:
    for confidence in (0.2, 0.5, 0.97):
        assert calibration(20, 15, 0.75).calibrated(confidence) == pytest.approx(confidence)


@given(counts, counts, shares, shares, shares)
def test_confidences_stay_shares_and_in_their_order(
    right: int, wrong: int, said: float, one: float, other: float
) -> None:
    found = calibration(right + wrong + 1, right, said)
    less, more = found.calibrated(min(one, other)), found.calibrated(max(one, other))
    assert 0 < less <= more < 1


@given(counts, counts, shares, st.floats(0.05, 0.95))
def test_what_the_rule_said_by_itself_is_known_from_its_alerts(
    right: int, wrong: int, said: float, confidence: float
) -> None:
    found = calibration(right + wrong + 1, right, said)
    calibrated = found.calibrated(confidence)
    if 0.01 < calibrated < 0.99:
        assert found.uncalibrated(calibrated) == pytest.approx(confidence, abs=1e-6)


def test_alerts_say_what_was_found() -> None:
    tape = Tape()
    events = [*honest(tape, investor_account="acct-1"), *spoof(tape)]
    plain, held = (
        alerts(correlator("spoofing", "{}", HEADER + more), events)
        for more in ("", "calibration: {judged: 90, right: 9, said: 0.9}\n")
    )

    assert len(plain) == len(held) == 1
    found = calibration(90, 9, 0.9).calibrated(plain[0].confidence)
    assert held[0].confidence == pytest.approx(found, abs=1e-4)
    assert held[0].risk_score < plain[0].risk_score
    assert held[0].severity == plain[0].severity


CHAIN = rule("chain", "token-transfer")


def test_it_is_in_the_rule_and_another_version_of_it() -> None:
    (before,) = rules(CHAIN).sigma
    (after,) = rules(CHAIN + "calibration:\n  judged: 24\n  right: 9\n  said: 0.82\n").sigma
    assert after.rule.calibration == calibration(24, 9, 0.82)
    assert after.rule.hash != before.rule.hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{judged: 4, right: 5, said: 0.5}", "of 4 that were judged, 5 can't be right"),
        ("{judged: 0, right: 0, said: 0.5}", "0"),
        ("{judged: 4, right: 1}", "said"),
        ("{judged: 4, right: 1, said: 1.5}", "1.5"),
        ("{judged: 4, rihgt: 1, said: 0.5}", "rihgt"),
        ("often", ""),
    ],
)
def test_what_is_no_calibration_is_told_at_its_place(text: str, message: str) -> None:
    problem = the_problem(CHAIN + f"calibration: {text}\n")
    assert problem.location.line == len(CHAIN.splitlines()) + 1
    assert message in f"{problem.message} {problem.expected} {problem.hint}"
