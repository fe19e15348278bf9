"""Auctions: orders are collected in a call phase, and then meet at one price.

The price is that at which most is traded; of several, that with the least left over, then that next
to the reference price (Xetra's and Euronext's rules). The phase ends at a random moment of half a
minute, as there, so that nobody knows the last moment for an order.
"""

from collections.abc import Callable

from demo.venue.clock import Clock
from demo.venue.matching import Execution, MatchingEngine
from demo.venue.messages import Side
from demo.venue.order_book import Order, Owner
from demo.venue.product import Product
from simulation.venue.listing import Listing, Printed, Tape


class AuctionEngine(MatchingEngine):
    """Matches nothing while `calling`, and all that meets at once in :meth:`uncross`."""

    calling = False

    def limit(
        self,
        owner: Owner,
        side: Side,
        lots: int,
        price: int,
        *,
        post_only: bool = False,
        client_oid: str | None = None,
    ) -> Execution:
        """As ever; in a call phase it only comes to rest."""
        told = post_only and not self.calling
        return super().limit(owner, side, lots, price, post_only=told, client_oid=client_oid)

    def uncross(self, price: int) -> Execution:
        """Trade all that can be at a price, and go on continuously."""
        self.calling = False
        self._begin()
        buys = [one for one in self.orders("buy") if one.price >= price]
        sells = [one for one in self.orders("sell") if one.price <= price]
        filled = 0
        while buys and sells:
            buy, sell = buys[0], sells[0]
            lots = min(buy.remaining, sell.remaining)
            filled += lots
            for order in (buy, sell):
                self._shrink(order, lots)
            self._match(sell, buy, lots, price)
            for order, queue in ((buy, buys), (sell, sells)):
                if not order.remaining:
                    self._done(order, "filled")
                    queue.pop(0)
        return self._end("", filled)

    def _take(self, taker: Order, limit: int | None) -> int:
        return 0 if self.calling else super()._take(taker, limit)


class AuctionListing(Listing):
    """An instrument that has auctions."""

    engine: AuctionEngine

    def __init__(
        self,
        venue: str,
        product: Product,
        *,
        clock: Clock,
        order_ids: Callable[[], str],
        tape: Tape,
    ) -> None:
        super().__init__(venue, product, clock=clock, order_ids=order_ids, tape=tape)
        self.engine = AuctionEngine(product, clock=clock, order_ids=order_ids)

    def indicative(self) -> tuple[int, int] | None:
        """The price that an auction would have now, and the lots; None where nothing would meet."""
        sides: tuple[Side, Side] = ("buy", "sell")
        buys, sells = (
            [(one.price, one.remaining) for one in self.engine.orders(side)] for side in sides
        )
        if not buys or not sells or buys[0][0] < sells[0][0]:
            return None
        reference = self.last_price or (buys[0][0] + sells[0][0]) // 2
        prices = {price for price, _ in (*buys, *sells) if sells[0][0] <= price <= buys[0][0]}

        def rank(price: int) -> tuple[int, int, int, int]:
            bought = sum(lots for limit, lots in buys if limit >= price)
            sold = sum(lots for limit, lots in sells if limit <= price)
            return (-min(bought, sold), abs(bought - sold), abs(price - reference), price)

        lots, _, _, price = min(map(rank, prices))
        return price, -lots

    def interest(self, side: Side) -> int:
        """Lots of a side that would trade at the indicative price, were there enough of the other;
        of the whole side where nothing meets."""
        found = self.indicative()
        return sum(
            one.remaining
            for one in self.engine.orders(side)
            if found is None or (one.price >= found[0] if side == "buy" else one.price <= found[0])
        )

    def call(self) -> None:
        """A call phase begins."""
        self.engine.calling = True

    def uncross(self) -> None:
        """It ends, at its price."""
        found = self.indicative()
        done = self.engine.uncross(found[0] if found else 0)
        if done.filled:
            self._tape.append(Printed(self._clock(), self, done, auction=True))
            self.last_price = self.product.ticks(done.matches[-1].price)
