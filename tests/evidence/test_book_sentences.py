"""What a timeline says of books by level, and of orders that were filled."""

from evidence.sentences import sentence
from tests.detections.samples import Tape


def test_an_update_says_what_stands_where_now() -> None:
    event = Tape().update(
        0,
        bid_prices=(10.0, 9.5),
        bid_quantities=(3.0, 0.0),
        ask_prices=(11.0,),
        ask_quantities=(2,),
    )
    said = "the book of ACME-USD changed: bids 3 at 10, none at 9.5; offers 2 at 11"
    assert sentence(event) == said


def test_of_many_levels_some_are_named() -> None:
    prices = tuple(float(number) for number in range(10, 0, -1))
    event = Tape().update(0, bid_prices=prices, bid_quantities=(1.0,) * 10)
    said = "the book of ACME-USD changed: bids 1 at 10, 1 at 9, 1 at 8, 1 at 7, and 6 more"
    assert sentence(event) == said


def test_a_whole_book_is_told_by_its_size_and_its_best_prices() -> None:
    event = Tape().snapshot(
        0,
        bid_prices=(9.0, 10.0),
        bid_quantities=(1.0, 1.0),
        ask_prices=(11.0,),
        ask_quantities=(1,),
    )
    assert sentence(event) == (
        "the whole book of ACME-USD: 2 levels of bids and 1 of offers, the best bid at 10, "
        "the best offer at 11"
    )
    empty = "the whole book of ACME-USD: 0 levels of bids and 0 of offers"
    assert sentence(Tape().snapshot(0)) == empty


def test_an_order_that_was_filled_has_no_quantity_of_nothing() -> None:
    event = Tape().filled(0, "o", remaining=0.0, investor_account="A-1")
    assert sentence(event) == "A-1 was filled: a buy order of ACME-USD"


def test_what_an_order_was_changed_from_is_told_where_it_is_known() -> None:
    tape = Tape()
    changed = tape.changed(0, "o", 48, price=9.5, previous_quantity=50.0, investor_account="A-1")
    said = "A-1 changed a buy order to 48 ACME-USD at 9.5, from 50"
    assert sentence(changed) == said
    assert sentence(tape.changed(0, "o", 48)) == "somebody changed a buy order to 48 ACME-USD"


def test_an_order_that_left_for_no_reason_told() -> None:
    said = "somebody has no longer a sell order of ACME-USD"
    assert sentence(Tape().removed(0, "o", "sell")) == said
