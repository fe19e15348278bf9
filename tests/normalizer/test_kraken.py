"""Kraken messages, v2 and v1, as documented, to events."""

from typing import Any

import pytest

from normalizer.events import market
from tests.normalizer import venue_frames as v

LEVELS = {
    "symbol": "ACME/USD",
    "bids": [{"price": 0.5666, "qty": 4831.75496356}],
    "asks": [{"price": 0.5668, "qty": 0}],
    "checksum": 2439117997,
    "timestamp": "2023-11-14T22:13:20.123456789Z",
}
TRADE = {
    "symbol": "ACME/USD",
    "side": "sell",
    "price": 0.5117,
    "qty": 40.0,
    "ord_type": "market",
    "trade_id": 4665846,
    "timestamp": v.TIME,
}
ORDER = {
    "order_id": "O6ZQNQ-BXL4E-5WGINO",
    "limit_price": 0.5629,
    "order_qty": 111.5,
    "timestamp": v.TIME,
}


def message(channel: str, kind: str, *data: Any) -> dict[str, Any]:
    return {"channel": channel, "type": kind, "data": list(data)}


def test_a_book_update_and_snapshot_keep_all_nine_digits_of_the_time() -> None:
    update = v.only(v.normalize("kraken", message("book", "update", LEVELS)))
    assert isinstance(update, market.BookUpdate)
    assert update.timestamp == 1_700_000_000_123_456_789
    assert (update.bid_prices, update.bid_quantities) == ((0.5666,), (4831.75496356,))
    assert (update.ask_prices, update.ask_quantities) == ((0.5668,), (0.0,))
    assert (update.instrument, update.currency) == ("ACME/USD", "USD")
    snapshot = v.only(v.normalize("kraken", message("book", "snapshot", LEVELS)))
    assert isinstance(snapshot, market.BookSnapshot)


def test_each_symbol_in_a_message_is_an_event_with_an_id_of_its_own() -> None:
    result = v.normalize(
        "kraken", message("book", "update", LEVELS, LEVELS | {"symbol": "OTHER/EUR"})
    )
    assert [event.id for event in result.events] == ["venue:c1:0", "venue:c1:0:1"]


def test_a_trade_has_the_takers_side() -> None:
    result = v.normalize("kraken", message("trade", "update", TRADE, TRADE | {"trade_id": 7}))
    first, second = result.events
    assert isinstance(first, market.Trade)
    assert (first.side, first.price, first.quantity) == ("sell", 0.5117, 40.0)
    assert (first.id, second.id) == (
        "demo-venue:ACME/USD:trade:4665846",
        "demo-venue:ACME/USD:trade:7",
    )


def test_level3_orders_are_placed_changed_and_removed() -> None:
    data = {
        "symbol": "ACME/USD",
        "checksum": 1,
        "bids": [ORDER | {"event": "add"}, ORDER | {"event": "modify", "order_qty": 3}],
        "asks": [ORDER | {"event": "delete"}],
    }
    placed, changed, removed = v.normalize("kraken", message("level3", "update", data)).events
    assert isinstance(placed, market.OrderPlaced)
    assert (placed.side, placed.price, placed.quantity) == ("buy", 0.5629, 111.5)
    assert isinstance(changed, market.OrderChanged)
    assert (changed.quantity, changed.remaining) == (3.0, 3.0)
    assert isinstance(removed, market.OrderRemoved)
    assert (removed.side, removed.remaining, removed.id) == ("sell", 111.5, "venue:c1:0:2")
    snapshot = v.only(
        v.normalize(
            "kraken", message("level3", "snapshot", data | {"bids": [ORDER], "asks": [ORDER]})
        )
    )
    assert isinstance(snapshot, market.BookSnapshot)
    assert snapshot.bid_order_ids == ("O6ZQNQ-BXL4E-5WGINO",)


def test_heartbeats_status_and_answers_are_counted() -> None:
    result = v.normalize(
        "kraken",
        {"channel": "heartbeat"},
        {"channel": "status", "type": "update", "data": [{"system": "online"}]},
        {"method": "subscribe", "success": True, "result": {"channel": "book"}},
        {"method": "pong", "req_id": 1},
        {"method": "add_order"},
    )
    assert result.ignored == {
        "heartbeat": 1,
        "status": 1,
        "answer-subscribe": 1,
        "answer-pong": 1,
        "answer": 1,
    }
    assert not result.dead


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (message("book", "update", LEVELS | {"bids": [{"price": -1, "qty": 1}]}), "price"),
        (message("book", "update", LEVELS | {"timestamp": "2001-01-01T00:00:00.0Z"}), "timestamp"),
        (message("book", "replace", LEVELS), "type"),
        (message("trade", "update", TRADE | {"side": "long"}), "side"),
        (message("trade", "update", TRADE, TRADE | {"timestamp": "x" * 25}), "timestamp"),
        (message("executions", "update", TRADE), "channel"),
        (b'{"channel":"trade","type":"update","data":[{"symbol":"A","price":1e999}]}', "price"),
    ],
)
def test_bad_messages_are_dead_letters_as_a_whole(bad: Any, field: str) -> None:
    result = v.normalize("kraken", bad)
    assert not result.events
    assert field in (result.dead[0].field or "")


def test_v1_books_and_trades() -> None:
    update, trade, snapshot = v.normalize(
        "kraken-v1",
        [
            1920,
            {"a": [["0.042990", "3.5", "1700000000.920470"]]},
            {"b": [["0.04", "0.0", "1700000000.920708", "r"]], "c": "4105471083"},
            "book-1000",
            "SC/EUR",
        ],
        [0, [["5541.2", "0.15", "1700000000.123456", "s", "l", ""]], "trade", "XBT/USD"],
        [0, {"as": [["2", "1", "1700000000.1"]], "bs": []}, "book-10", "XBT/USD"],
    ).events
    assert isinstance(update, market.BookUpdate)
    assert update.timestamp == 1_700_000_000_920_708_000
    assert (update.ask_prices, update.bid_quantities) == ((0.04299,), (0.0,))
    assert isinstance(trade, market.Trade)
    assert (trade.side, trade.price, trade.id) == ("sell", 5541.2, "venue:c1:1")
    assert isinstance(snapshot, market.BookSnapshot)


@pytest.mark.parametrize(
    "bad",
    [
        [1],
        [1, {}, "depth-10", "A/B"],
        [1, {"a": [["1", "-1", "1700000000.1"]]}, "book-10", "A/B"],
        [1, {"a": [["1", "1", "soon"]]}, "book-10", "A/B"],
        [1, [["1", "1", "1700000000.1", "x", "l", ""]], "trade", "A/B"],
        {"event": "unheard"},
        5,
    ],
)
def test_bad_v1_messages_are_dead_letters(bad: Any) -> None:
    result = v.normalize("kraken-v1", bad)
    assert not result.events
    assert len(result.dead) == 1
