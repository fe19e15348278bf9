"""FIX messages to events: drop copies with accounts, trade captures, market data."""

import time
from typing import Any

import pytest
import simplefix
from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer.events import market
from normalizer.normalize import Normalized
from pipeline.fix_message import (
    BadMessage,
    Framing,
    Garbled,
    TooLong,
    checksum,
    fields_of,
    group,
    is_whole,
)
from pipeline.trade_sides import LineContext, encode_context
from tests.normalizer import venue_frames as v

TIME = "20231114-22:13:20.028459"
Pairs = list[tuple[int, Any]]


def message(kind: str, pairs: Pairs) -> bytes:
    made = simplefix.FixMessage()
    for tag, value in [(8, "FIX.4.4"), (35, kind), (34, 7), (49, "V"), (56, "C"), (52, TIME)]:
        made.append_pair(tag, value)
    for tag, value in pairs:
        made.append_pair(tag, value)
    return made.encode()  # pyright: ignore


def read(*messages: bytes, **context: Any) -> Normalized:
    return v.normalize("fix", *messages, context=encode_context(LineContext(**context)))


def one(kind: str, pairs: Pairs, **context: Any) -> Any:
    return v.only(read(message(kind, pairs), **context))


ORDER: Pairs = [
    *((1, "A-7"), (11, "c1"), (37, "41"), (17, "e1"), (55, "ACME-USD"), (54, "2")),
    *((38, "300"), (40, "2"), (44, "10.25"), (59, "0"), (60, TIME), (151, "300"), (14, "0")),
]
FILL: Pairs = [
    *((1, "A-7"), (37, "41"), (17, "e2"), (150, "F"), (39, "1"), (55, "ACME-USD"), (54, "2")),
    *((38, "300"), (44, "10.25"), (31, "10.25"), (32, "100"), (151, "200"), (60, TIME)),
    *((880, "9001"), (1057, "N")),
]


def changed(pairs: Pairs, **values: str | None) -> Pairs:
    """``t44="1"`` gives field 44 another value, None takes it out."""
    other = {int(name[1:]): value for name, value in values.items()}
    kept = [(tag, other.pop(tag, value)) for tag, value in pairs]
    return [(tag, value) for tag, value in [*kept, *other.items()] if value is not None]


def test_an_accepted_limit_order_is_placed_with_its_account() -> None:
    placed = one("8", changed(ORDER, t150="0"))
    assert isinstance(placed, market.OrderPlaced)
    assert (placed.venue, placed.instrument) == ("demo-venue", "ACME-USD")
    assert (placed.order_id, placed.side, placed.price, placed.remaining) == (
        *("41", "sell", 10.25, 300.0),
    )
    assert (placed.investor_account, placed.timestamp) == ("A-7", v.AT)


def test_without_transact_time_it_happened_when_it_was_first_sent() -> None:
    untimed = changed(ORDER, t150="0", t60=None)
    assert one("8", untimed).timestamp == v.AT
    first_sent = "20231114-22:13:19.500"
    again = one("8", changed(untimed, t43="Y", t122=first_sent))
    assert again.timestamp == v.AT - 528_459_000
    # What is sent again by the application (97) is no message of then.
    assert one("8", changed(untimed, t97="Y", t122=first_sent)).timestamp == v.AT


def test_an_order_that_never_rests_is_received() -> None:
    for change in ({"t40": "1"}, {"t59": "3"}, {"t59": "4"}, {"t150": "A"}):
        event = one("8", changed(ORDER, **{"t150": "0"} | change))
        assert isinstance(event, market.OrderReceived)


def test_accounts_come_from_the_parties_where_there_is_no_account() -> None:
    parties: Pairs = [(453, 2), (448, "DESK"), (452, "12"), (448, "B-3"), (447, "D"), (452, "24")]
    without = [pair for pair in changed(ORDER, t150="0") if pair[0] != 1]
    assert one("8", without + parties).investor_account == "B-3"
    assert one("8", without).investor_account is None


@pytest.mark.parametrize(
    ("named", "encoding"), [(None, "utf-8"), ("UTF-8", "utf-8"), ("Shift_JIS", "shift_jis")]
)
def test_accounts_and_texts_are_in_the_encoding_of_their_message(
    named: str | None, encoding: str
) -> None:
    why = "数量".encode(encoding)
    more: Pairs = [(347, named)] if named else []
    more += [(354, len(why)), (355, why)] if named else [(58, why)]
    rejected = changed(ORDER, t150="8") + more
    by_account = [(tag, "東京".encode(encoding) if tag == 1 else value) for tag, value in rejected]
    event = one("8", by_account)
    assert (event.investor_account, event.reason) == ("東京", "数量")
    parties: Pairs = [(453, 1), (448, "東京".encode(encoding)), (452, "24")]
    event = one("8", [pair for pair in rejected if pair[0] != 1] + parties)
    assert event.investor_account == "東京"
    capture = [(347, named)] if named else []
    sides: Pairs = [(552, 1), (54, "1"), *parties]
    capture += [(571, "r1"), (487, "0"), (55, "A"), (31, "1"), (32, "1"), (60, TIME), *sides]
    assert one("AE", capture).buyer_account == "東京"


def test_an_account_in_iso_8859_1_stays_what_it_is() -> None:
    account = [(tag, b"M\xfcller" if tag == 1 else value) for tag, value in ORDER]
    assert one("8", changed(account, t150="0")).investor_account == "Müller"


@pytest.mark.parametrize(
    ("kind", "more", "record", "reason"),
    [
        ("4", {"t58": "by user", "t14": "120", "t151": "0"}, market.OrderCancelled, "by user"),
        ("C", {"t151": "0"}, market.OrderCancelled, "expired"),
        ("3", {"t151": "0"}, market.OrderCancelled, "done_for_day"),
        ("5", {"t44": "10.5"}, market.OrderChanged, None),
        ("D", {}, market.OrderChanged, None),
        ("8", {"t58": "no cover"}, market.OrderRejected, "no cover"),
    ],
)
def test_the_life_of_an_order(kind: str, more: dict[str, str], record: type, reason: str) -> None:
    event = one("8", changed(ORDER, **{"t150": kind} | more))
    assert isinstance(event, record)
    assert (event.reason, event.investor_account) == (reason, "A-7")
    if kind == "4":
        assert event.remaining == 180.0


def test_a_cancel_reject_names_the_order_and_no_instrument() -> None:
    event = one("9", [(37, "41"), (11, "c2"), (41, "c1"), (39, "2"), (60, TIME), (58, "too late")])
    assert isinstance(event, market.CancelRejected)
    assert (event.order_id, event.instrument, event.reason) == ("41", "*", "too late")


def test_a_fill_is_a_trade_of_one_side() -> None:
    trade = one("8", FILL)
    assert isinstance(trade, market.Trade)
    assert (trade.price, trade.quantity, trade.trade_id) == (10.25, 100.0, "9001")
    assert (trade.side, trade.seller_account, trade.buyer_account) == ("buy", "A-7", None)
    assert trade.maker_order_id == "41"


def test_fills_of_both_sides_are_one_trade_with_both_accounts() -> None:
    other = changed(FILL, t1="B-3", t37="42", t54="1", t1057="Y", t151="0", t39="2", t17="e3")
    assert read(message("8", FILL), side="first").events == []
    events = read(message("8", other), side="second", other=message("8", FILL).decode()).events
    trade, filled = events
    assert isinstance(trade, market.Trade)
    assert (trade.buyer_account, trade.seller_account, trade.side) == ("B-3", "A-7", "buy")
    assert (trade.maker_order_id, trade.taker_order_id) == ("41", "42")
    assert isinstance(filled, market.OrderFilled)
    assert (filled.order_id, filled.investor_account) == ("42", "B-3")


def test_fills_as_fix_4_2_has_them() -> None:
    old = changed(FILL, t150="2", t39="2", t20="0", t880=None, t1057=None, t151=None)
    trade, filled = read(message("8", old)).events
    assert isinstance(trade, market.Trade)
    assert trade.trade_id == "e2"
    assert isinstance(filled, market.OrderFilled)
    bust = one("8", changed(old, t20="1", t19="e2", t17="e9"))
    assert isinstance(bust, market.TradeBusted)
    assert bust.trade_id == "e2"


def test_busts_and_corrections_name_the_trade() -> None:
    bust = one("8", changed(FILL, t150="H", t19="e2", t17="e8", t880=None))
    assert isinstance(bust, market.TradeBusted)
    assert (bust.trade_id, bust.investor_account) == ("e2", "A-7")
    right = one("8", changed(FILL, t150="G", t31="10.2"))
    assert isinstance(right, market.TradeCorrected)
    assert (right.trade_id, right.price) == ("9001", 10.2)


def test_a_trade_capture_report_has_both_sides() -> None:
    trade = one(
        "AE",
        [
            *((571, "r1"), (487, "0"), (1003, "9001"), (55, "ACME-USD"), (31, "10.25")),
            *((32, "100"), (60, TIME), (552, 2), (54, "1"), (37, "42"), (1, "B-3")),
            *((1057, "Y"), (54, "2"), (37, "41"), (453, 1), (448, "A-7"), (452, "24")),
        ],
    )
    assert isinstance(trade, market.Trade)
    assert (trade.buyer_account, trade.seller_account) == ("B-3", "A-7")
    assert (trade.side, trade.taker_order_id, trade.maker_order_id) == ("buy", "42", None)
    bust = one("AE", [(571, "r2"), (487, "1"), (1003, "9001"), (55, "ACME-USD"), (60, TIME)])
    assert isinstance(bust, market.TradeBusted)


def test_a_snapshot_by_level_and_by_order() -> None:
    entries: Pairs = [
        *((262, "r"), (55, "ACME-USD"), (268, 3)),
        *((269, "0"), (270, "10.2"), (271, "5"), (278, "1")),
        *((269, "0"), (270, "10.1"), (271, "7"), (278, "2")),
        *((269, "1"), (270, "10.3"), (271, "9"), (37, "3")),
    ]
    by_level = one("W", entries)
    assert isinstance(by_level, market.BookSnapshot)
    assert (by_level.bid_prices, by_level.bid_quantities) == ((10.2, 10.1), (5.0, 7.0))
    assert (by_level.ask_prices, by_level.bid_order_ids) == ((10.3,), ())
    by_order = one("W", entries, columns="orders")
    assert (by_order.bid_order_ids, by_order.ask_order_ids) == (("1", "2"), ("3",))


def test_increments_are_updates_and_trades_in_their_order() -> None:
    pairs: Pairs = [
        *((262, "r"), (268, 4)),
        *((279, "0"), (269, "0"), (55, "ACME-USD"), (270, "10.2"), (271, "5")),
        *((279, "2"), (269, "1"), (270, "10.3")),
        *((279, "0"), (269, "2"), (270, "10.3"), (271, "2"), (1003, "77"), (2446, "1")),
        *((272, "20231114"), (273, "22:13:19.5")),
        *((279, "1"), (269, "0"), (55, "OTHER-EUR"), (270, "1"), (271, "2")),
    ]
    update, trade, other = events = read(message("X", pairs)).events
    assert len({event.id for event in events}) == 3
    assert isinstance(update, market.BookUpdate)
    assert (update.bid_prices, update.bid_quantities) == ((10.2,), (5.0,))
    assert (update.ask_prices, update.ask_quantities) == ((10.3,), (0.0,))
    assert isinstance(trade, market.Trade)
    assert (trade.trade_id, trade.side, trade.notional) == ("77", "buy", 20.6)
    assert trade.timestamp == 1_699_999_999_500_000_000
    assert isinstance(other, market.BookUpdate)
    assert (other.instrument, other.currency) == ("OTHER-EUR", "EUR")


def test_increments_by_order_are_steps_of_orders() -> None:
    pairs: Pairs = [(262, "r"), (268, 3)]
    for action, order in (("0", "1"), ("1", "1"), ("2", "1")):
        pairs += [(279, action), (269, "0"), (55, "ACME-USD"), (278, order)]
        pairs += [] if action == "2" else [(270, "10.2"), (271, "5")]
    events = read(message("X", pairs), columns="orders").events
    assert [type(event) for event in events] == [
        market.OrderPlaced,
        market.OrderChanged,
        market.OrderRemoved,
    ]
    assert len({event.id for event in events}) == 3


def test_trading_sessions_and_halts() -> None:
    opened = one("h", [(335, "r"), (336, "CORE"), (340, "2")])
    assert isinstance(opened, market.TradingStatus)
    assert (opened.instrument, opened.status, opened.session) == ("*", "open", "CORE")
    halted = one("f", [(324, "r"), (55, "ACME-USD"), (326, "2"), (327, "D")])
    assert isinstance(halted, market.TradingStatus)
    assert (halted.instrument, halted.status, halted.reason) == ("ACME-USD", "halted", "D")


@pytest.mark.parametrize(
    ("kind", "pairs", "field"),
    [
        ("8", changed(ORDER, t150="0", t55=None), "symbol"),
        ("8", changed(ORDER, t150="Z"), "ExecType (150)"),
        ("8", changed(ORDER), "ExecType (150)"),
        ("8", changed(ORDER, t150="0", t44="ten"), "price"),
        ("8", changed(ORDER, t150="0", t60="yesterday"), "transact_time"),
        ("8", changed(FILL, t32=None), "last_qty"),
        ("W", [(262, "r"), (268, 0)], "Symbol (55)"),
        ("W", [(55, "A"), (268, 1), (269, "0"), (271, "5")], "MDEntryPx (270) of entry 0"),
        ("X", [(268, 1), (279, "0"), (269, "0"), (55, "A"), (270, "1"), (271, "x")], None),
        ("h", [(336, "CORE")], "TradSesStatus (340)"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(kind: str, pairs: Pairs, field: str | None) -> None:
    (letter,) = read(message(kind, pairs)).dead
    if field is not None:
        assert letter.field == field or (field in (letter.reason + str(letter.field)))
    else:
        assert letter.field == "MDEntrySize (271) of entry 0"


def test_a_message_with_a_wrong_checksum_is_a_dead_letter() -> None:
    whole = message("8", changed(ORDER, t150="0"))
    (letter,) = read(whole.replace(b"10.25", b"10.26")).dead
    assert "CheckSum (10)" in letter.reason


def test_messages_of_other_kinds_are_counted() -> None:
    assert read(message("B", [(148, "Maintenance")])).ignored == {"news": 1}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=6))
def test_framing_finds_every_whole_message_in_any_noise(noise: list[bytes]) -> None:
    whole = message("8", changed(ORDER, t150="0"))
    # Noise that looks like the beginning of a message would take bytes of the next one.
    parts = [part.replace(b"8=FIX", b"") for part in noise]
    data = b"".join(part + whole for part in parts)
    for size in (1, 7, len(data) or 1):
        framing = Framing(10_000)
        found: list[bytes] = []
        for start in range(0, len(data), size):
            framing.feed(data[start : start + size])
            found += [one for one in framing.messages() if not isinstance(one, Garbled)]
        assert found == [whole] * len(parts)


def test_a_wrong_length_costs_one_message_and_not_the_next() -> None:
    whole = message("8", changed(ORDER, t150="0"))
    for wrong in (whole.replace(b"\x019=", b"\x019=1", 1), whole.replace(b"\x019=1", b"\x019=", 1)):
        framing = Framing(10_000)
        framing.feed(wrong + whole)
        *garbled, last = framing.messages()
        assert last == whole
        assert garbled
    framing = Framing(1_000)
    framing.feed(b"8=FIX.4.4\x019=99999\x0135=8\x01")
    with pytest.raises(TooLong):
        list(framing.messages())


def test_a_field_of_data_may_hold_what_looks_like_fields() -> None:
    made = simplefix.FixMessage()
    made.append_pair(8, "FIX.4.4")
    made.append_pair(35, "B")
    made.append_data(95, 96, b"a\x0155=X\x01b")
    raw = bytes(made.encode())  # pyright: ignore
    assert (96, b"a\x0155=X\x01b") in fields_of(raw)
    assert is_whole(raw)
    assert checksum(b"") == 0


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_stop_the_decoder(data: bytes) -> None:
    result = read(data)
    assert not [letter for letter in result.dead if "the decoder failed" in letter.reason]
    try:
        group(fields_of(data), 268, 269)
    except BadMessage:
        pass


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [1, 11, 17, 19, 20, 31, 32, 37, 38, 39, 54, 55, 60, 150, 151, 268, 269]
            ),
            st.text(alphabet="0123456789ABFGH.-", min_size=1, max_size=12),
        ),
        max_size=20,
    ),
    st.sampled_from(["8", "9", "AE", "W", "X", "h", "f"]),
)
def test_no_fields_stop_the_decoder(pairs: Pairs, kind: str) -> None:
    result = read(message(kind, pairs))
    assert not [letter for letter in result.dead if "the decoder failed" in letter.reason]


def test_data_of_many_parts_takes_no_longer_than_others() -> None:
    parts, first = 90_000, b"x" * 12_000_000
    data = first + b"\x01a" * parts
    began = time.process_time()
    fields = fields_of(b"95=%d\x0196=%b\x01" % (len(data), data))
    assert fields == [(95, str(len(data)).encode()), (96, data)]
    assert time.process_time() - began < 2.0


def test_what_was_taken_off_is_exact_in_decimals() -> None:
    cancelled = one("8", changed(ORDER, t150="4", t38="50.5", t14="35.8", t151="0"))
    assert cancelled.remaining == 14.7
    assert 50.5 - 35.8 != 14.7
