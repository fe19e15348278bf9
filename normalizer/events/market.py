"""Events of trading venues: orders, trades, books, and breaks in the feed."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords, PartyEvent
from normalizer.events.fields import Nanoseconds, Side, described
from pipeline.venue_sessions import Phase, ReferencePurpose


class MarketEvent(PartyEvent, kw_only=True):
    """Fields of every event from a venue's feed."""

    dataset: str = field(name="event.dataset", default="tapewatch.venue")
    venue: Annotated[str, described("Name of the venue")] = field(name="market.venue")
    instrument: Annotated[str, described("The venue's symbol")] = field(name="market.instrument")
    currency: Annotated[str | None, described("Quote currency")] = field(
        name="market.currency", default=None
    )
    phase: Annotated[
        Phase | None, described("What the venue does then, by its calendar or its own word")
    ] = field(name="market.session.phase", default=None)
    phase_began: Annotated[
        Nanoseconds | None, described("When that phase began; none where the venue never closes")
    ] = field(name="market.session.began", default=None)
    reference: Annotated[
        str | None, described("Name of the reference time within the next hour, else the last")
    ] = field(name="market.reference.name", default=None)
    reference_purpose: Annotated[
        ReferencePurpose | None, described("What the price of that time is for")
    ] = field(name="market.reference.purpose", default=None)
    reference_offset: Annotated[
        int | None, described("Nanoseconds since that time; less than 0 before it")
    ] = field(name="market.reference.offset", default=None)


class OrderEvent(MarketEvent, kw_only=True):
    """A step in an order's life. The account is there where the venue gives it."""

    order_id: Annotated[str, described("The venue's order id")] = field(name="market.order.id")
    side: Annotated[
        Side | None, described("Side of the order; none where the feed does not say it again")
    ] = field(name="market.order.side", default=None)
    price: Annotated[float | None, described("Limit price; none for a market order")] = field(
        name="market.order.price", default=None
    )
    quantity: Annotated[float | None, described("Quantity of the order, whole units")] = field(
        name="market.order.quantity", default=None
    )
    remaining: Annotated[float | None, described("Quantity still open after this step")] = field(
        name="market.order.remaining_quantity", default=None
    )


class OrderReceived(OrderEvent, tag="order-received", kw_only=True):
    """The venue accepted an order; it is not on the book yet (Coinbase ``received``)."""

    order_type: Annotated[str | None, described("limit, market, stop, ...")] = field(
        name="market.order.type", default=None
    )
    client_order_id: Annotated[
        str | None, described("The client's own order id", personal="account")
    ] = field(name="market.order.client_id", default=None)


class OrderPlaced(OrderEvent, tag="order-placed", kw_only=True):
    """An order rests on the book (Coinbase ``open``, Kraken L3 ``add``)."""


class OrderChanged(OrderEvent, tag="order-changed", kw_only=True):
    """A resting order's quantity or price changed (Coinbase ``change``, Kraken L3 ``modify``)."""

    previous_quantity: Annotated[float | None, described("Quantity before")] = field(
        name="market.order.previous_quantity", default=None
    )
    previous_price: Annotated[float | None, described("Price before")] = field(
        name="market.order.previous_price", default=None
    )


class OrderCancelled(OrderEvent, tag="order-cancelled", kw_only=True):
    """An order left the book without being filled whole (Coinbase ``done`` canceled)."""


class OrderFilled(OrderEvent, tag="order-filled", kw_only=True):
    """An order was filled whole (Coinbase ``done`` filled)."""


class OrderRemoved(OrderEvent, tag="order-removed", kw_only=True):
    """An order left the book and the feed does not say why (Kraken L3 ``delete``)."""


class OrderRejected(OrderEvent, tag="order-rejected", kw_only=True):
    """The venue refused an order; it was never on the book (FIX ``ExecType`` 8)."""

    outcome: str | None = field(name="event.outcome", default="failure")
    client_order_id: Annotated[
        str | None, described("The client's own order id", personal="account")
    ] = field(name="market.order.client_id", default=None)


class CancelRejected(OrderEvent, tag="order-cancel-rejected", kw_only=True):
    """The venue refused to cancel or replace an order, which stays as it is (FIX ``35=9``)."""

    outcome: str | None = field(name="event.outcome", default="failure")


class Trade(MarketEvent, tag="trade", kw_only=True):
    """Two orders met. Buyer and seller are there where the venue gives accounts."""

    trade_id: Annotated[str, described("The venue's trade id")] = field(name="market.trade.id")
    price: Annotated[float, described("Price")] = field(name="market.trade.price")
    quantity: Annotated[float, described("Quantity, whole units")] = field(
        name="market.trade.quantity"
    )
    notional: Annotated[float | None, described("Price times quantity, in the quote currency")] = (
        field(name="market.trade.notional", default=None)
    )
    side: Annotated[Side | None, described("Side of the taker, who removed liquidity")] = field(
        name="market.trade.aggressor_side", default=None
    )
    maker_order_id: Annotated[str | None, described("Order that rested")] = field(
        name="market.trade.maker_order_id", default=None
    )
    taker_order_id: Annotated[str | None, described("Order that came in")] = field(
        name="market.trade.taker_order_id", default=None
    )
    buyer_account: Annotated[str | None, described("Account that bought")] = field(
        name="investor.buyer.account", default=None
    )
    buyer_id: Annotated[str | None, described("Investor that bought")] = field(
        name="investor.buyer.id", default=None
    )
    buyer_jurisdiction: Annotated[
        str | None, described("Jurisdiction of the buyer, ISO 3166-1 alpha-2")
    ] = field(name="investor.buyer.jurisdiction", default=None)
    buyer_accreditation: Annotated[str | None, described("Accreditation of the buyer")] = field(
        name="investor.buyer.accreditation", default=None
    )
    buyer_cluster: Annotated[str | None, described("Cluster of the buyer")] = field(
        name="investor.buyer.cluster", default=None
    )
    buyer_labels: Annotated[Keywords, described("Labels of the buyer")] = field(
        name="investor.buyer.labels", default=()
    )
    seller_account: Annotated[str | None, described("Account that sold")] = field(
        name="investor.seller.account", default=None
    )
    seller_id: Annotated[str | None, described("Investor that sold")] = field(
        name="investor.seller.id", default=None
    )
    seller_jurisdiction: Annotated[
        str | None, described("Jurisdiction of the seller, ISO 3166-1 alpha-2")
    ] = field(name="investor.seller.jurisdiction", default=None)
    seller_accreditation: Annotated[str | None, described("Accreditation of the seller")] = field(
        name="investor.seller.accreditation", default=None
    )
    seller_cluster: Annotated[str | None, described("Cluster of the seller")] = field(
        name="investor.seller.cluster", default=None
    )
    seller_labels: Annotated[Keywords, described("Labels of the seller")] = field(
        name="investor.seller.labels", default=()
    )


class TradeBusted(MarketEvent, tag="trade-busted", kw_only=True):
    """A trade counts no more (FIX ``ExecType`` H). The party is whose side was told of, if any."""

    trade_id: Annotated[str, described("The venue's trade id")] = field(name="market.trade.id")
    price: Annotated[float | None, described("Price")] = field(
        name="market.trade.price", default=None
    )
    quantity: Annotated[float | None, described("Quantity, whole units")] = field(
        name="market.trade.quantity", default=None
    )


class TradeCorrected(MarketEvent, tag="trade-corrected", kw_only=True):
    """A trade counts with another price or quantity (FIX ``ExecType`` G), which are given here."""

    trade_id: Annotated[str, described("The venue's trade id")] = field(name="market.trade.id")
    price: Annotated[float | None, described("Price")] = field(
        name="market.trade.price", default=None
    )
    quantity: Annotated[float | None, described("Quantity, whole units")] = field(
        name="market.trade.quantity", default=None
    )


class TradingStatus(MarketEvent, tag="trading-status", kw_only=True):
    """A venue opened, halted, resumed or closed trading (FIX ``35=h`` and ``35=f``).

    ``instrument`` is ``*`` when the whole venue is meant.
    """

    status: Annotated[
        str, described("open, pre-open, pre-close, closed, halted, or the venue's own word")
    ] = field(name="market.status")
    session: Annotated[str | None, described("The venue's name of the trading session")] = field(
        name="market.session.id", default=None
    )


class _BookEvent(MarketEvent, kw_only=True):
    bid_prices: Annotated[tuple[float, ...], described("Prices of bid levels or orders")] = field(
        name="market.book.bid.prices", default=()
    )
    bid_quantities: Annotated[tuple[float, ...], described("Quantities at those prices")] = field(
        name="market.book.bid.quantities", default=()
    )
    ask_prices: Annotated[tuple[float, ...], described("Prices of ask levels or orders")] = field(
        name="market.book.ask.prices", default=()
    )
    ask_quantities: Annotated[tuple[float, ...], described("Quantities at those prices")] = field(
        name="market.book.ask.quantities", default=()
    )


class BookSnapshot(_BookEvent, tag="book-snapshot", kw_only=True):
    """The whole book, by level, or by order where it has order ids. It replaces what was known."""

    bid_order_ids: Annotated[Keywords, described("Order ids of the bids, in queue order")] = field(
        name="market.book.bid.order_ids", default=()
    )
    ask_order_ids: Annotated[Keywords, described("Order ids of the asks, in queue order")] = field(
        name="market.book.ask.order_ids", default=()
    )
    depth: Annotated[int | None, described("Levels that the feed carries per side")] = field(
        name="market.book.depth", default=None
    )


class BookUpdate(_BookEvent, tag="book-update", kw_only=True):
    """Levels whose quantity changed, in order; 0 removes the level."""


class FeedGap(MarketEvent, tag="feed-gap", kw_only=True):
    """Something of the feed is missing or wrong: the book is unsure until the next snapshot.

    ``instrument`` is ``*`` when the whole source is meant.
    """

    expected: Annotated[int | None, described("Sequence that should have come")] = field(
        name="market.feed.expected_sequence", default=None
    )
    received: Annotated[int | None, described("Sequence that came")] = field(
        name="market.feed.received_sequence", default=None
    )


MarketRecord = (
    OrderReceived
    | OrderPlaced
    | OrderChanged
    | OrderCancelled
    | OrderFilled
    | OrderRemoved
    | OrderRejected
    | CancelRejected
    | Trade
    | TradeBusted
    | TradeCorrected
    | TradingStatus
    | BookSnapshot
    | BookUpdate
    | FeedGap
)
