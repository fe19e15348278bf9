"""What happened at a price where the feed gives levels only, or names no orders."""

import re
from zlib import crc32

import pytest

from detections.books.level_changes import MOMENT, LevelChange
from detections.books.order_books import OrderBooks, SharedBooks
from normalizer.events import MarketEvent
from normalizer.events.market import BookUpdate, Trade
from normalizer.normalize import Normalizer
from normalizer.reference import Reference
from pipeline.frames import Frame, FrameBatch
from tests.detections.samples import MILLISECOND, Tape
from tests.fixtures.shared_data import COINBASE, KRAKEN, recorded_frames


def level_book(tape: Tape) -> SharedBooks:
    books = SharedBooks()
    books.move(
        tape.snapshot(
            0,
            bid_prices=(10.0, 9.0),
            bid_quantities=(5.0, 7.0),
            ask_prices=(11.0,),
            ask_quantities=(4.0,),
        )
    )
    return books


def moved(books: SharedBooks, event: MarketEvent) -> tuple[LevelChange, ...]:
    books.move(event)
    return books.change.levels


def test_what_a_trade_explains_was_traded_and_the_rest_cancelled() -> None:
    tape = Tape()
    books = level_book(tape)
    moved(books, tape.trade(10, 10, 2, side="sell"))
    (change,) = moved(books, tape.update(11, bid_prices=(10.0,), bid_quantities=(1.0,)))
    assert (change.buy, change.before, change.after) == (True, 5.0, 1.0)
    assert (change.traded, change.cancelled, change.added) == (2.0, 2.0, 0.0)


@pytest.mark.parametrize(
    ("price", "side", "at"),
    [(9, "sell", 10), (10, "buy", 10), (10, "sell", 11 - 2 * MOMENT / MILLISECOND)],
    ids=["another price", "the other side", "long before"],
)
def test_a_trade_elsewhere_explains_nothing(price: float, side: str, at: float) -> None:
    tape = Tape()
    books = level_book(tape)
    moved(books, tape.trade(at, price, 2, side=side))
    (change,) = moved(books, tape.update(11, bid_prices=(10.0,), bid_quantities=(1.0,)))
    assert (change.traded, change.cancelled) == (0.0, 4.0)


def test_a_trade_explains_only_as_much_as_it_was() -> None:
    tape = Tape()
    books = level_book(tape)
    moved(books, tape.trade(10, 10, 2, side="sell"))
    first = moved(books, tape.update(11, bid_prices=(10.0,), bid_quantities=(3.5,)))
    second = moved(books, tape.update(12, bid_prices=(10.0,), bid_quantities=(1.0,)))
    assert [one.traded for one in (*first, *second)] == [1.5, 0.5]
    assert second[0].cancelled == 2.0


def test_what_was_believed_to_be_cancelled_is_taken_back_by_a_trade_behind_it() -> None:
    tape = Tape()
    books = level_book(tape)
    (change,) = moved(books, tape.update(10, ask_prices=(11.0,), ask_quantities=(1.0,)))
    assert change.cancelled == 3.0
    moved(books, tape.trade(10, 11, 2, side="buy"))
    assert books.change.taken_back == 2.0
    moved(books, tape.trade(11, 11, 2, side="buy"))
    assert books.change.taken_back == 1.0
    moved(books, tape.trade(12, 11, 2, side="buy"))
    assert books.change.taken_back == 0.0


def test_what_comes_was_added_and_levels_that_stay_did_not_change() -> None:
    tape = Tape()
    books = level_book(tape)
    found = moved(
        books,
        tape.update(
            1,
            bid_prices=(10.0, 9.5, 9.0),
            bid_quantities=(6.0, 3.0, 7.0),
            ask_prices=(11.0,),
            ask_quantities=(0.0,),
        ),
    )
    assert [(one.price, one.added, one.cancelled) for one in found] == [
        (10.0, 1.0, 0.0),
        (9.5, 3.0, 0.0),
        (11.0, 0.0, 4.0),
    ]
    assert (books.change.book.bid, books.change.book.ask) == (10.0, None)


def test_an_order_that_was_removed_was_filled_as_far_as_trades_explain_it() -> None:
    tape, books = Tape(), SharedBooks()
    books.move(tape.placed(0, "a", "buy", 10, 5))
    books.move(tape.placed(1, "b", "buy", 10, 5))
    books.move(tape.trade(50, 10, 3, side="sell"))
    books.move(tape.removed(51, "a"))
    change = books.change
    assert change.inferred
    assert (change.traded, change.cancelled) == (3.0, 2.0)
    books.move(tape.removed(52, "b"))
    assert (books.change.traded, books.change.cancelled) == (0.0, 5.0)


def test_what_falls_out_of_the_depth_of_the_feed_is_forgotten() -> None:
    tape, books = Tape(), SharedBooks()
    books.move(tape.snapshot(0, bid_prices=(10.0, 9.0), bid_quantities=(1.0, 2.0), depth=2))
    books.move(tape.update(1, bid_prices=(11.0,), bid_quantities=(3.0,)))
    book = books.change.book
    assert book.level_bids.keys == [10.0, 11.0]
    # The feed says no more of 9.0, even when 11.0 goes: it would send 9.0 again if it were there.
    books.move(tape.update(2, bid_prices=(11.0,), bid_quantities=(0.0,)))
    assert book.level_bids.quantities == {10.0: 1.0}


def test_trades_of_a_book_of_which_nothing_is_known_are_not_kept() -> None:
    tape, books = Tape(), SharedBooks()
    for number in range(10):
        books.move(tape.trade(number, 10 + number, 1, side="sell"))
    assert books.change.book.traded == {}


# -- recorded frames -------------------------------------------------------------------------------


def events_of(normalizer: Normalizer, protocol: str, frame: Frame) -> list[MarketEvent]:
    result = normalizer.normalize(int(frame.position), FrameBatch("recorded", protocol, [frame]))
    return [event for event in result.events if isinstance(event, MarketEvent)]


def test_trades_recorded_at_coinbase_explain_what_went_from_their_levels() -> None:
    normalizer, books = Normalizer(Reference()), OrderBooks()
    traded = explained = updates = 0
    began: dict[str, int] = {}
    for frame in recorded_frames(COINBASE):
        for event in events_of(normalizer, "coinbase", frame):
            book = books.of(event)
            change = books.apply(event, book)
            assert change is not None
            assert not book.is_crossed
            assert not book.is_locked
            if type(event) is BookUpdate:
                began.setdefault(event.instrument, event.timestamp)
                updates += 1
            elif type(event) is Trade and event.timestamp > began.get(event.instrument, 1 << 62):
                # The level is told right before its trade, and at the same time.
                traded += 1
                explained += change.taken_back == pytest.approx(event.quantity)
    assert updates == 9_719
    assert traded >= 90
    assert explained == traded


def test_books_recorded_at_kraken_are_exact_by_its_checksums() -> None:
    normalizer, books = Normalizer(Reference()), OrderBooks()
    decimals: dict[str, tuple[int, int]] = {}
    checked = 0
    for frame in recorded_frames(KRAKEN):
        text = frame.payload.decode()
        for event in events_of(normalizer, "kraken-v1", frame):
            book = books.of(event)
            books.apply(event, book)
            if event.instrument not in decimals:
                price, volume = re.findall(r'\["(\d+\.\d+)","(\d+\.\d+)"', text)[0]
                decimals[event.instrument] = (_after_point(price), _after_point(volume))
            told = re.search(r'"c":"(\d+)"', text)
            if told is not None:
                checked += 1
                assert _checksum(books, event, decimals[event.instrument]) == int(told[1])
    assert checked == 4_269


def _after_point(number: str) -> int:
    return len(number.partition(".")[2])


def _checksum(books: OrderBooks, event: MarketEvent, decimals: tuple[int, int]) -> int:
    """CRC32 of the ten best offers and bids, as Kraken's guide to checksums has it."""
    book, text = books.of(event), ""
    for side in (book.level_asks, book.level_bids):
        for key in side.keys[:-11:-1]:
            for number, places in zip((abs(key), side.quantities[key]), decimals, strict=True):
                text += f"{number:.{places}f}".replace(".", "").lstrip("0")
    return crc32(text.encode())
