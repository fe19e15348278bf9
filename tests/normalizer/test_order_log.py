"""Lines of order logs, as docs/order-log.md defines them, to events."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer.decoders.order_log_line import Line
from normalizer.events import market
from normalizer.normalize import Normalized
from pipeline.order_log_columns import COLUMNS
from pipeline.trade_sides import LineContext, encode_context
from tests.normalizer import venue_frames as v

NEW: dict[str, Any] = {
    "transact_time": v.TIME,
    "exec_type": "new",
    "seq_num": 1,
    "symbol": "ACME-USD",
    "order_id": "41",
    "account": "A-7",
    "side": "sell",
    "ord_type": "limit",
    "price": 10.25,
    "order_qty": 300,
}
TRADE: dict[str, Any] = {
    "transact_time": v.TIME,
    "exec_type": "trade",
    "seq_num": 3,
    "symbol": "ACME-USD",
    "trade_id": "9001",
    "last_px": 10.25,
    "last_qty": 100,
    "aggressor_side": "buy",
    "buyer_account": "B-3",
    "seller_account": "A-7",
    "maker_order_id": "41",
    "taker_order_id": "42",
    "maker_leaves_qty": 200,
    "taker_leaves_qty": 0,
}
#: The two lines that FIX would write of it.
BUYER: dict[str, Any] = {
    "transact_time": v.TIME,
    "exec_type": "trade",
    "exec_id": "e1",
    "symbol": "ACME-USD",
    "trade_id": "9001",
    "last_px": 10.25,
    "last_qty": 100,
    "order_id": "42",
    "account": "B-3",
    "side": "buy",
    "leaves_qty": 0,
    "aggressor_indicator": "Y",
}
SELLER: dict[str, Any] = BUYER | {
    "exec_id": "e2",
    "order_id": "41",
    "account": "A-7",
    "side": "sell",
    "leaves_qty": 200,
    "aggressor_indicator": "N",
}


def read(*lines: Any, **context: Any) -> Normalized:
    return v.normalize("order_log", *lines, context=encode_context(LineContext(**context)))


def refusal(*lines: Any, **context: Any) -> tuple[str | None, str]:
    (letter,) = read(*lines, **context).dead
    return letter.field, letter.reason


def test_an_order_is_placed_with_its_account_and_the_time_to_the_nanosecond() -> None:
    placed = v.only(read(NEW | {"transact_time": "2023-11-14T22:13:20.123456789Z"}))
    assert isinstance(placed, market.OrderPlaced)
    assert placed.timestamp == 1_700_000_000_123_456_789
    assert (placed.venue, placed.instrument, placed.currency) == ("demo-venue", "ACME-USD", "USD")
    assert (placed.order_id, placed.side, placed.price) == ("41", "sell", 10.25)
    assert (placed.quantity, placed.remaining, placed.sequence) == (300.0, 300.0, 1)
    assert (placed.investor_account, placed.related_user) == ("A-7", ("A-7",))


@pytest.mark.parametrize(
    "time", [1_700_000_000_028_459_000, "1700000000028459000", "20231114-22:13:20.028459", v.TIME]
)
def test_a_time_is_rfc_3339_or_of_fix_or_a_number_of_nanoseconds(time: str | int) -> None:
    assert v.only(read(NEW | {"transact_time": time})).timestamp == v.AT


@pytest.mark.parametrize(
    ("time", "nanoseconds"),
    [
        (1_520_000_014, 1_520_000_014 * 10**9),
        ("1520000014.0", 1_520_000_014 * 10**9),
        ("1520000014.25", 1_520_000_014_250_000_000),
        ("1520000014123", 1_520_000_014_123_000_000),
        (1_520_000_014_123_456, 1_520_000_014_123_456_000),
    ],
)
def test_published_tapes_have_times_in_other_units(time: str | int, nanoseconds: int) -> None:
    assert v.only(read(NEW | {"transact_time": time})).timestamp == nanoseconds


def test_what_never_rests_is_received_only() -> None:
    for change in ({"ord_type": "market", "price": None}, {"time_in_force": "ioc"}):
        assert isinstance(v.only(read(NEW | change)), market.OrderReceived)


def test_an_order_that_was_filled_in_part_before_it_rests_has_its_rest_on_the_book() -> None:
    placed = v.only(read(NEW | {"leaves_qty": "120.5"}))
    assert (placed.quantity, placed.remaining) == (300.0, 120.5)


def test_a_trade_has_both_accounts_and_what_it_filled_whole_leaves_the_book() -> None:
    trade, filled = read(TRADE).events
    assert isinstance(trade, market.Trade)
    assert (trade.price, trade.quantity, trade.notional, trade.side) == (
        10.25,
        100.0,
        1025.0,
        "buy",
    )
    assert (trade.buyer_account, trade.seller_account) == ("B-3", "A-7")
    assert (trade.maker_order_id, trade.taker_order_id) == ("41", "42")
    assert trade.related_user == ("B-3", "A-7")
    assert isinstance(filled, market.OrderFilled)
    assert (filled.order_id, filled.side, filled.investor_account) == ("42", "buy", "B-3")
    assert trade.id != filled.id


PLACED: dict[str, Any] = {
    "transact_time": v.TIME, "exec_type": "new", "seq_num": 7, "symbol": "ACME-USD",
    "order_id": "1", "side": "buy", "price": 10.0, "order_qty": 5,
}  # fmt: skip


def test_a_line_that_is_told_again_is_the_same_event_and_another_one_of_its_number_is_not() -> None:
    other = PLACED | {"order_id": "2", "side": "sell"}
    out = read(PLACED, other, PLACED, other)
    ids = [one.id for one in out.events]
    assert not out.dead
    assert ids[0] == read(PLACED).events[0].id, "a number that comes once says it all"
    assert ids[0] == ids[2]
    assert ids[1] == ids[3] != ids[0]
    assert ids[1].startswith(f"{ids[0]}:")
    assert read(PLACED, PLACED | {"order_id": "3"}, other).events[2].id == ids[1]


def test_what_one_line_leads_to_is_told_apart_as_well() -> None:
    moved = PLACED | {"exec_type": "replaced", "orig_order_id": "1", "order_id": "9"}
    ids = [one.id for one in read(PLACED, moved, moved | {"orig_order_id": "2"}).events]
    assert len(set(ids)) == len(ids) == 5


def test_a_trade_that_two_lines_tell_otherwise_is_one_trade_and_both_lines_are_named() -> None:
    buyer, seller = BUYER | {"exec_id": "e1"}, SELLER | {"exec_id": "e1"}
    out = read(buyer, seller)
    (letter,) = out.dead
    assert (letter.field, letter.original) == ("trade_id", "RAW/7/1")
    assert letter.reason.startswith("trade 9001 of ACME-USD was told already at ")
    assert letter.position in letter.reason
    assert "`trade_sides: each`" in letter.reason
    assert len({one.id for one in out.events if one.id.endswith(":trade:9001")}) == 1
    assert not read(buyer, buyer).dead


def test_two_lines_of_a_trade_are_one_trade_at_the_second() -> None:
    for first, second in ((BUYER, SELLER), (SELLER, BUYER)):
        early = read(first, side="first")
        assert not early.events
        assert early.ignored == {"first side of a trade": 1}
        trade, filled = read(
            second, side="second", other=msgspec.json.encode(first).decode()
        ).events
        assert isinstance(trade, market.Trade)
        assert (trade.buyer_account, trade.seller_account, trade.side) == ("B-3", "A-7", "buy")
        assert (trade.maker_order_id, trade.taker_order_id) == ("41", "42")
        assert isinstance(filled, market.OrderFilled)
        assert (filled.order_id, filled.investor_account) == ("42", "B-3")


def test_a_side_without_its_other_is_a_trade_with_one_account() -> None:
    trade = read(SELLER, side="alone").events[0]
    assert isinstance(trade, market.Trade)
    assert (trade.buyer_account, trade.seller_account) == (None, "A-7")
    assert (trade.maker_order_id, trade.taker_order_id, trade.side) == ("41", None, "buy")


def test_sides_that_differ_in_price_are_refused() -> None:
    other = msgspec.json.encode(BUYER | {"last_px": 10.5}).decode()
    assert refusal(SELLER, side="second", other=other)[0] == "trade_id"


def test_who_came_in_may_be_unknown_and_then_the_line_itself_tells_what_is_left() -> None:
    unknown = {name: value for name, value in SELLER.items() if name != "aggressor_indicator"}
    trade, changed = read(unknown).events
    assert isinstance(trade, market.Trade)
    assert (trade.side, trade.maker_order_id, trade.taker_order_id) == (None, None, None)
    assert isinstance(changed, market.OrderChanged)
    assert (changed.order_id, changed.remaining, changed.reason) == ("41", 200.0, "filled in part")


def test_a_published_tape_is_trades_that_are_known_by_their_place() -> None:
    tape = {name: TRADE[name] for name in ("transact_time", "exec_type", "symbol")}
    first, second = read(*[tape | {"last_px": "10.25", "last_qty": "1e2"}] * 2).events
    assert isinstance(first, market.Trade)
    assert isinstance(second, market.Trade)
    assert (first.trade_id, second.trade_id) == ("c1:0", "c1:1")
    assert first.id != second.id
    assert first.side is None
    assert first.quantity == 100.0


def test_sides_of_published_tapes_may_be_in_capitals() -> None:
    trade = read(TRADE | {"aggressor_side": "SELL"}).events[0]
    assert isinstance(trade, market.Trade)
    assert trade.side == "sell"
    assert v.only(read(NEW | {"side": "Buy"})).side == "buy"


def test_the_zero_address_is_nobody() -> None:
    nobody = "0x" + "0" * 40
    trade = read(TRADE | {"buyer_account": nobody, "taker_leaves_qty": None}).events[0]
    assert isinstance(trade, market.Trade)
    assert (trade.buyer_account, trade.seller_account) == (None, "A-7")
    assert trade.related_user == ("A-7",)
    placed = v.only(read(NEW | {"account": nobody}))
    assert placed.investor_account is None


def test_the_life_of_an_order_after_it_was_placed() -> None:
    base = {key: NEW[key] for key in ("transact_time", "symbol", "order_id", "account", "side")}
    replaced, moved, *rest = (
        base | {"exec_type": "replaced", "price": 10.3, "order_qty": 200},
        base
        | {"exec_type": "replaced", "order_id": 43, "orig_order_id": 41}
        | {"price": 10.4, "order_qty": 50},
        base | {"exec_type": "canceled", "leaves_qty": 50},
        base | {"exec_type": "expired"},
        base | {"exec_type": "rejected", "text": "no cover"},
        base | {"exec_type": "cancel_rejected", "text": "too late"},
        base | {"exec_type": "filled"},
    )
    changed = v.only(read(replaced))
    assert isinstance(changed, market.OrderChanged)
    assert (changed.price, changed.remaining) == (10.3, 200.0)
    gone, placed = read(moved).events
    assert isinstance(gone, market.OrderCancelled)
    assert (gone.order_id, gone.reason) == ("41", "replaced")
    assert isinstance(placed, market.OrderPlaced)
    assert (placed.order_id, placed.price) == ("43", 10.4)
    kinds = [v.only(read(line)) for line in rest]
    assert [type(event) for event in kinds] == [
        market.OrderCancelled,
        market.OrderCancelled,
        market.OrderRejected,
        market.CancelRejected,
        market.OrderFilled,
    ]
    assert [event.reason for event in kinds] == [None, "expired", "no cover", "too late", None]
    assert {event.investor_account for event in kinds} == {"A-7"}


def test_busts_and_corrections_name_their_trade() -> None:
    base = {"transact_time": v.TIME, "symbol": "ACME-USD", "trade_ref_id": "9001"}
    bust = v.only(read(base | {"exec_type": "trade_bust", "text": "clearly erroneous"}))
    assert isinstance(bust, market.TradeBusted)
    assert (bust.trade_id, bust.reason) == ("9001", "clearly erroneous")
    right = v.only(read(base | {"exec_type": "trade_correct", "last_px": 10.2, "last_qty": 100}))
    assert isinstance(right, market.TradeCorrected)
    assert (right.trade_id, right.price, right.quantity) == ("9001", 10.2, 100.0)


def test_a_book_comes_by_order_or_by_level() -> None:
    base = {"transact_time": v.TIME, "symbol": "ACME-USD", "exec_type": "book_snapshot"}
    by_order = v.only(read(base | {"bids": [[10, 5, "7"], [9.5, 1, 8]], "asks": []}))
    assert isinstance(by_order, market.BookSnapshot)
    assert (by_order.bid_prices, by_order.bid_order_ids) == ((10.0, 9.5), ("7", "8"))
    by_level = v.only(read(base | {"bids": [[10, 5]], "asks": [[11, "2.5"]]}))
    assert (by_level.ask_prices, by_level.ask_quantities) == ((11.0,), (2.5,))
    assert refusal(base | {"bids": [[10, 5, "7"], [9, 1]]})[0] == "bids"


def test_levels_that_changed_come_without_the_rest_of_the_book() -> None:
    base = {"transact_time": v.TIME, "symbol": "ACME-USD", "exec_type": "book_update"}
    event = v.only(read(base | {"seq_num": 7, "bids": [[10, 5], [9.5, 0]]}))
    assert isinstance(event, market.BookUpdate)
    assert (event.bid_prices, event.bid_quantities) == ((10.0, 9.5), (5.0, 0.0))
    assert event.ask_prices == ()
    assert event.id.endswith(":7")
    assert refusal(base) == ("bids", "are missing")
    assert refusal(base | {"asks": [[10, 5, "7"]]})[0] == "asks"


def test_csv_gives_the_same_events_as_ndjson() -> None:
    header = ",".join([*TRADE, "x_desk", "text"])
    row = ",".join([*(str(value) for value in TRADE.values()), '"a, b"', ""])
    assert read(row.encode(), columns=header).events == read(TRADE).events
    with_mark = read((row + "\r\n").encode(), columns="\ufeff" + header + "\r\n")
    assert with_mark.events == read(TRADE).events


def test_columns_of_the_venues_own_are_passed_over() -> None:
    assert read(NEW | {"x_desk": {"a": 1}}).events == read(NEW).events


def test_a_venue_and_a_currency_of_its_own_count() -> None:
    event = v.only(read(NEW | {"venue": "other", "currency": "EUR"}))
    assert (event.venue, event.currency) == ("other", "EUR")


def test_steps_that_change_nothing_are_counted() -> None:
    assert read(NEW | {"exec_type": "pending_cancel"}).ignored == {"pending_cancel": 1}


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"exec_type": "cancelled"}, "exec_type", "canceled"),
        ({"side": "buys"}, "side", "buy"),
        ({"side": "short"}, "side", "sell_short"),
        ({"acount": "A-7"}, "acount", "did you mean account?"),
        ({"colour": "red"}, "colour", "x_"),
        ({"price": "10,25"}, "price", "float"),
        ({"price": -1}, "price", ">= 0"),
        ({"order_id": None}, "order_id", "missing"),
        ({"side": None}, "side", "missing"),
        ({"price": None}, "price", "market"),
        ({"order_qty": None}, "order_qty", "missing"),
        ({"transact_time": "yesterday at ten o'clock"}, "transact_time", "RFC 3339"),
        ({"transact_time": "2023-11-14T22:13:20"}, "transact_time", "zone"),
        ({"transact_time": 17}, "transact_time", "2009"),
        ({"order_id": "4" * 129}, "order_id", "128"),
    ],
)
def test_what_is_wrong_is_said_with_its_column(
    change: dict[str, Any], field: str, said: str
) -> None:
    line = {key: value for key, value in (NEW | change).items() if value is not None}
    found, reason = refusal(line)
    assert (found, said in reason) == (field, True), reason


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ('"price":9,"price":10', "price"),
        ('"price" :9, "price":10', "price"),
        ('"x_note":"a","x_note":"b"', "x_note"),
        ('"text":"1,2","price":9,"price":10', "price"),
    ],
)
def test_a_name_that_a_line_has_twice_is_refused(more: str, field: str) -> None:
    line = json.dumps({key: value for key, value in NEW.items() if key != "price"})
    found, reason = refusal(f"{line[:-1]},{more}}}".encode())
    assert found == field
    place = len(line) + 1 + more.rfind(f'"{field}')
    assert f"is there twice, the second time at character {place}:" in reason


def test_nulls_commas_and_what_looks_like_names_are_no_names() -> None:
    odd = {"account": None, "text": 'a,b "price": 9,', "price": 9}
    assert read(NEW | odd).dead == []


def test_what_is_wrong_with_a_trade_is_said() -> None:
    assert refusal(TRADE | {"aggressor_side": "bid"})[0] == "aggressor_side"
    assert refusal(SELLER | {"aggressor_indicator": "maybe"})[0] == "aggressor_indicator"
    assert refusal({**TRADE, "last_qty": 0}) == ("last_qty", "is 0")
    without = {key: value for key, value in TRADE.items() if key != "last_px"}
    assert refusal(without) == ("last_px", "is missing")


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("transact_time,exec_typ,symbol", "1,2,3", "did you mean exec_type?"),
        ("transact_time,symbol,symbol", "1,2,3", "twice"),
        ("transact_time,exec_type,symbol", "1,2", "2 cells under 3 columns"),
        ("transact_time,bids", "1,2", "NDJSON"),
        ("transact_time,exec_type", '1,"new', "CSV"),
        ("transact_time,last_px", "1,'10,25'", "3 cells under 2 columns"),
        ("transact_time,exec_type,symbol,last_px", '1,trade,A,"10,25"', '"10,25" is no number'),
        ("transact_time,exec_type,symbol,last_qty", "1,trade,A,1 000", '"1 000" is no number'),
    ],
)
def test_what_is_wrong_with_a_table_is_said(header: str, row: str, said: str) -> None:
    assert said in refusal(row.encode(), columns=header)[1]


def test_a_break_in_the_log_is_a_gap() -> None:
    gap = v.only(v.normalize("order_log", {"instrument": "*", "reason": "shorter"}, kind="gap"))
    assert isinstance(gap, market.FeedGap)


_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.text())
)


def test_a_line_has_the_columns_of_a_header() -> None:
    assert Line.__struct_fields__ == COLUMNS
    assert Line.__struct_encode_fields__ == COLUMNS


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(COLUMNS), _values))
def test_no_line_of_json_stops_the_decoder(change: dict[str, Any]) -> None:
    result = read(msgspec.json.encode(NEW | change))
    assert len(result.dead) <= 1
    assert not [letter for letter in result.dead if "the decoder failed" in letter.reason]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80), st.text(max_size=40))
def test_no_line_of_csv_stops_the_decoder(row: bytes, header: str) -> None:
    result = read(row, columns=header)
    assert [letter for letter in result.dead if "the decoder failed" not in letter.reason]
    assert not [letter for letter in read(row).dead if "the decoder failed" in letter.reason]
