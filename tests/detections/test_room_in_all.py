"""What is known market by market stays within bounds over all of them; a restart changes nothing.

With bounds of a fifth of what the tape comes to, each correlator is asked after every few
events how much it knows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from benchmarks.market_tape import MarketTape
from detections.engine.engine import Engine
from detections.rules import RuleSet
from normalizer.events import Record
from tests.detections.samples import HEADER, correlator

STEP = 50
#: What one event may bring, which is not asked about in between.
AT_ONCE = 8


def _candidates(state: Any) -> int:
    return sum(len(watch.live) + len(watch.ended) for watch in state.watches.values())


def _messages(state: Any) -> int:
    return sum(
        len(book.times) + sum(len(one.messages) + len(one.trades) for one in book.parties.values())
        for book in state.books.values()
    )


def _ignition(state: Any) -> int:
    return sum(one.size for tape in state.tapes.values() for one in tape.traders.values())


def _ignition_trades(state: Any) -> int:
    return sum(len(tape.times) for tape in state.tapes.values())


def _ramps(state: Any) -> int:
    ways = [way for market in state.markets.values() for way in (market.up, market.down)]
    return sum(ramp.size for way in ways for ramp in way.values())


def _ramp_trades(state: Any) -> int:
    return sum(len(market.traded.times) for market in state.markets.values())


#: The rule, the bound, and how much of that is known.
BOUNDS: dict[str, tuple[str, str, Callable[[Any], int]]] = {
    "spoofing": ("spoofing", "spoofing.MOST_CANDIDATES_IN_ALL", _candidates),
    "quote stuffing": ("quote_stuffing", "quote_stuffing.MOST_MESSAGES_IN_ALL", _messages),
    "momentum ignition": ("momentum_ignition", "momentum_ignition._MOST_IN_ALL", _ignition),
    "momentum ignition, trades": (
        "momentum_ignition",
        "momentum_ignition._MOST_TRADES_IN_ALL",
        _ignition_trades,
    ),
    "ramping": ("ramping", "ramping._MOST_IN_ALL", _ramps),
    "ramping, trades": ("ramping", "ramping._MOST_TRADES_IN_ALL", _ramp_trades),
}


def _tape() -> list[Record]:
    return list(MarketTape(books=12, accounts=150).events(4_000))


def _run(rules: RuleSet, events: Sequence[Record], known: Callable[[Any], int]) -> tuple[int, int]:
    """The most that was known after some events, and what is in the end."""
    engine, most = Engine(rules), 0
    (entry,) = engine.book.correlators
    for first in range(0, len(events), STEP):
        engine.process(events[first : first + STEP])
        most = max(most, known(entry.correlator.state))
    assert engine.take_problems() == []
    return most, known(entry.correlator.state)


@pytest.mark.parametrize("bound", BOUNDS)
def test_no_more_is_known_in_all(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, most, known = BOUNDS[bound]
    rules, events = correlator(name, "{}", HEADER), _tape()
    unbounded, _ = _run(rules, events, known)
    allowed = max(64, unbounded // 5)
    place = f"detections.correlators.{most}"
    monkeypatch.setattr(place, allowed)
    if name == "quote_stuffing":
        monkeypatch.setattr("detections.books.message_rates.MOST_MESSAGES_IN_ALL", allowed)
    bounded, left = _run(rules, events, known)
    assert bounded <= allowed + AT_ONCE < unbounded
    assert left > allowed // 2, "only the idlest go"


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_restart_in_between_changes_nothing(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, most, _ = BOUNDS[bound]
    monkeypatch.setattr(f"detections.correlators.{most}", 40)
    rules, events = correlator(name, "{}", HEADER), _tape()
    whole, parted = Engine(rules), Engine(rules)
    for first in range(0, len(events), 500):
        found = whole.process(events[first : first + 500])
        assert parted.process(events[first : first + 500]) == found
        assert parted.snapshot() == whole.snapshot()
        after = Engine(rules)
        assert after.restore(parted.snapshot()) == []
        parted = after
