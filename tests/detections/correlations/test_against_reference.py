"""The correlations agree with what they mean, for any events that come in order."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detections.correlations.hits import Firing
from detections.correlations.runtime import Correlations
from detections.rules.model import CorrelationRule
from tests.detections.correlations import reference
from tests.detections.correlations.cases import CASES, hits_of, tapes
from tests.detections.correlations.made import SECOND
from tests.detections.correlations.reference import Event


def run(rule: CorrelationRule, tape: Sequence[Event]) -> list[Firing]:
    correlations = Correlations([rule])
    fired = [f for event in tape for f in correlations.observe(hits_of(event), event.time)]
    return fired + correlations.advance(1_000_000 * SECOND)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_agrees_with_the_reference(name: str, data: st.DataObject) -> None:
    rule, means = CASES[name]
    tape = data.draw(tapes(rule.correlation.rules))
    expected = sorted(means(rule.correlation, tape))
    assert sorted(map(reference.found, run(rule, tape))) == expected
