"""Where there are too many markets, those go of which nothing was heard for longest."""

from typing import Any

import pytest

from detections.books import following_sets
from detections.correlators import inferred_pinging, odd_open, pinging, steady_ramp
from detections.engine.engine import Engine
from pipeline.units import MILLISECOND
from tests.detections.samples import HEADER, START, Tape, correlator


def traded(tape: Tape, at: float, instrument: str) -> list[Any]:
    opened: dict[str, Any] = {"phase": "continuous", "phase_began": START - MILLISECOND}
    return [tape.trade(at, 10.0, 1.0, side="buy", instrument=instrument, **opened)]


def shown(tape: Tape, at: float, instrument: str) -> list[Any]:
    """An order, and a larger one beside it."""
    return [
        tape.placed(at, f"{at}-{size}", "buy", price, size, instrument=instrument)
        for price, size in ((10.0, 100), (9.99, 1_000))
    ]


@pytest.mark.parametrize(
    ("name", "keeping", "events"),
    [
        ("steady_ramp", steady_ramp, traded),
        ("inferred_pinging", inferred_pinging, traded),
        ("pinging", pinging, traded),
        ("odd_open", odd_open, traded),
        ("inferred_layering", following_sets, shown),
        ("moved_layers", following_sets, shown),
    ],
)
def test_who_is_heard_of_stays(
    name: str, keeping: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_BOOKS", 2)
    engine, tape = Engine(correlator(name, "{}", HEADER.replace("high", "medium"))), Tape()
    for place, instrument in enumerate(("first", "second", "first", "third")):
        engine.process(events(tape, 1_000 * place, instrument))
    assert engine.take_problems() == []
    (entry,) = engine.book.correlators
    state: Any = entry.correlator.state
    known = state.books if hasattr(state, "books") else state.markets
    assert [instrument for _, _, instrument in known] == ["first", "third"]
