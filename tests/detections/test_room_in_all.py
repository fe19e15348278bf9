"""What is known market by market stays within bounds over all of them; a restart changes nothing.

With bounds of a fifth of what the tape comes to, each correlator is asked after every few
events how much it knows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from benchmarks.market_tape import MarketTape
from detections.engine.engine import Engine
from detections.rules import RuleSet
from normalizer.events import Record
from tests.detections.samples import HEADER, Tape, correlator

STEP = 50
#: What one event may bring, which is not asked about in between.
AT_ONCE = 8


def _candidates(state: Any) -> int:
    return sum(len(watch.live) + len(watch.ended) for watch in state.watches.values())


def _desks(state: Any) -> int:
    desks = sum(len(desks) for desks in state.desks.books.values())
    assert desks == state.desks.count
    return desks


def _layers(state: Any) -> int:
    return sum(desk.size for desks in state.desks.books.values() for desk in desks.values())


def _messages(state: Any) -> int:
    return sum(
        len(book.times)
        + sum(len(one.messages) + len(one.trades or ()) for one in book.parties.values())
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


def _pulls(state: Any) -> int:
    return sum(trader.size for trader in state.pulls.traders.values())


def _dealers(state: Any) -> int:
    return sum(1 + len(one.pulled) + len(one.deals) for one in state.dealers.values())


def _assets(state: Any) -> int:
    return sum(asset.size for asset in state.assets.values())


def _windows(state: Any) -> int:
    return sum(window.size for window in state.windows.values())


def _kept(state: Any) -> int:
    return sum(len(market.kept) for market in state.markets.values())


#: The rule, where the bound is, and how much of that is known.
BOUNDS: dict[str, tuple[str, str, Callable[[Any], int]]] = {
    "spoofing": ("spoofing", "correlators.spoofing.MOST_CANDIDATES_IN_ALL", _candidates),
    "desks": ("layering", "books.desks.MOST_DESKS_IN_ALL", _desks),
    "layers": ("layering", "books.desks.MOST_ORDERS_IN_ALL", _layers),
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
    "flipping": ("flipping", "books.pulled_orders._MOST_KEPT", _pulls),
    "vacuuming": ("vacuuming", "books.pulled_orders._MOST_KEPT", _pulls),
    "elsewhere": ("inter_venue_layering", "correlators.inter_venue_layering._MOST_KEPT", _dealers),
    "linked markets": ("cross_market", "correlators.cross_market._MOST_IN_ALL", _assets),
    "reference times": (
        "marking_the_close",
        "correlators.marking_the_close._MOST_IN_ALL",
        _windows,
    ),
    "bursts": ("message_bursts", "correlators.message_bursts._MOST_KEPT_IN_ALL", _kept),
}
PARAMETERS = {
    "wash_circular": "{flows: trades}",
    "wash_trading": "{pattern: self_trade}",
    "marking_the_close": "{daily_reference: '00:01'}",
}
#: These look at feeds that name nobody.
ANONYMOUS = ("message_bursts",)


def _rules(name: str) -> RuleSet:
    header = HEADER.replace("high", "medium")
    return correlator(name, PARAMETERS.get(name, "{}"), header)


def _tape(name: str) -> list[Record]:
    """Of two venues that trade the same, for some of an investor each."""
    events = MarketTape(books=12, accounts=150).events(4_000)
    return [_known(event, name, place) for place, event in enumerate(events)]


def _known(event: Any, name: str, place: int) -> Record:
    changed: dict[str, Any] = {"token_id": event.instrument, "venue": f"venue-{place % 2}"}
    if name not in ("inter_venue_layering", "cross_market"):
        changed = {}
    for field in ("investor_account", "buyer_account", "seller_account"):
        if hasattr(event, field):
            if name in ANONYMOUS:
                changed[field] = None
            elif name == "inter_venue_layering":
                changed[field.replace("account", "id")] = getattr(event, field)
    return msgspec.structs.replace(event, **changed)


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
    rules, events = _rules(name), _tape(name)
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
    rules, events = _rules(name), _tape(name)
    whole, parted = Engine(rules), Engine(rules)
    for first in range(0, len(events), 500):
        found = whole.process(events[first : first + 500])
        assert parted.process(events[first : first + 500]) == found
        assert parted.snapshot() == whole.snapshot()
        after = Engine(rules)
        assert after.restore(parted.snapshot()) == []
        parted = after


def test_the_book_goes_in_which_nobody_did_anything_for_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("detections.books.desks.MOST_BOOKS", 2)
    engine, tape = Engine(_rules("layering")), Tape()
    (entry,) = engine.book.correlators
    for place, instrument in enumerate(("first", "second", "first", "third")):
        more = {"instrument": instrument, "investor_account": "a"}
        at, order = 1_000 * place, f"o-{place}"
        engine.process([tape.placed(at, order, "buy", 10, 1, **more)])
        engine.process([tape.cancelled(at, order, "buy", **more)])
    state: Any = entry.correlator.state
    assert [instrument for _, _, instrument in state.desks.books] == ["first", "third"]
    assert state.desks.count == 2


def test_what_is_long_ago_goes_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detections.books.desks.MOST_ORDERS_IN_ALL", 160)
    engine, tape = Engine(_rules("layering")), Tape()
    (entry,) = engine.book.correlators

    def placed_and_gone(at: int, number: int, account: str) -> list[Record]:
        order, more = f"{account}-{number}", {"investor_account": account}
        return [
            tape.placed(at, order, "sell", 11, 1, **more),
            tape.cancelled(at, order, "sell", **more),
        ]

    past = [event for number in range(20) for event in placed_and_gone(number, number, "past")]
    later = [
        event
        for number in range(40)
        for event in placed_and_gone(3_600_000 + number, number, "now")
    ]
    engine.process([*past, *later])
    state: Any = entry.correlator.state
    (desks,) = state.desks.books.values()
    assert list(desks) == ["now"]
    assert len(desks["now"].offers.pulled) == 40
