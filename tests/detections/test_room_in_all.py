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


def _counterparties(state: Any) -> int:
    return sum(market.counterparties.size for market in state.markets.values())


def _turnover(state: Any) -> int:
    return sum(
        1 + len(one.sides) + len(one.witnesses)
        for market in state.markets.values()
        for one in market.parties.values()
    )


def _owners(state: Any) -> int:
    return sum(len(one.now) + len(one.before) for one in state.markets.values())


#: The rule, where the bound is, and how much of that is known.
BOUNDS: dict[str, tuple[str, str, Callable[[Any], int]]] = {
    "spoofing": ("spoofing", "correlators.spoofing.MOST_CANDIDATES_IN_ALL", _candidates),
    "messages": ("quote_stuffing", "correlators.quote_stuffing.MOST_MESSAGES_IN_ALL", _messages),
    "ignition": ("momentum_ignition", "correlators.momentum_ignition._MOST_IN_ALL", _ignition),
    "trades of ignition": (
        "momentum_ignition",
        "correlators.momentum_ignition._MOST_TRADES_IN_ALL",
        _ignition_trades,
    ),
    "ramping": ("ramping", "correlators.ramping._MOST_IN_ALL", _ramps),
    "trades of ramping": ("ramping", "correlators.ramping._MOST_TRADES_IN_ALL", _ramp_trades),
    "circles": ("wash_circular", "markets.counterparties.MOST_IN_ALL", _counterparties),
    "matched orders": (
        "wash_matched_orders",
        "markets.counterparties.MOST_IN_ALL",
        _counterparties,
    ),
    "turnover": ("wash_turnover", "correlators.wash_turnover._MOST_IN_ALL", _turnover),
    "owners": ("wash_trading", "correlators.wash_trading._MOST_OWNERS_IN_ALL", _owners),
}
PARAMETERS = {
    "wash_circular": "{flows: trades}",
    "wash_trading": "{pattern: self_trade}",
}


def _rules(name: str) -> RuleSet:
    return correlator(name, PARAMETERS.get(name, "{}"), HEADER)


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
    rules, events = _rules(name), _tape()
    unbounded, _ = _run(rules, events, known)
    allowed = max(64, unbounded // 5)
    monkeypatch.setattr(f"detections.{most}", allowed)
    bounded, left = _run(rules, events, known)
    assert bounded <= allowed + AT_ONCE < unbounded
    assert left > allowed // 3, "only the idlest go"


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_restart_in_between_changes_nothing(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, most, _ = BOUNDS[bound]
    monkeypatch.setattr(f"detections.{most}", 40)
    rules, events = _rules(name), _tape()
    whole, parted = Engine(rules), Engine(rules)
    for first in range(0, len(events), 500):
        found = whole.process(events[first : first + 500])
        assert parted.process(events[first : first + 500]) == found
        assert parted.snapshot() == whole.snapshot()
        after = Engine(rules)
        assert after.restore(parted.snapshot()) == []
        parted = after
