"""One set of books for all correlators of an engine: saved once, and the same after a restart."""

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from benchmarks.market_tape import MarketTape
from detections.books.order_book import OrderBook
from detections.books.order_books import OrderBooks, SharedBooks
from detections.engine.correlator_state import decode_state, encode_state
from detections.engine.engine import Engine
from detections.engine.rule_states import BOOKS
from detections.rules import RuleSet
from normalizer.events import Record
from tests.detections.samples import Tape, correlator

SPOOFING = correlator("spoofing")
SECOND = 1_000_000_000


def tape(count: int) -> list[Record]:
    return list(MarketTape(books=3, accounts=20, resting=30).events(count))


def books_of(engine: Engine) -> OrderBooks:
    assert engine.book.books is not None
    return engine.book.books.state


def test_all_correlators_of_an_engine_look_at_the_same_books() -> None:
    two = RuleSet(correlators=(*SPOOFING.correlators, *correlator("layering").correlators))
    engine = Engine(two)
    used = [one.correlator.books for one in engine.book.correlators if one.correlator.uses_books]
    assert used
    assert all(one is engine.book.books for one in used)
    engine.process(tape(500))
    moved = books_of(engine)
    alone = SharedBooks()
    for event in tape(500):
        alone.move(event)
    assert moved == alone.state


def test_an_engine_whose_correlators_need_none_has_none() -> None:
    engine = Engine(correlator("wash_trading", "{pattern: self_trade}"))
    assert engine.book.books is None
    assert BOOKS not in {one.id for one in engine.stateful}


@pytest.mark.parametrize("lateness", [0, SECOND])
def test_books_are_saved_once_and_go_on_as_if_nothing_had_been(lateness: int) -> None:
    events = tape(3_000)
    straight = Engine(SPOOFING, allowed_lateness=lateness)
    chance = random.Random(3)
    for _ in range(3):
        cut = chance.randrange(len(events))
        straight, before = Engine(SPOOFING, allowed_lateness=lateness), events[:cut]
        straight.process(before)
        taken = straight.snapshot()
        restored = Engine(SPOOFING, allowed_lateness=lateness)
        assert restored.restore(taken) == []
        assert restored.snapshot() == taken
        assert books_of(restored) == books_of(straight)
        assert all(taken.count(book) == 1 for book in encode_books(books_of(straight)))
        for first in range(cut, len(events), 100):
            part = events[first : first + 100]
            assert restored.process(part) == straight.process(part)
        assert restored.snapshot() == straight.snapshot()


def test_books_that_are_not_in_a_saved_state_are_rebuilt_with_the_rules() -> None:
    events = tape(2_000)
    straight = Engine(SPOOFING)
    straight.process(events)
    without = Engine(correlator("wash_trading", "{pattern: self_trade}"))
    without.process(events)
    engine = Engine(SPOOFING)
    unfit = engine.restore(without.snapshot())
    assert BOOKS in {one.id for one in unfit}
    assert books_of(engine).books == {}
    ids = [one.id for one in unfit]
    past = engine.for_rebuilding(ids)
    past.process(events)
    engine.adopt(past, ids)
    assert books_of(engine) == books_of(straight)


def test_books_alone_are_rebuilt_where_only_they_are_unfit() -> None:
    events = tape(1_000)
    engine = Engine(SPOOFING)
    past = engine.for_rebuilding([BOOKS])
    past.process(events)
    engine.adopt(past, [BOOKS])
    straight = Engine(SPOOFING)
    straight.process(events)
    assert books_of(engine) == books_of(straight)


def test_another_rule_set_goes_on_with_the_same_books() -> None:
    before = Engine(SPOOFING)
    before.process(tape(1_000))
    known = encode_books(books_of(before))
    after = Engine(correlator("layering"))
    unfit = {one.id for one in after.carry_over(before)}
    assert BOOKS not in unfit
    assert list(encode_books(books_of(after))) == list(known)


def encode_books(books: OrderBooks) -> Iterator[bytes]:
    return iter([encode_state(book) for book in books.books.values()])


def test_a_book_is_the_same_when_it_was_saved() -> None:
    books = SharedBooks()
    sample = Tape()
    books.move(sample.snapshot(0, bid_prices=(10.0,), bid_quantities=(5.0,), depth=10))
    books.move(sample.trade(1, 10, 1, side="sell"))
    books.move(sample.placed(2, "a", "buy", 9.9, 0.3, investor_account="acct-1"))
    book = books.change.book
    assert decode_state(encode_state(book), OrderBook) == book


def test_an_event_that_a_book_cannot_take_makes_it_unsure_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, sample = Engine(SPOOFING), Tape()

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    engine.process([sample.placed(0, "a", "buy", 10, 5)])
    with monkeypatch.context() as patched:
        patched.setattr(SharedBooks, "move", fail)
        engine.process([sample.placed(1, "b", "buy", 10, 5)])
    (problem,) = engine.take_problems()
    assert "the order book failed on event event-2" in problem
    (book,) = books_of(engine).books.values()
    assert book.unsure


def test_orders_and_books_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detections.books.order_books.MOST_ORDERS_IN_ALL", 10)
    monkeypatch.setattr("detections.books.order_books.MOST_BOOKS", 4)
    books = SharedBooks()
    for number in range(9):
        sample = Tape(instrument=f"I{number}")
        for order in range(3):
            books.move(sample.placed(number, f"{number}-{order}", "buy", 10, 5))
        resting = sum(len(book.orders) for book in books.state.books.values())
        assert books.state.resting == resting <= 10
        assert len(books.state.books) <= 4
    assert ("demo", "demo-venue", "I8") in books.state.books, "the idlest ones go"
    assert msgspec.msgpack.encode(books.state)
