"""Where there are too many markets, those go of which nothing was heard for longest."""

from typing import Any

import pytest

from detections.books import following_sets, party_habits
from detections.correlators import (
    auction_orders,
    inferred_pinging,
    inter_venue_layering,
    odd_open,
    pinging,
    quote_stuffing,
    spoofing,
    steady_ramp,
)
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


def large(tape: Tape, at: float, instrument: str) -> list[Any]:
    """Somebody's order, several times what stands beside it."""
    return [
        tape.placed(
            at, f"{at}-{size}", "buy", price, size, instrument=instrument, investor_account=name
        )
        for price, size, name in ((10.0, 100, "a"), (9.99, 1_000, "b"))
    ]


def dealt(tape: Tape, at: float, instrument: str) -> list[Any]:
    return [
        tape.trade(
            at, 10.0, 1.0, instrument=instrument, token_id=instrument, phase="continuous",
            buyer_account="a", seller_account="b",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "keeping", "events", "known"),
    [
        ("spoofing", spoofing, large, "watches"),
        ("spoofing", party_habits, dealt, "crowds"),
        ("quote_stuffing", quote_stuffing, large, "books"),
        ("auction_orders", auction_orders, dealt, "prices"),
        ("inter_venue_layering", inter_venue_layering, dealt, "markets"),
        ("steady_ramp", steady_ramp, traded, "markets"),
        ("inferred_pinging", inferred_pinging, traded, "books"),
        ("pinging", pinging, traded, "books"),
        ("odd_open", odd_open, traded, "markets"),
        ("inferred_layering", following_sets, shown, "books"),
        ("moved_layers", following_sets, shown, "books"),
    ],
)
def test_who_is_heard_of_stays(
    name: str, keeping: Any, events: Any, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MOST_BOOKS", 2)
    engine, tape = Engine(correlator(name, "{}", HEADER.replace("high", "medium"))), Tape()
    for place, instrument in enumerate(("first", "second", "first", "third")):
        engine.process(events(tape, 60_000 * place, instrument))
    assert engine.take_problems() == []
    (entry,) = engine.book.correlators
    state: Any = entry.correlator.state
    markets: list[Any] = list(getattr(state, known))
    assert [one if isinstance(one, str) else one[-1] for one in markets] == ["first", "third"]
