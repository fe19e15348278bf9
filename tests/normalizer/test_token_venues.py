"""INX's and Archax's messages, as their documents show them, to events."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer.events import market
from pipeline.archax_scales import Scale, encode_scales
from tests.normalizer import venue_frames as v

SENT = 1626785654804
TRADES: dict[str, Any] = {
    "event": "ALL_TRADES",
    "sentTime": SENT,
    "trades": [
        {
            "marketName": "BTC-USD",
            "executedPrice": 50000,
            "executedQuantity": 1,
            "takerSide": "BUY",
        }
    ],
}
SCALES = encode_scales({"1": Scale("ACME-USD", 2, 3)})
DEPTHS: dict[str, Any] = {
    "status": "OK",
    "action": "set-market-depths",
    "data": {"1": {"instrumentId": 1, "buy": {"1200": 120, "1300": "5"}, "sell": {"1400": 1}}},
    "type": "market-depths",
    "timestamp": "2021-07-01T05:17:10.691Z",
}


def test_a_trade_of_inx() -> None:
    trade = v.only(v.normalize("inx", TRADES))
    assert isinstance(trade, market.Trade)
    assert (trade.price, trade.quantity, trade.side) == (50000.0, 1.0, "buy")
    assert (trade.instrument, trade.currency) == ("BTC-USD", "USD")
    assert trade.timestamp == SENT * 10**6


def test_two_trades_in_one_message_are_two() -> None:
    events = v.normalize("inx", TRADES | {"trades": TRADES["trades"] * 2}).events
    assert len({event.id for event in events}) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sentTime": "soon"}, "sentTime"),
        ({"sentTime": 5}, "sentTime"),
        ({"trades": [TRADES["trades"][0] | {"executedPrice": -1}]}, "trades[0].executedPrice"),
        ({"trades": [TRADES["trades"][0] | {"takerSide": "UP"}]}, "trades[0].takerSide"),
    ],
)
def test_what_is_wrong_with_a_message_of_inx_is_said(change: dict[str, Any], field: str) -> None:
    (letter,) = v.normalize("inx", TRADES | change).dead
    assert letter.field == field


def test_other_messages_of_inx_are_counted() -> None:
    assert v.normalize("inx", {"status": 401, "error": "Unauthorized"}).ignored == {"error": 1}
    assert v.normalize("inx", {"event": "MY_TRADES"}).ignored == {"message of another kind": 1}


def test_a_book_of_archax_is_scaled_and_best_first() -> None:
    book = v.only(v.normalize("archax", DEPTHS, context=SCALES))
    assert isinstance(book, market.BookSnapshot)
    assert (book.bid_prices, book.bid_quantities) == ((13.0, 12.0), (0.005, 0.12))
    assert (book.ask_prices, book.ask_quantities) == ((14.0,), (0.001,))
    update = v.only(
        v.normalize("archax", DEPTHS | {"action": "update-market-depths"}, context=SCALES)
    )
    assert isinstance(update, market.BookUpdate)


def test_history_that_comes_again_has_the_same_ids() -> None:
    trade = {"amount": 81, "created": 1619080206756725504, "price": 9124, "tradeRef": "1"}
    history = {"type": "trade-histories", "action": "set-trade-histories/1"}
    first, again = v.normalize(
        "archax",
        history | {"data": {"1": trade}},
        history | {"data": {"1": [trade]}},
        context=SCALES,
    ).events
    assert isinstance(first, market.Trade)
    assert (first.price, first.quantity, first.id == again.id) == (91.24, 0.081, True)
    assert first.timestamp == 1619080206756725504


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": None},
        {"timestamp": "2021-07-01"},
        {"data": {"1": {"buy": {"-5": 1}}}},
        {"data": {"1": {"buy": {"12.5": 1}}}},
        {"data": {"1": {"buy": {"1": 1.5}}}},
        {"data": []},
    ],
)
def test_what_is_wrong_with_a_message_of_archax_is_a_dead_letter(change: dict[str, Any]) -> None:
    result = v.normalize("archax", DEPTHS | change, context=SCALES)
    assert len(result.dead) == 1
    assert "the decoder failed" not in result.dead[0].reason
    assert not result.events


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(TRADES)), _json, st.sampled_from(sorted(DEPTHS)))
def test_no_message_stops_the_decoders(name: str, value: Any, other: str) -> None:
    for result in (
        v.normalize("inx", TRADES | {name: value}),
        v.normalize("archax", DEPTHS | {other: value}, context=SCALES),
        v.normalize("archax", DEPTHS | {"data": {"1": value}}, context=SCALES),
    ):
        assert not [one for one in result.dead if "the decoder failed" in one.reason]


def test_archax_levels_of_one_price_may_be_numbers_and_texts() -> None:
    depths = DEPTHS | {"data": {"1": {"buy": {"5": 1, "05": "2"}, "sell": {}}}}
    scales = encode_scales({"1": Scale("ETH-USD", 0, 0)})
    event = v.only(v.normalize("archax", depths, context=scales))
    assert event.bid_quantities == (1.0, 2.0)
