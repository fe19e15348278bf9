"""Gaps of a feed: how they are counted, and the one that an interruption leaves."""

from pipeline.frames import WHOLE_SOURCE, GapNotice
from pipeline.metrics import SOURCE_GAPS
from pipeline.source_state import SourceState


def count_gap(state: SourceState) -> None:
    """Count a gap for operators: in the source's state, and in its metric."""
    state.gaps += 1
    SOURCE_GAPS.labels(state.source).inc()


def interruption(*, first: bool) -> GapNotice:
    """What a feed that can't tell how much was missed says, before a run's first connection or
    before one of the later ones."""
    what = "the collector was started anew" if first else "the connection was lost"
    return GapNotice(instrument=WHOLE_SOURCE, reason=f"{what}; what came in between is missing")
