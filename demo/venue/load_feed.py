"""An endless stream of plausible `full` frames that costs next to nothing to produce.

A real matching engine plays one cycle of trading once, from an empty book to an empty book; each of
its messages becomes a template. Every further pass through the cycle only fills in a dense
sequence, new order and trade ids, and the time, so books built from the frames are right for ever.
"""

import random
import uuid
from collections import deque
from collections.abc import Iterator

import msgspec

from demo.venue import facts
from demo.venue.clock import SimulatedClock, iso_time
from demo.venue.feed import encode_frame
from demo.venue.matching import MatchingEngine
from demo.venue.messages import (
    Event,
    LevelBook,
    Match,
    OrderBook,
    Side,
    Trade,
    public_view,
)
from demo.venue.product import Product
from demo.venue.replica import Replica

_PASS_MARK = "@" * 8
_TIME = iso_time(0)
_RESTING_ORDERS = 200
_OPENING_PRICE = 10_000


class _Template(msgspec.Struct, frozen=True):
    """`trade` is the number of the trade within the cycle, 0 for what is no trade."""

    operator: bytes
    public: bytes
    trade: int


class LoadFeed:
    """Market data of one product, as `feed.MarketData`, and its frames by position.

    Args:
        product: what the frames are about.
        seed: the same seed gives the same cycle.
        cycle: about how many frames a cycle has.
        self_trade_every: one planted self-trade in about so many frames, so that detections have
            something to find; 0 for none.
    """

    def __init__(
        self,
        product: Product = facts.PRODUCT,
        *,
        seed: int = 1,
        cycle: int = 20_000,
        self_trade_every: int = 2_000,
    ) -> None:
        self.product = product
        self._events = _trade_a_cycle(product, seed, cycle, self_trade_every)
        self._templates = [_template(event) for event in self._events]
        self._trades_per_cycle = sum(isinstance(event, Match) for event in self._events)
        self._position = 0
        self._recent: deque[Trade] = deque(maxlen=1000)
        self._last_match: Match | None = None
        self._last_trade_id = 0

    def next_frames(self, count: int, time: str, *, operator: bool) -> list[bytes]:
        """The next `count` frames with the given time (ISO text); `advance` moves past them."""
        templates, trades = self._templates, self._trades_per_cycle
        number, index = divmod(self._position, len(templates))
        time_text, sequence = time.encode(), self._position
        frames: list[bytes] = []
        while len(frames) < count:
            mark, base = b"%08x" % number, number * trades
            part = templates[index : index + count - len(frames)]
            for template in part:
                sequence += 1
                text = template.operator if operator else template.public
                if template.trade:
                    frames.append(text % (base + template.trade, mark, mark, sequence, time_text))
                else:
                    frames.append(text % (mark, sequence, time_text))
            number, index = number + 1, 0
        return frames

    def advance(self, count: int, time: str) -> None:
        """Move past `count` frames: what is asked from now on is as of then."""
        size = len(self._templates)
        for position in range(self._position, self._position + count):
            if self._templates[position % size].trade:
                self._note_trade(position, time)
        self._position += count

    def _note_trade(self, position: int, time: str) -> None:
        number, index = divmod(position, len(self._events))
        match = self._events[index]
        assert isinstance(match, Match)
        mark = f"{number:08x}"
        self._last_trade_id = number * self._trades_per_cycle + match.trade_id
        self._last_match = msgspec.structs.replace(
            match,
            trade_id=self._last_trade_id,
            maker_order_id=match.maker_order_id.replace(_PASS_MARK, mark),
            taker_order_id=match.taker_order_id.replace(_PASS_MARK, mark),
            sequence=position + 1,
            time=time,
        )
        self._recent.append(
            Trade(
                time=time,
                trade_id=self._last_trade_id,
                price=match.price,
                size=match.size,
                side=match.side,
            )
        )

    # --- feed.MarketData --------------------------------------------------------------------------

    @property
    def products(self) -> tuple[Product, ...]:
        """The one product."""
        return (self.product,)

    def sequence(self, product_id: str) -> int:
        """Of the last frame."""
        return self._position

    def last_trade_id(self, product_id: str) -> int:
        """Of the last trade, 0 before the first."""
        return self._last_trade_id

    def last_match(self, product_id: str) -> Match | None:
        """The last trade."""
        return self._last_match

    def trades(self, product_id: str) -> Iterator[Trade]:
        """The last 1,000 trades, newest first."""
        return reversed(self._recent)

    def order_book(self, product_id: str) -> OrderBook:
        """Level 3 as of the last frame, replayed from the cycle's start."""
        number, index = divmod(self._position, len(self._events))
        replica = Replica()
        for event in self._events[:index]:
            replica.apply(event)
        mark = f"{number:08x}"

        def rows(side: Side) -> list[tuple[str, str, str]]:
            return [
                (
                    self.product.price_text(self.product.ticks(price)),
                    self.product.size_text(self.product.lots(size)),
                    order_id.replace(_PASS_MARK, mark),
                )
                for price, size, order_id in replica.rows(side)
            ]

        time = self._recent[-1].time if self._recent else _TIME
        return OrderBook(bids=rows("buy"), asks=rows("sell"), sequence=self._position, time=time)

    def level_book(self, product_id: str, limit: int | None = None) -> LevelBook:
        """Level 2 as of the last frame."""
        book = self.order_book(product_id)

        def rows(orders: list[tuple[str, str, str]]) -> list[tuple[str, str, int]]:
            levels: dict[str, tuple[int, int]] = {}
            for price, size, _ in orders:
                lots, number = levels.get(price, (0, 0))
                levels[price] = (lots + self.product.lots(size), number + 1)
            return [(p, self.product.size_text(s), n) for p, (s, n) in levels.items()][:limit]

        return LevelBook(
            bids=rows(book.bids), asks=rows(book.asks), sequence=book.sequence, time=book.time
        )


def _trade_a_cycle(product: Product, seed: int, cycle: int, self_trade_every: int) -> list[Event]:
    """One cycle's messages, from an empty book to an empty book.

    Makers only post and takers only take, so that nobody but the planted account meets itself.
    """
    rng = random.Random(f"load {seed}")
    engine = MatchingEngine(
        product,
        clock=SimulatedClock(0),
        order_ids=lambda: _PASS_MARK + str(uuid.UUID(int=rng.getrandbits(128), version=4))[8:],
    )
    makers = [account.owner for account in (*facts.MARKET_MAKERS, *facts.RESTING_INVESTORS)]
    takers = [account.owner for account in facts.TAKERS]
    washer = facts.ECHO.owner
    events: list[Event] = []
    resting: list[str] = []
    planned = self_trade_every
    while len(events) < cycle:
        if self_trade_every and len(events) >= planned:
            planned += self_trade_every
            bid, ask = engine.best("buy"), engine.best("sell")
            if bid is not None and ask is not None and ask - bid > 1:
                events += engine.limit(washer, "sell", 700, ask - 1).events
                events += engine.limit(washer, "buy", 700, ask - 1).events
        elif len(resting) > _RESTING_ORDERS or (resting and rng.random() < 0.42):
            order_id = resting.pop(rng.randrange(len(resting)))
            order = engine.resting(order_id)
            if order is None:
                continue
            if order.remaining > 200 and rng.random() < 0.1:
                events += engine.reduce(order_id, order.remaining - 100).events
                resting.append(order_id)
            else:
                events += engine.cancel(order_id).events
        elif len(resting) > _RESTING_ORDERS // 4 and rng.random() < 0.2:
            side: Side = rng.choice(("buy", "sell"))
            events += engine.market(rng.choice(takers), side, rng.randint(1, 30) * 20).events
        else:
            side = rng.choice(("buy", "sell"))
            away = rng.randint(3, 40)
            price = _OPENING_PRICE - away if side == "buy" else _OPENING_PRICE + away
            lots = rng.randint(10, 90) * 10
            execution = engine.limit(rng.choice(makers), side, lots, price, post_only=True)
            events += execution.events
            resting.append(execution.order_id)
    for order_id in resting:
        if engine.resting(order_id) is not None:
            events += engine.cancel(order_id).events
    return events


def _template(event: Event) -> _Template:
    """The frame with placeholders: [trade id,] the pass for each order id, sequence, time."""
    trade = event.trade_id if isinstance(event, Match) else 0

    def text(shown: Event) -> bytes:
        frame = encode_frame(shown).decode()
        if trade:
            frame = frame.replace(f'"trade_id":{trade},', '"trade_id":%d,')
        frame = frame.replace(f'"sequence":{event.sequence},', '"sequence":%d,')
        return frame.replace(_PASS_MARK, "%s").replace(_TIME, "%s").encode()

    return _Template(text(event), text(public_view(event)), trade)
