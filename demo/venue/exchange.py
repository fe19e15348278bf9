"""The exchange: its products' engines, order ids, and those who listen to what happens."""

import random
import uuid
from collections.abc import Callable, Iterable, Iterator

from demo.venue.clock import Clock
from demo.venue.matching import Execution, MatchingEngine
from demo.venue.messages import LevelBook, Match, OrderBook, Side, Trade
from demo.venue.order_book import Owner
from demo.venue.product import OrderRejected, Product

Listener = Callable[[str, Execution], None]
"""Called with the product id after each instruction, before it returns to the participant."""


class Exchange:
    """Several products under one clock; the same seed gives the same order ids."""

    def __init__(
        self,
        products: Iterable[Product],
        *,
        clock: Clock,
        seed: int = 0,
        first_sequence: int = 1,
        first_trade_id: int = 1,
    ) -> None:
        self.clock = clock
        ids = random.Random(f"order ids {seed}")
        self._engines = {
            product.id: MatchingEngine(
                product,
                clock=clock,
                order_ids=lambda: str(uuid.UUID(int=ids.getrandbits(128), version=4)),
                first_sequence=first_sequence,
                first_trade_id=first_trade_id,
            )
            for product in products
        }
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told of every execution; returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def engine(self, product_id: str) -> MatchingEngine:
        """The product's engine, for questions. Instructions go through the exchange.

        Raises OrderRejected for a product that is not traded here.
        """
        engine = self._engines.get(product_id)
        if engine is None:
            raise OrderRejected(f"product not found: {product_id[:64]}")
        return engine

    def limit(
        self,
        product_id: str,
        owner: Owner,
        side: Side,
        lots: int,
        price: int,
        *,
        post_only: bool = False,
        client_oid: str | None = None,
    ) -> Execution:
        """See MatchingEngine.limit."""
        engine = self.engine(product_id)
        execution = engine.limit(
            owner, side, lots, price, post_only=post_only, client_oid=client_oid
        )
        return self._publish(product_id, execution)

    def market(
        self,
        product_id: str,
        owner: Owner,
        side: Side,
        lots: int,
        *,
        client_oid: str | None = None,
    ) -> Execution:
        """See MatchingEngine.market."""
        execution = self.engine(product_id).market(owner, side, lots, client_oid=client_oid)
        return self._publish(product_id, execution)

    def cancel(self, product_id: str, order_id: str) -> Execution:
        """See MatchingEngine.cancel."""
        return self._publish(product_id, self.engine(product_id).cancel(order_id))

    def reduce(self, product_id: str, order_id: str, lots: int) -> Execution:
        """See MatchingEngine.reduce."""
        return self._publish(product_id, self.engine(product_id).reduce(order_id, lots))

    def _publish(self, product_id: str, execution: Execution) -> Execution:
        for listener in tuple(self._listeners):
            listener(product_id, execution)
        return execution

    # --- what the feed server asks (see feed.MarketData) -----------------------------------------

    @property
    def products(self) -> tuple[Product, ...]:
        """Everything traded here."""
        return tuple(engine.product for engine in self._engines.values())

    def sequence(self, product_id: str) -> int:
        """The last published sequence."""
        return self.engine(product_id).sequence

    def last_trade_id(self, product_id: str) -> int:
        """The last trade's id; one less than the first if there was none yet."""
        return self.engine(product_id).last_trade_id

    def last_match(self, product_id: str) -> Match | None:
        """The last trade, None if there was none yet."""
        matches = self.engine(product_id).matches
        return matches[-1] if matches else None

    def order_book(self, product_id: str) -> OrderBook:
        """Level 3 as of `sequence`."""
        return self.engine(product_id).order_book()

    def level_book(self, product_id: str, limit: int | None = None) -> LevelBook:
        """Level 2 (or 1, with limit=1) as of `sequence`."""
        return self.engine(product_id).level_book(limit)

    def trades(self, product_id: str) -> Iterator[Trade]:
        """The last trades, newest first."""
        for match in reversed(self.engine(product_id).matches):
            yield Trade(
                time=match.time,
                trade_id=match.trade_id,
                price=match.price,
                size=match.size,
                side=match.side,
            )
