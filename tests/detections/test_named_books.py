"""Rules for feeds that name nobody are not shown orders of books in which everybody is named."""

from collections.abc import Iterator

import msgspec
import pytest

from benchmarks.market_tape import MarketTape
from detections.books.order_books import SharedBooks
from detections.correlators.base import correlators
from detections.engine.engine import Engine
from detections.engine.rule_book import NAMED_BOOK
from detections.rules import RuleSet
from normalizer.events import Record
from normalizer.events.market import OrderEvent, OrderPlaced, Trade
from tests.detections.samples import HEADER, Tape, correlator

OF_UNNAMED = ("inferred_layering", "inferred_pinging", "inferred_spoofing", "moved_layers")
LOW = HEADER.replace("level: high", "level: low")


def rules() -> RuleSet:
    made = [correlator(name, header=LOW) for name in OF_UNNAMED]
    return RuleSet(correlators=tuple(one.correlators[0] for one in made))


def named(tape: Tape, number: int, name: str | None) -> OrderPlaced:
    return msgspec.structs.replace(
        tape.placed(number, f"order-{number}", "buy", 9.9, 5), investor_account=name
    )


def is_named(books: SharedBooks) -> bool:
    return books.change.book.all_named


def test_a_book_names_everybody_until_somebody_is_not_named() -> None:
    books, tape = SharedBooks(), Tape()
    books.move(named(tape, 1, "acct-1"))
    assert is_named(books)
    books.move(named(tape, 2, None))
    assert not is_named(books)
    books.move(named(tape, 3, "acct-1"))
    assert not is_named(books)


def test_an_empty_name_is_none() -> None:
    books, tape = SharedBooks(), Tape()
    books.move(named(tape, 1, ""))
    assert not is_named(books)


def test_of_an_order_that_a_snapshot_tells_nobody_knows_whose_it_is() -> None:
    books, tape = SharedBooks(), Tape()
    books.move(named(tape, 1, "acct-1"))
    books.move(
        tape.snapshot(2, bid_prices=(9.9,), bid_quantities=(5.0,), bid_order_ids=("order-1",))
    )
    assert is_named(books)
    books.move(tape.snapshot(3, bid_prices=(9.9,), bid_quantities=(5.0,), bid_order_ids=("new",)))
    assert not is_named(books)


def test_nobody_is_named_where_levels_come() -> None:
    books, tape = SharedBooks(), Tape()
    books.move(named(tape, 1, "acct-1"))
    books.move(tape.snapshot(2, bid_prices=(9.8,), bid_quantities=(5.0,)))
    assert not is_named(books)


def test_only_rules_for_such_feeds_are_spared() -> None:
    spared = {name for name, one in correlators().items() if one.of_unnamed}
    assert spared == set(OF_UNNAMED)
    meeting = Engine(rules()).book.of_record(OrderPlaced)
    assert meeting.of_some is not None
    assert meeting.of_some[NAMED_BOOK] == ()
    assert meeting.of_some[0] == meeting.at_once


def without_names(events: list[Record], nameless: set[int]) -> Iterator[Record]:
    """The events, of which some (by number modulo eight, of orders by their id) name nobody."""
    for event in events:
        if isinstance(event, OrderEvent) and sum(event.order_id.encode()) % 8 in nameless:
            yield msgspec.structs.replace(
                event, investor_account=None, investor_id=None, investor_cluster=None
            )
        elif isinstance(event, Trade) and nameless:
            yield msgspec.structs.replace(
                event, buyer_account=None, seller_account=None, buyer_id=None, seller_id=None
            )
        else:
            yield event


EVENTS: list[Record] = list(MarketTape(books=3, accounts=6, resting=20).events(4_000))


@pytest.mark.parametrize("nameless", [set[int](), {0}, set(range(8))])
@pytest.mark.parametrize("at_first", [0, 2_000])
def test_nothing_else_is_known_than_where_all_orders_are_shown(
    nameless: set[int], at_first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether nobody, somebody or everybody is named, from the beginning or later."""
    events = EVENTS[:at_first] + list(without_names(EVENTS[at_first:], nameless))
    engine = Engine(rules())
    found, known = engine.process(events), engine.snapshot()
    for name in OF_UNNAMED:
        monkeypatch.setattr(correlators()[name], "of_unnamed", False)
    other = Engine(rules())
    assert other.process(events) == found
    assert other.snapshot() == known


@pytest.mark.parametrize("nameless", [{0}, set(range(8))])
def test_where_somebody_is_not_named_they_are_shown_it(nameless: set[int]) -> None:
    engine = Engine(rules())
    engine.process(without_names(EVENTS, nameless))
    known = {one.name: one.correlator.state.books for one in engine.book.correlators}
    assert all(known[name] for name in ("inferred_layering", "inferred_spoofing", "moved_layers"))
