"""Who stands before whom at a price: against the simplest model of a queue."""

from hypothesis import given, settings
from hypothesis import strategies as st

from detections.books.order_books import OrderBooks, SharedBooks
from normalizer.events import MarketEvent
from tests.detections.samples import MILLISECOND, START, Tape

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["place", "place", "cancel", "fill", "change", "move", "renew"]),
        st.integers(0, 11),
        st.booleans(),
        st.integers(1, 4).map(float),
        st.integers(1, 64).map(float),
    ),
    max_size=60,
)


class PlainQueue:
    """Orders in one list, the first come first; each is (id, buy, price, quantity)."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, bool, float, float]] = []

    def find(self, order_id: str) -> tuple[str, bool, float, float] | None:
        return next((row for row in self.rows if row[0] == order_id), None)

    def drop(self, order_id: str) -> None:
        self.rows = [row for row in self.rows if row[0] != order_id]

    def join(self, order_id: str, buy: bool, price: float, quantity: float) -> None:
        self.drop(order_id)
        self.rows.append((order_id, buy, price, quantity))

    def cut(self, order_id: str, quantity: float) -> None:
        self.rows = [(*row[:3], quantity) if row[0] == order_id else row for row in self.rows]

    def ahead(self, order_id: str) -> tuple[int, float]:
        row = self.find(order_id)
        assert row is not None
        before = [
            other for other in self.rows[: self.rows.index(row)] if other[1:3] == (row[1], row[2])
        ]
        return len(before), sum(other[3] for other in before)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_places_are_those_of_a_plain_queue(
    steps: list[tuple[str, int, bool, float, float]],
) -> None:
    tape, books, plain = Tape(), OrderBooks(), PlainQueue()
    for at, (what, number, buy, price, quantity) in enumerate(steps):
        name = str(number)
        side = "buy" if buy else "sell"
        known = plain.find(name)
        event: MarketEvent
        match what:
            case "place":
                event = tape.placed(at, name, side, price, quantity)
                plain.join(name, buy, price, quantity)
            case "cancel":
                event = tape.cancelled(at, name, side)
                plain.drop(name)
            case "fill":
                event = tape.trade(at, price, quantity, maker_order_id=name)
                if known is not None and known[3] > quantity:
                    plain.cut(name, known[3] - quantity)
                else:
                    plain.drop(name)
            case "renew":
                event = tape.snapshot(at, **_rows(plain, buy=True), **_rows(plain, buy=False))
                if not plain.rows:
                    continue
            case _:
                changed = {"price": price} if what == "move" else {}
                event = tape.changed(at, name, quantity, side, **changed)
                if known is not None:
                    now = price if what == "move" else known[2]
                    if quantity > known[3] or now != known[2]:
                        plain.join(name, known[1], now, quantity)
                    else:
                        plain.cut(name, quantity)
        book = books.of(event)
        books.apply(event, book)
        assert set(book.orders) == {row[0] for row in plain.rows}
        assert books.resting == len(plain.rows)
        for order_id, order in book.orders.items():
            assert book.ahead(order) == plain.ahead(order_id)


def _rows(plain: PlainQueue, *, buy: bool) -> dict[str, tuple[object, ...]]:
    rows = [row for row in plain.rows if row[1] is buy]
    side = "bid" if buy else "ask"
    return {
        f"{side}_order_ids": tuple(row[0] for row in rows),
        f"{side}_prices": tuple(row[2] for row in rows),
        f"{side}_quantities": tuple(row[3] for row in rows),
    }


def moved(books: SharedBooks, *events: MarketEvent) -> SharedBooks:
    for event in events:
        books.move(event)
    return books


def test_cutting_keeps_the_place_and_enlarging_or_moving_loses_it() -> None:
    tape, books = Tape(), SharedBooks()
    moved(
        books,
        tape.placed(0, "a", "buy", 10, 5),
        tape.placed(1, "b", "buy", 10, 7),
        tape.changed(2, "a", 2, price=10.0),
    )
    book = books.change.book
    assert book.ahead(book.orders["b"]) == (1, 2.0)
    moved(books, tape.changed(3, "a", 6))
    assert (book.ahead(book.orders["a"]), book.ahead(book.orders["b"])) == ((1, 7.0), (0, 0.0))
    assert book.orders["a"].queued_at == START + 3 * MILLISECOND
    moved(books, tape.changed(4, "b", 7, price=9.0), tape.changed(5, "b", 7, price=10.0))
    assert book.ahead(book.orders["b"]) == (1, 6.0)


def test_what_stood_before_an_order_is_known_when_it_has_left() -> None:
    tape, books = Tape(), SharedBooks()
    moved(
        books,
        tape.placed(0, "a", "sell", 10, 5),
        tape.placed(1, "b", "sell", 10, 7),
        tape.placed(2, "c", "sell", 10, 9),
        tape.cancelled(250, "b", "sell"),
    )
    change = books.change
    order = change.order
    assert order is not None
    assert change.book.ahead(order) == (1, 5.0)
    assert (change.quantity_before, change.quantity_after, change.cancelled) == (7.0, 0.0, 7.0)
    assert order.placed_at == START + MILLISECOND


def test_fills_of_an_order_are_known_when_it_has_left() -> None:
    tape, books = Tape(), SharedBooks()
    moved(
        books,
        tape.placed(0, "a", "sell", 10, 5),
        tape.trade(1, 10, 2, maker_order_id="a"),
        tape.changed(2, "a", 1),
    )
    assert (books.change.traded, books.change.cancelled) == (0.0, 2.0)
    moved(books, tape.trade(3, 10, 1, maker_order_id="a"))
    change = books.change
    order = change.order
    assert order is not None
    assert (change.quantity_after, change.traded, change.cancelled) == (0.0, 1.0, 0.0)
    assert (order.filled, order.most) == (3.0, 5.0)


def test_the_touch_is_the_best_of_both_sides() -> None:
    tape, books = Tape(), SharedBooks()
    moved(books, tape.placed(0, "a", "buy", 10, 5), tape.placed(1, "b", "sell", 12, 5))
    book = books.change.book
    assert (book.bid, book.ask) == (10.0, 12.0)
    moved(books, tape.placed(2, "c", "buy", 11, 5))
    assert (book.bid, book.ask, book.middle) == (11.0, 12.0, 11.5)
    moved(books, tape.placed(3, "d", "buy", 9, 5))
    assert (book.bid, book.ask) == (11.0, 12.0)


def test_locked_and_crossed_books_are_seen() -> None:
    tape, books = Tape(), SharedBooks()
    moved(books, tape.placed(0, "a", "buy", 10, 5), tape.placed(1, "b", "sell", 10, 5))
    book = books.change.book
    assert (book.is_locked, book.is_crossed) == (True, False)
    moved(books, tape.placed(2, "c", "buy", 11, 5))
    assert (book.is_locked, book.is_crossed) == (False, True)
    moved(books, tape.cancelled(3, "c"), tape.cancelled(4, "a"))
    assert (book.is_locked, book.is_crossed) == (False, False)


def test_depth_besides_an_order_is_that_without_it() -> None:
    tape, books = Tape(), SharedBooks()
    moved(
        books,
        tape.placed(0, "a", "buy", 10, 5),
        tape.placed(1, "b", "buy", 9, 7),
        tape.placed(2, "c", "buy", 8, 9),
    )
    side = books.change.book.bids
    before = [side.depth(levels, 0.5) for levels in (1, 2, 3)]
    for price in (11, 10, 9.5, 9, 8):
        moved(books, tape.placed(3, "new", "buy", price, 4))
        order = books.change.order
        assert order is not None
        assert [side.depth_besides(order, levels, 0.5) for levels in (1, 2, 3)] == before
        moved(books, tape.cancelled(4, "new"))
        assert [side.depth_besides(order, levels, 0.5) for levels in (1, 2, 3)] == before
