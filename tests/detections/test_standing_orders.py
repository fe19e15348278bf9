"""Whose the orders of a book are is known without a look at all of them, and as if by one."""

import random

from detections.books.order_book import OrderBook, Resting
from detections.books.order_books import SharedBooks
from detections.books.standing import Standing
from detections.parties import Party
from normalizer.events.market import MarketEvent
from tests.detections.samples import Tape

NAMES = (None, "a", "b", "c")  # of accounts, investors and clusters: the same words


def of_party(book: OrderBook, party: Party, buy: bool) -> list[Resting]:
    return [
        one
        for one in book.orders.values()
        if one.buy is buy
        and any(
            mine is not None and mine == theirs
            for mine, theirs in zip(party, (one.account, one.investor, one.cluster), strict=True)
        )
    ]


def random_event(tape: Tape, chance: random.Random, at: int) -> MarketEvent:
    order, side = f"o-{chance.randrange(40)}", chance.choice(("buy", "sell"))
    price = 10 + chance.randrange(-5, 5) / 10
    names = {f"investor_{kind}": chance.choice(NAMES) for kind in ("account", "id", "cluster")}
    dice = chance.random()
    if dice < 0.5:
        return tape.placed(at, order, side, price, 1 + chance.randrange(9), **names)
    if dice < 0.7:
        return tape.cancelled(at, order, side)
    if dice < 0.8:
        return tape.changed(at, order, chance.randrange(9), side, price=price)
    if dice < 0.9:
        return tape.trade(at, price, 2, side="sell", maker_order_id=order)
    if dice < 0.98:
        return tape.filled(at, order, side)
    return tape.snapshot(
        at, bid_prices=(9.0, 9.0), bid_quantities=(1.0, 2.0), bid_order_ids=(order, "other")
    )


def test_they_are_those_that_a_look_at_all_finds() -> None:
    tape, chance, books = Tape(), random.Random(11), SharedBooks()
    asked = alone = 0
    for at in range(4_000):
        books.move(random_event(tape, chance, at))
        if at % 3 == 0:
            book = books.change.book
            party = Party(*(chance.choice(NAMES) for _ in range(3)))
            for buy in (True, False):
                wanted = of_party(book, party, buy)
                found = books.standing(book).of(party, buy)
                assert sorted(map(id, found)) == sorted(map(id, wanted))
                anew = Standing(book).of(party, buy)  # as after a restart: also the order of sums
                assert [id(one) for one in found] == [id(one) for one in anew]
                for one in found:
                    if books.standing(book).has_only(party, one):
                        assert [one] == list(found)
                        alone += 1
                asked += len(wanted)
    assert asked > 1_000
    assert alone > 100


def test_of_who_has_no_name_there_are_none() -> None:
    books, tape = SharedBooks(), Tape()
    books.move(tape.placed(0, "o", "buy", 10, 1))
    assert list(books.standing(books.change.book).of(Party(None, None, None), True)) == []


def test_a_book_that_could_not_be_moved_on_is_looked_through_again() -> None:
    books, tape = SharedBooks(), Tape()
    placed = tape.placed(0, "o", "buy", 10, 1, investor_account="a")
    books.move(placed)
    before = books.standing(books.change.book)
    books.lose(placed)
    assert books.standing(books.change.book) is not before
