"""The lag of a venue's feed, from its messages' own times."""

import pytest

from collectors.feed_lag import note_lag
from pipeline.source_state import SourceState


def test_the_lag_is_the_age_of_a_message() -> None:
    state = SourceState("venue", "coinbase")
    note_lag(state, "2021-04-17T16:43:37.061845Z")
    assert state.lag_seconds > 1e8


@pytest.mark.parametrize("text", ["", "yesterday", "2021-99-99T00:00:00Z", "\x00", "9" * 5_000])
def test_a_time_that_is_none_changes_nothing(text: str) -> None:
    state = SourceState("venue", "coinbase")
    note_lag(state, text)
    assert state.lag_seconds == 0.0
