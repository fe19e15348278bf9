"""The order book agrees with the simplest book that could be written."""

from hypothesis import given, settings
from hypothesis import strategies as st

from detections.books.order_book import OrderBook, Resting
from detections.books.order_books import OrderBooks
from tests.detections.samples import Tape

PRICES = st.integers(1, 12).map(lambda ticks: 10 + ticks / 100)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["place", "cancel", "fill", "change"]),
        st.integers(0, 15),
        st.booleans(),
        PRICES,
        st.integers(1, 64),
    ),
    max_size=60,
)


class PlainBook:
    """Every order in a dict; everything is counted anew each time."""

    def __init__(self) -> None:
        self.orders: dict[str, tuple[bool, float, float]] = {}

    def depth(self, buy: bool, levels: int, width: float) -> float:
        totals: dict[float, float] = {}
        for side, price, quantity in self.orders.values():
            if side is buy:
                totals[price] = totals.get(price, 0) + quantity
        best_first = sorted(totals, reverse=buy)[:levels]
        if not best_first:
            return 0
        best = best_first[0]
        return sum(totals[p] for p in best_first if abs(p - best) <= best * width + 1e-12)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(1, 6), st.sampled_from([0.0005, 0.005, 1.0]))
def test_depth_is_that_of_a_plain_book(
    steps: list[tuple[str, int, bool, float, int]], levels: int, width: float
) -> None:
    book, plain = OrderBook(("s", "v", "i")), PlainBook()
    for what, number, buy, price, quantity in steps:
        name = str(number)
        known = plain.orders.get(name)
        if what == "place":
            book.place(name, Resting(buy, price, float(quantity)))
            plain.orders[name] = (buy, price, float(quantity))
        elif what == "cancel":
            book.remove(name)
            plain.orders.pop(name, None)
        elif what == "change":
            book.change(name, price, float(quantity))
            if known is not None:
                plain.orders[name] = (known[0], price, float(quantity))
        else:
            book.fill(name, float(quantity))
            if known is not None and known[2] > quantity:
                plain.orders[name] = (known[0], known[1], known[2] - quantity)
            elif known is not None:
                del plain.orders[name]
        for side in (True, False):
            ours = (book.bids if side else book.asks).depth(levels, width)
            assert ours == plain.depth(side, levels, width)


def test_counting_stops_when_there_is_enough() -> None:
    book = OrderBook(("s", "v", "i"))
    for number in range(5):
        book.place(str(number), Resting(True, 10 - number / 100, 100.0))
    assert book.bids.depth(10, 1.0) == 500
    assert book.bids.depth(10, 1.0, most=150) == 200


def test_fractions_leave_no_dust_behind() -> None:
    book = OrderBook(("s", "v", "i"))
    for number in range(10):
        book.place(str(number), Resting(True, 10.0, 0.1))
    for number in range(9):
        book.remove(str(number))
    book.fill("9", 0.05)
    book.fill("9", 0.05)
    assert book.bids.keys == []
    assert book.bids.quantities == {}
    assert book.orders == {}


def test_levels_are_set_and_removed() -> None:
    tape, books = Tape(), OrderBooks()
    snapshot = tape.snapshot(
        0,
        bid_prices=(10.0, 9.9),
        bid_quantities=(5.0, 7.0),
        ask_prices=(10.1,),
        ask_quantities=(1.0,),
    )
    book = books.of(snapshot)
    books.apply(snapshot, book)
    assert book.side(buy=True).depth(10, 1.0) == 12
    books.apply(tape.update(1, bid_prices=(10.0, 9.8), bid_quantities=(0.0, 3.0)), book)
    assert book.side(buy=True).depth(10, 1.0) == 10
    assert book.side(buy=True).best == 9.9
    assert book.side(buy=False).best == 10.1


def test_a_snapshot_of_orders_replaces_the_book_and_keeps_the_accounts() -> None:
    tape, books = Tape(), OrderBooks()
    placed = tape.placed(0, "a", "buy", 10, 5, investor_account="acct-1")
    book = books.of(placed)
    books.apply(placed, book)
    books.apply(tape.placed(0, "b", "buy", 9, 5), book)
    books.apply(
        tape.snapshot(1, bid_prices=(10.0,), bid_quantities=(3.0,), bid_order_ids=("a",)), book
    )
    (order,) = book.orders.values()
    assert (order.buy, order.price, order.quantity, order.account) == (True, 10.0, 3.0, "acct-1")
    assert order.placed_at == placed.timestamp
    assert book.bids.depth(10, 1.0) == 3


def test_a_gap_makes_books_unsure_until_the_next_snapshot() -> None:
    tape, books = Tape(), OrderBooks()
    ours = books.of(tape.snapshot(0))
    other = books.of(tape.snapshot(0, instrument="OTHER-USD"))
    elsewhere = books.of(tape.snapshot(0, provider="another"))
    gap = tape.gap(1)
    books.apply(gap, books.of(gap))
    assert (ours.unsure, other.unsure) == (True, False)
    books.apply(tape.snapshot(2), ours)
    assert not ours.unsure
    whole = tape.gap(3, instrument="*")
    books.apply(whole, books.of(whole))
    assert (ours.unsure, other.unsure, elsewhere.unsure) == (True, True, False)
