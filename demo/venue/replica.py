"""A reader's copy of the book, kept from a snapshot and the `full` messages after it.

Follows the steps that Coinbase documents for the `full` channel, and shares no code with the
engine, so that it can be held against it.
"""

from decimal import Decimal

from demo.venue.messages import Change, Done, Event, Match, Open, OrderBook, Side


class SequenceGap(Exception):
    """A message is missing: take a new snapshot."""

    def __init__(self, expected: int, received: int) -> None:
        super().__init__(f"expected sequence {expected}, received {received}")
        self.expected = expected
        self.received = received


class Replica:
    """Level 3 book of one product as of `sequence`."""

    def __init__(self, snapshot: OrderBook | None = None) -> None:
        self.sequence = snapshot.sequence if snapshot else 0
        self._orders: dict[str, tuple[Side, Decimal, Decimal]] = {}
        if snapshot:
            for price, size, order_id in snapshot.bids:
                self._orders[order_id] = ("buy", Decimal(price), Decimal(size))
            for price, size, order_id in snapshot.asks:
                self._orders[order_id] = ("sell", Decimal(price), Decimal(size))

    def apply(self, event: Event) -> None:
        """Take in the next message; those up to the snapshot are passed over.

        Raises SequenceGap if one is missing, KeyError for a match of an unknown order.
        """
        if event.sequence <= self.sequence:
            return
        if event.sequence != self.sequence + 1:
            raise SequenceGap(self.sequence + 1, event.sequence)
        self.sequence = event.sequence
        if isinstance(event, Open):
            self._orders[event.order_id] = (
                event.side,
                Decimal(event.price),
                Decimal(event.remaining_size),
            )
        elif isinstance(event, Match):
            side, price, size = self._orders[event.maker_order_id]
            self._orders[event.maker_order_id] = (side, price, size - Decimal(event.size))
        elif isinstance(event, Change):
            if event.order_id in self._orders:
                side, price, _ = self._orders[event.order_id]
                self._orders[event.order_id] = (side, price, Decimal(event.new_size))
        elif isinstance(event, Done):
            self._orders.pop(event.order_id, None)

    def rows(self, side: Side) -> list[tuple[Decimal, Decimal, str]]:
        """(price, size, order id), best first, oldest first in a level."""
        orders = [
            (price, size, order_id)
            for order_id, (of, price, size) in self._orders.items()
            if of == side
        ]
        return sorted(orders, key=lambda row: -row[0] if side == "buy" else row[0])
