"""What one account can do at one listing."""

from demo.venue.messages import Side
from demo.venue.order_book import Owner, opposite
from demo.venue.product import OrderRejected
from simulation.venue.listing import Listing


class Desk:
    """An account's access to a listing. It keeps count of its position, in lots.

    Honest accounts trade with self-trade prevention, as venues offer it: an own order that would be
    met is cancelled first (Coinbase's "cancel oldest"). Abusers' accounts do without.
    """

    def __init__(self, listing: Listing, account: str, *, prevents: bool = True) -> None:
        self.listing = listing
        self.account = account
        self._prevents = prevents
        self.position = 0
        self.paid = 0
        """Ticks times lots paid less received."""
        self._owner = Owner(account, account)

    def limit(self, side: Side, lots: int, price: int) -> str:
        """Good-till-cancelled; returns the order's id."""
        self._step_aside(side, lots, price)
        done = self.listing.print(
            self.listing.engine.limit(self._owner, side, max(1, lots), max(1, price))
        )
        self._book(side, done.filled, price)
        return done.order_id

    def quote(self, side: Side, lots: int, price: int) -> str | None:
        """As `limit`, but only where it does not trade at once; None where it would."""
        try:
            done = self.listing.engine.limit(
                self._owner, side, max(1, lots), max(1, price), post_only=True
            )
        except OrderRejected:
            return None
        return self.listing.print(done).order_id

    def take(self, side: Side, lots: int, limit: int | None = None) -> int:
        """Trade at once, at most to `limit`; what is left is cancelled. Returns the lots traded."""
        self._step_aside(side, lots, limit)
        if limit is None:
            done = self.listing.print(self.listing.engine.market(self._owner, side, max(1, lots)))
            self._book(side, done.filled, self.listing.last_price or 0)
            return done.filled
        engine = self.listing.engine
        done = self.listing.print(engine.limit(self._owner, side, max(1, lots), max(1, limit)))
        self._book(side, done.filled, limit)
        if engine.resting(done.order_id) is not None:
            self.listing.print(engine.cancel(done.order_id))
        return done.filled

    def cancel(self, order_id: str | None) -> bool:
        """Whether the order still rested, and was cancelled."""
        if order_id is None or self.listing.engine.resting(order_id) is None:
            return False
        self.listing.print(self.listing.engine.cancel(order_id))
        return True

    def replace(self, order_id: str, price: int) -> str | None:
        """Move what is left of an order to another price, as a cancel and a new order."""
        order = self.listing.engine.resting(order_id)
        if order is None:
            return None
        side, lots = order.side, order.remaining
        self.cancel(order_id)
        return self.quote(side, lots, price)

    def remaining(self, order_id: str | None) -> int:
        """Lots that still rest."""
        order = None if order_id is None else self.listing.engine.resting(order_id)
        return 0 if order is None else order.remaining

    def _step_aside(self, side: Side, lots: int, limit: int | None) -> None:
        """Cancel own orders that an order of this size and limit would meet."""
        if not self._prevents:
            return
        own: list[str] = []
        for order in self.listing.engine.orders(opposite(side)):
            if lots <= 0 or (
                limit is not None
                and (order.price > limit if side == "buy" else order.price < limit)
            ):
                break
            if order.owner == self._owner:
                own.append(order.id)
            else:
                lots -= order.remaining
        for order_id in own:
            self.cancel(order_id)

    def _book(self, side: Side, lots: int, price: int) -> None:
        sign = 1 if side == "buy" else -1
        self.position += sign * lots
        self.paid += sign * lots * price
