"""How far a source is behind, from the times that it tells itself."""

from datetime import datetime

from pipeline.metrics import SOURCE_LAG
from pipeline.source_state import SourceState, now
from pipeline.units import SECOND


def set_lag(state: SourceState, seconds: float) -> None:
    """Tell operators the lag; of a source that is ahead it is 0."""
    state.lag_seconds = max(0.0, seconds)
    SOURCE_LAG.labels(state.source).set(state.lag_seconds)


def note_lag(state: SourceState, sent: str) -> None:
    """Set the lag of a venue's feed from an RFC 3339 time, which one of its messages carries.

    A text that is none changes nothing: the normalizer says what is wrong with the message.
    """
    try:
        moment = datetime.fromisoformat(sent).timestamp()
    except (ValueError, OverflowError):
        return
    set_lag(state, round(now() / SECOND - moment, 3))
