"""Most orders are small: who looks for large ones is not shown how these come and go."""

import pytest

from benchmarks.market_tape import MarketTape
from detections.books.order_books import SharedBooks
from detections.engine.engine import Engine
from detections.engine.rule_book import SMALL_ORDER
from detections.rules import RuleSet
from normalizer.events import Record
from normalizer.events.market import OrderPlaced
from tests.detections.samples import Tape, correlator

LARGE_ONLY = ("spoofing", "flipping", "vacuuming")


def rules(minimum: str) -> RuleSet:
    made = [correlator(name, f"{{minimum_depth_share: {minimum}}}") for name in LARGE_ONLY]
    return RuleSet(correlators=tuple(one.correlators[0] for one in made))


def is_small(books: SharedBooks, order_id: str) -> bool:
    return books.change.book.orders[order_id].small


def full_book() -> tuple[SharedBooks, Tape]:
    """Ten bids of 100, one at each price from 9.9 down."""
    books, tape = SharedBooks(), Tape()
    for level in range(10):
        books.move(tape.placed(level, f"rest-{level}", "buy", 9.9 - level / 100, 100))
    return books, tape


@pytest.mark.parametrize(("quantity", "small"), [(19, True), (20, False), (500, False)])
def test_an_order_is_small_below_two_percent_of_the_depth_besides_it(
    quantity: float, small: bool
) -> None:
    books, tape = full_book()
    books.move(tape.placed(20, "new", "buy", 9.9, quantity))
    assert is_small(books, "new") is small


def test_who_comes_first_is_not_small() -> None:
    books, tape = SharedBooks(), Tape()
    books.move(tape.placed(0, "first", "sell", 10, 0.001))
    assert not is_small(books, "first")


def test_what_is_cut_or_traded_stays_small() -> None:
    books, tape = full_book()
    books.move(tape.placed(20, "new", "buy", 9.91, 10))
    books.move(tape.changed(21, "new", 8, price=9.91))
    assert is_small(books, "new")
    books.move(tape.trade(22, 9.91, 2, side="sell", maker_order_id="new"))
    assert is_small(books, "new")


@pytest.mark.parametrize(("price", "quantity"), [(9.91, 11), (9.89, 10), (9.92, 4)])
def test_what_is_enlarged_or_moved_may_not_be_small_any_more(price: float, quantity: float) -> None:
    books, tape = full_book()
    books.move(tape.placed(20, "new", "buy", 9.91, 10))
    books.move(tape.changed(21, "new", quantity, price=price))
    assert not is_small(books, "new")


def test_what_is_told_again_is_not_known_to_be_small() -> None:
    books, tape = full_book()
    books.move(tape.placed(20, "new", "buy", 9.9, 300))
    books.move(tape.placed(21, "new", "buy", 9.9, 1))
    assert not is_small(books, "new")
    books.move(
        tape.snapshot(22, bid_prices=(9.9,), bid_quantities=(5.0,), bid_order_ids=("other",))
    )
    assert not is_small(books, "other")


@pytest.mark.parametrize("minimum", ["2%", "10%"])
def test_nothing_else_is_found_than_where_all_orders_are_shown(
    minimum: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Record] = list(MarketTape(books=2, accounts=12, resting=40).events(12_000))
    found = Engine(rules(minimum)).process(events)

    def no(*_: object) -> bool:
        return False

    for name in ("detections.correlators.spoofing", "detections.books.pulling"):
        monkeypatch.setattr(f"{name}.passes_small", no)
    assert Engine(rules(minimum)).process(events) == found
    assert found


def test_a_rule_that_looks_for_smaller_orders_is_shown_all() -> None:
    looking = Engine(rules("1%")).book.of_record(OrderPlaced)
    assert looking.of_some is None
    spared = Engine(rules("2%")).book.of_record(OrderPlaced)
    assert spared.of_some is not None
    assert spared.of_some[SMALL_ORDER] == ()
    assert spared.of_some[0] == spared.at_once
