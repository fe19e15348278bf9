"""What a scripted participant has: its account, one product, and a look at the book."""

from collections.abc import Generator
from itertools import islice

from demo.venue.exchange import Exchange
from demo.venue.facts import AccountFact
from demo.venue.matching import Execution
from demo.venue.messages import Side
from demo.venue.order_book import opposite
from demo.venue.product import OrderRejected

Script = Generator[float, None, None]
"""A participant: acts, yields the seconds until it acts again, and so on."""


class Desk:
    """One account's access to one product. Prices in ticks, sizes in lots."""

    def __init__(self, exchange: Exchange, product_id: str, account: AccountFact) -> None:
        self.account = account
        self._owner = account.owner
        self._exchange = exchange
        self._product_id = product_id
        self._engine = exchange.engine(product_id)

    def lots(self, size: str) -> int:
        """A size as the feed prints it, in lots."""
        return self._engine.product.lots(size)

    def limit(self, side: Side, lots: int, price: int) -> Execution:
        """A limit order."""
        return self._exchange.limit(self._product_id, self._owner, side, lots, price)

    def quote(self, side: Side, lots: int, price: int) -> str | None:
        """A post-only limit order; its id, or None where it would have traded at once."""
        try:
            return self._exchange.limit(
                self._product_id, self._owner, side, lots, price, post_only=True
            ).order_id
        except OrderRejected:
            return None

    def market(self, side: Side, lots: int) -> Execution:
        """A market order."""
        return self._exchange.market(self._product_id, self._owner, side, lots)

    def cancel(self, order_id: str) -> bool:
        """Cancel; False if the order does not rest any more."""
        if self._engine.resting(order_id) is None:
            return False
        self._exchange.cancel(self._product_id, order_id)
        return True

    def reduce(self, order_id: str, lots: int) -> None:
        """Make a resting order smaller."""
        self._exchange.reduce(self._product_id, order_id, lots)

    def remaining(self, order_id: str) -> int:
        """Lots of an order that rest on the book; 0 if it is filled or cancelled."""
        order = self._engine.resting(order_id)
        return order.remaining if order else 0

    def trades_of(self, order_id: str) -> tuple[str, ...]:
        """Ids of the recent trades in which a resting order took part."""
        return tuple(
            str(match.trade_id)
            for match in self._engine.matches
            if match.maker_order_id == order_id
        )

    def best(self, side: Side) -> int | None:
        """Best price of a side."""
        return self._engine.best(side)

    def spread(self) -> int:
        """Ticks between best ask and best bid; 0 while a side is empty."""
        bid, ask = self.best("buy"), self.best("sell")
        return ask - bid if bid is not None and ask is not None else 0

    def crosses(self, side: Side, price: int) -> bool:
        """Whether a limit order would trade at once."""
        other = self.best(opposite(side))
        return other is not None and (other <= price if side == "buy" else other >= price)

    def wait_for_room(self, ticks: int) -> Script:
        """Wait until the spread has at least `ticks`, but no longer than four seconds."""
        for _ in range(80):
            if self.spread() >= ticks:
                return
            yield 0.05

    def depth(self, side: Side) -> int:
        """Lots on a side."""
        return self._engine.depth(side)

    def top(self, side: Side, levels: int) -> int:
        """Lots on the best levels of a side."""
        return sum(lots for _, lots, _ in islice(self._engine.levels(side), levels))

    def inside(self, side: Side, by: int = 1) -> int | None:
        """The price that improves a side's best by some ticks; None if that would reach the other
        side's best."""
        best, other = self.best(side), self.best(opposite(side))
        if best is None or other is None or self.spread() <= by:
            return None
        return best + by if side == "buy" else best - by
