"""How far a venue's feed is behind, from the times that its own messages carry."""

from datetime import datetime

from pipeline.metrics import SOURCE_LAG
from pipeline.source_state import SourceState, now


def note_lag(state: SourceState, sent: str) -> None:
    """Set the source's lag from an RFC 3339 time.

    A text that is none changes nothing: the normalizer says what is wrong with the message.
    """
    try:
        moment = datetime.fromisoformat(sent).timestamp()
    except (ValueError, OverflowError):
        return
    state.lag_seconds = max(0.0, round(now() / 1e9 - moment, 3))
    SOURCE_LAG.labels(state.source).set(state.lag_seconds)
