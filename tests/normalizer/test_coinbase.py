"""Coinbase Exchange messages, as documented, to events."""

from typing import Any

import pytest

from normalizer.events import market
from pipeline.frames import GapNotice
from tests.normalizer import venue_frames as v

ORDER = "d50ec984-77a8-460a-b958-66f114b0de9b"
OTHER = "ac928c66-ca53-498f-9c13-a110027a60e8"
COMMON = {
    "order_id": ORDER,
    "side": "sell",
    "product_id": "ACME-USD",
    "sequence": 10,
    "time": v.TIME,
}
OPEN = COMMON | {"type": "open", "price": "200.20", "remaining_size": "1.00"}
MATCH = {
    "type": "match",
    "trade_id": 10,
    "sequence": 50,
    "maker_order_id": OTHER,
    "taker_order_id": ORDER,
    "time": v.TIME,
    "product_id": "ACME-USD",
    "size": "5.25",
    "price": "400.00",
    "side": "sell",
}


def read(*payloads: Any, **options: Any) -> Any:
    return v.only(v.normalize("coinbase", *payloads, **options))


def test_an_open_order_is_exactly_this_event() -> None:
    assert read(OPEN | {"user_id": "acct-12", "profile_id": "p"}) == market.OrderPlaced(
        id="demo-venue:ACME-USD:10",
        timestamp=v.AT,
        ingested=v.RECEIVED,
        original="RAW/7/0",
        provider="venue",
        sequence=10,
        related_user=("acct-12", "INV-0001"),
        token_id="acme",
        token_address="0x" + "11" * 20,
        token_symbol="ACME",
        token_name="ACME Fund I",
        token_standard="ERC-3643",
        token_classification="reg-d-506c",
        token_issuer_id="issuer-1",
        token_issuer_name="ACME Inc",
        investor_account="acct-12",
        investor_id="INV-0001",
        investor_jurisdiction="US",
        investor_accreditation="accredited",
        investor_cluster="CL-07",
        investor_labels=("market_maker",),
        venue="demo-venue",
        instrument="ACME-USD",
        currency="USD",
        order_id=ORDER,
        side="sell",
        price=200.2,
        quantity=1.0,
        remaining=1.0,
    )


def test_a_received_limit_and_market_order() -> None:
    limit = read(
        COMMON
        | {"type": "received", "size": "1.34", "price": "502.1", "order_type": "limit"}
        | {"client_oid": "mine"}
    )
    assert isinstance(limit, market.OrderReceived)
    assert (limit.price, limit.quantity, limit.order_type) == (502.1, 1.34, "limit")
    assert limit.client_order_id == "mine"
    bought = read(COMMON | {"type": "received", "funds": "3000.234", "order_type": "market"})
    assert (bought.price, bought.quantity, bought.order_type) == (None, None, "market")


def test_done_is_filled_or_cancelled_and_a_market_order_lacks_price_and_size() -> None:
    filled = read(
        COMMON | {"type": "done", "reason": "filled", "price": "2", "remaining_size": "0"}
    )
    assert isinstance(filled, market.OrderFilled)
    assert filled.remaining == 0.0
    cancelled = read(COMMON | {"type": "done", "reason": "canceled", "cancel_reason": "102:STP"})
    assert isinstance(cancelled, market.OrderCancelled)
    assert (cancelled.price, cancelled.remaining) == (None, None)
    assert cancelled.reason == "102:STP"


def test_a_change_tells_what_was_before() -> None:
    modified = read(
        COMMON
        | {"type": "change", "reason": "modify_order", "old_size": "12", "new_size": "5"}
        | {"old_price": "400", "new_price": "401"}
    )
    assert isinstance(modified, market.OrderChanged)
    assert (modified.quantity, modified.previous_quantity) == (5.0, 12.0)
    assert (modified.price, modified.previous_price) == (401.0, 400.0)
    prevented = read(
        COMMON
        | {"type": "change", "reason": "STP", "old_size": "12", "new_size": "5", "price": "400"}
    )
    assert (prevented.price, prevented.previous_price) == (400.0, 400.0)


def test_the_side_of_a_match_is_the_makers_so_the_taker_is_on_the_other() -> None:
    trade = read(MATCH | {"maker_user_id": "acct-12", "taker_user_id": "acct-13"})
    assert isinstance(trade, market.Trade)
    assert trade.side == "buy"
    assert (trade.seller_account, trade.seller_id) == ("acct-12", "INV-0001")
    assert (trade.seller_cluster, trade.seller_labels) == ("CL-07", ("market_maker",))
    assert (trade.buyer_account, trade.buyer_id) == ("acct-13", None)
    assert (trade.price, trade.quantity, trade.notional) == (400.0, 5.25, 2100.0)
    assert (trade.maker_order_id, trade.taker_order_id) == (OTHER, ORDER)
    assert trade.related_user == ("acct-13", "acct-12", "INV-0001")
    assert read(MATCH | {"side": "buy"}).side == "sell"


def test_a_trade_is_the_same_event_by_whatever_channel_it_comes() -> None:
    result = v.normalize("coinbase", MATCH, MATCH | {"type": "last_match"})
    assert [event.id for event in result.events] == ["demo-venue:ACME-USD:trade:10"] * 2


def test_level2_snapshots_and_updates() -> None:
    snapshot = read(
        {"type": "snapshot", "product_id": "ACME-USD"}
        | {"bids": [["10101.10", "0.45"]], "asks": [["10102.55", "0.57"], ["10103", "1"]]}
    )
    assert isinstance(snapshot, market.BookSnapshot)
    assert (snapshot.bid_prices, snapshot.ask_quantities) == ((10101.1,), (0.57, 1.0))
    assert snapshot.timestamp == v.RECEIVED
    update = read(
        {"type": "l2update", "product_id": "ACME-USD", "time": v.TIME}
        | {"changes": [["buy", "101.8", "0.1"], ["sell", "102", "0"], ["buy", "101.7", "2"]]}
    )
    assert isinstance(update, market.BookUpdate)
    assert (update.bid_prices, update.bid_quantities) == ((101.8, 101.7), (0.1, 2.0))
    assert (update.ask_prices, update.ask_quantities) == ((102.0,), (0.0,))
    assert update.id == "venue:c1:0"


def test_a_rest_book_by_order_and_by_level() -> None:
    book = {"sequence": 3, "bids": [["1.5", "2", ORDER]], "asks": [["1.6", "3", OTHER]]}
    event = read(book, kind="snapshot", context="ACME-USD")
    assert isinstance(event, market.BookSnapshot)
    assert (event.id, event.sequence) == ("demo-venue:ACME-USD:snapshot:3", 3)
    assert (event.bid_prices, event.bid_order_ids, event.ask_order_ids) == (
        (1.5,),
        (ORDER,),
        (OTHER,),
    )
    levels = {"sequence": 3, "bids": [["1.5", "2", 4]], "asks": [], "time": v.TIME}
    event = read(levels, kind="snapshot", context="ACME-USD")
    assert (event.bid_order_ids, event.timestamp) == ((), v.AT)


def test_level3_rows_are_read_by_the_documented_columns_before_any_schema_came() -> None:
    result = v.normalize(
        "coinbase",
        ["open", "ACME-USD", "1", ORDER, "buy", "10.5", "2", v.TIME],
        ["change", "ACME-USD", "2", ORDER, "10.5", "1", v.TIME],
        ["match", "ACME-USD", "3", ORDER, OTHER, "10.5", "0.5", v.TIME],
        ["noop", "ACME-USD", "4", v.TIME],
        ["done", "ACME-USD", "5", ORDER, v.TIME],
    )
    assert not result.dead
    placed, changed, trade, removed = result.events
    assert isinstance(placed, market.OrderPlaced)
    assert (placed.side, placed.price, placed.sequence, placed.timestamp) == ("buy", 10.5, 1, v.AT)
    assert isinstance(changed, market.OrderChanged)
    assert (changed.remaining, changed.side) == (1.0, None)
    assert isinstance(trade, market.Trade)
    assert (trade.trade_id, trade.side, trade.notional) == ("sequence-3", None, 5.25)
    assert isinstance(removed, market.OrderRemoved)
    assert removed.id == "demo-venue:ACME-USD:5"
    assert result.ignored == {"noop": 1}


def test_the_feeds_own_schema_goes_before_the_documented_columns() -> None:
    columns = ["type", "sequence", "product_id", "order_id", "time"]
    result = v.normalize(
        "coinbase",
        {"type": "level3", "schema": {"done": columns}},
        ["done", 5, "ACME-USD", ORDER, v.TIME],
    )
    assert [event.id for event in result.events] == ["demo-venue:ACME-USD:5"]
    assert result.ignored == {"level3-schema": 1}


@pytest.mark.parametrize(
    "kind", ["heartbeat", "subscriptions", "ticker", "status", "activate", "auction", "error"]
)
def test_messages_that_carry_nothing_to_watch_are_counted(kind: str) -> None:
    result = v.normalize("coinbase", {"type": kind, "product_id": "ACME-USD", "message": "x"})
    assert (result.events, result.dead, result.ignored) == ([], [], {kind: 1})


def test_a_gap_of_the_collector_is_an_event() -> None:
    event = read(GapNotice("ACME-USD", "sequence", 5, 9), kind="gap")
    assert isinstance(event, market.FeedGap)
    assert (event.instrument, event.expected, event.received) == ("ACME-USD", 5, 9)
    assert (event.reason, event.timestamp) == ("sequence", v.RECEIVED)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (OPEN | {"price": "-1"}, "price"),
        (OPEN | {"price": "NaN"}, "price"),
        (OPEN | {"price": "Infinity"}, "price"),
        (OPEN | {"price": "1e16"}, "price"),
        (OPEN | {"price": "1e400"}, "price"),
        (OPEN | {"price": "1_000"}, "price"),
        (OPEN | {"price": True}, "price"),
        (OPEN | {"remaining_size": "-0.5"}, "remaining_size"),
        (OPEN | {"side": "long"}, "side"),
        (OPEN | {"sequence": -1}, "sequence"),
        (OPEN | {"sequence": 2**70}, "sequence"),
        (OPEN | {"order_id": ""}, "order_id"),
        (OPEN | {"order_id": "x" * 1000}, "order_id"),
        (OPEN | {"product_id": 5}, "product_id"),
        (OPEN | {"time": "yesterday at half past five"}, "time"),
        (OPEN | {"time": "2008-11-07T08:19:27.028459Z"}, "time"),
        (OPEN | {"time": "2023-11-16T08:19:27.028459Z"}, "time"),
        (OPEN | {"time": "2023-13-16T08:19:27.028459Z"}, "time"),
        (OPEN | {"type": "l4update"}, "type"),
        (COMMON | {"type": "done", "reason": "lost"}, "reason"),
        ({"type": "l2update", "product_id": "A", "time": v.TIME, "changes": [["buy", "1"]]}, None),
        (["open", "ACME-USD", "1"], "open"),
        (["other", "ACME-USD", "1"], "[0]"),
        (["noop", "ACME-USD", "-1", v.TIME], "sequence"),
        ([], "[0]"),
    ],
)
def test_bad_and_absurd_messages_are_dead_letters_that_name_the_field(
    message: Any, field: str | None
) -> None:
    result = v.normalize("coinbase", OPEN, message, OPEN)
    assert len(result.events) == 2
    (letter,) = result.dead
    assert (letter.position, letter.original, letter.source) == ("c1:1", "RAW/7/1", "venue")
    assert letter.reason
    if field is not None:
        assert letter.field == field


def test_a_book_without_its_product_is_a_dead_letter() -> None:
    result = v.normalize("coinbase", {"sequence": 3, "bids": [], "asks": []}, kind="snapshot")
    assert result.dead[0].field == "context"
    assert result.dead[0].kind == "snapshot"
