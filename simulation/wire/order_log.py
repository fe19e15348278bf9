"""The tape as an order log with accounts, the form of ``docs/order-log.md``."""

from collections.abc import Iterable, Iterator

import msgspec

from demo.venue.messages import Change, Done, Match, Open, Received, Side
from demo.venue.product import Product
from simulation.venue.listing import Printed


class Line(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One line; its names are FIX's. Prices and quantities are decimal texts."""

    transact_time: int
    exec_type: str
    venue: str
    symbol: str
    seq_num: int
    order_id: str | None = None
    account: str | None = None
    side: str | None = None
    ord_type: str | None = None
    price: str | None = None
    order_qty: str | None = None
    leaves_qty: str | None = None
    trade_id: str | None = None
    last_px: str | None = None
    last_qty: str | None = None
    aggressor_side: str | None = None
    buyer_account: str | None = None
    seller_account: str | None = None
    maker_order_id: str | None = None
    taker_order_id: str | None = None
    maker_leaves_qty: str | None = None
    taker_leaves_qty: str | None = None
    text: str | None = None


_encode = msgspec.json.Encoder().encode


def order_log(tape: Iterable[Printed], *, accounts: bool = True) -> Iterator[tuple[int, bytes]]:
    """Time in nanoseconds and line, in order; without accounts where they are to be left out."""
    for time, line in _Writer().lines(tape):
        if not accounts:
            line.account = line.buyer_account = line.seller_account = None
        yield time, _encode(line)


class _Writer:
    """Knows what of each order is open, in lots."""

    def __init__(self) -> None:
        self._leaves: dict[str, int] = {}
        self._quantity: dict[str, str] = {}
        self._sequence = 0

    def lines(self, tape: Iterable[Printed]) -> Iterator[tuple[int, Line]]:
        for printed in tape:
            listing, time = printed.listing, printed.time
            product = listing.product
            meets = bool(printed.execution.matches)
            for event in printed.execution.events:
                if isinstance(event, Match):
                    trade = self._trade(event, time, listing.venue, product)
                    if printed.auction:
                        trade.aggressor_side = None
                    yield time, trade
                    continue
                if isinstance(event, Received):
                    self._leaves[event.order_id] = product.lots(event.size)
                    self._quantity[event.order_id] = event.size
                    if not meets and event.order_type == "limit":
                        continue  # `new` says it all
                    kind = "received"
                elif isinstance(event, Open):
                    kind = "new"
                elif isinstance(event, Done):
                    if event.reason == "filled":
                        continue  # the trade said so
                    kind = "canceled"
                    self._leaves.pop(event.order_id, None)
                else:
                    kind = "replaced"
                yield time, self._order(event, kind, time, listing.venue)

    def _order(
        self, event: Received | Open | Done | Change, kind: str, time: int, venue: str
    ) -> Line:
        line = Line(
            transact_time=time,
            exec_type=kind,
            venue=venue,
            symbol=event.product_id,
            seq_num=self._next(),
            order_id=event.order_id,
            account=event.user_id or None,
            side=event.side,
        )
        match event:
            case Received():
                line.ord_type = event.order_type
                line.price = event.price or None
                line.order_qty = event.size
            case Open():
                line.ord_type = "limit"
                line.price = event.price
                line.order_qty = self._quantity.pop(event.order_id, event.remaining_size)
                line.leaves_qty = event.remaining_size
            case Done():
                line.price = event.price or None
                line.leaves_qty = event.remaining_size or None
                line.text = event.cancel_reason or None
            case Change():
                line.price = event.new_price
                line.order_qty = line.leaves_qty = event.new_size
        return line

    def _trade(self, match: Match, time: int, venue: str, product: Product) -> Line:
        lots = product.lots(match.size)
        taker_side: Side = "sell" if match.side == "buy" else "buy"
        maker, taker = match.maker_user_id or None, match.taker_user_id or None
        return Line(
            transact_time=time,
            exec_type="trade",
            venue=venue,
            symbol=match.product_id,
            seq_num=self._next(),
            trade_id=str(match.trade_id),
            last_px=match.price,
            last_qty=match.size,
            aggressor_side=taker_side,
            buyer_account=maker if match.side == "buy" else taker,
            seller_account=taker if match.side == "buy" else maker,
            maker_order_id=match.maker_order_id,
            taker_order_id=match.taker_order_id,
            maker_leaves_qty=self._left(match.maker_order_id, lots, product),
            taker_leaves_qty=self._left(match.taker_order_id, lots, product),
        )

    def _left(self, order_id: str, lots: int, product: Product) -> str:
        left = self._leaves.get(order_id, lots) - lots
        if left:
            self._leaves[order_id] = left
        else:
            self._leaves.pop(order_id, None)
        return product.size_text(left)

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence
