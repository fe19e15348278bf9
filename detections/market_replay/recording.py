"""Makes scenes of the events of some markets, taken one by one in the order of the feed.

Books are those that the detections keep (`detections.books`), moved on by the same events, so that
what is drawn is what a rule saw. Memory: the books, and of the stretch of time that is shown
200,000 moments of all markets.
"""

from collections.abc import Callable, Iterable

from detections.books.level_changes import LevelChange
from detections.books.order_book import OrderBook
from detections.books.order_books import BookChange, OrderBooks
from detections.engine.seen_events import REMEMBERED_EVENTS, SeenEvents
from detections.market_replay.scene import (
    Deal,
    End,
    Level,
    Moment,
    OrderLife,
    Place,
    Quote,
    Scene,
    Stretch,
)
from detections.market_replay.suspects import Suspects
from detections.parties import NOBODY, acting, sides
from normalizer.events import Record
from normalizer.events.chain import PoolSwap
from normalizer.events.market import (
    BookSnapshot,
    BookUpdate,
    FeedGap,
    MarketEvent,
    MarketRecord,
    OrderCancelled,
    OrderEvent,
    OrderFilled,
    OrderPlaced,
    OrderRemoved,
    Trade,
    TradeBusted,
    TradeCorrected,
)
from pipeline.frames import WHOLE_SOURCE

#: Moments of all scenes together.
MOST_MOMENTS = 200_000
#: As the rules on spoofing and layering measure depth.
LEVELS, WIDTH = 10, 0.05
_ENDS: dict[type[MarketEvent], End] = {
    OrderCancelled: "cancelled",
    OrderFilled: "filled",
    OrderRemoved: "gone",
}


def place_of(event: Record) -> Place | None:
    """The market that an event is of; None where it is of none."""
    if isinstance(event, MarketEvent | PoolSwap) and event.instrument != WHOLE_SOURCE:
        return Place(event.provider, event.venue, event.instrument)
    return None


class Recording:
    """Takes events, and has scenes of the markets that were asked for."""

    def __init__(
        self,
        places: Iterable[Place],
        suspects: Suspects,
        *,
        since: int,
        until: int,
        say: Callable[[Record], str],
        name_others: bool = True,
        most_moments: int = MOST_MOMENTS,
    ) -> None:
        """`say` gives the sentence of an event; with `name_others` it also has the names of whom
        no alert is about. `until` isn't included."""
        self._books = OrderBooks()
        self._suspects = suspects
        self._say = say
        self._name_others = name_others
        self._room = most_moments
        self._since, self._until = since, until
        self._seen = SeenEvents(REMEMBERED_EVENTS)
        self._markets = {
            place: _Market(Scene(place=place, since=since, until=until)) for place in places
        }

    def take(self, event: Record) -> None:
        """The next event. Of another market, or of a time behind the end, it does nothing."""
        if event.timestamp >= self._until:
            return
        if isinstance(event, FeedGap) and event.instrument == WHOLE_SOURCE:
            for place, market in self._markets.items():
                if place.provider == event.provider:
                    self._moved(market, event)
            return
        place = place_of(event)
        market = None if place is None else self._markets.get(place)
        if market is None or self._seen.again(event.id):
            return
        if market.scene.began is None:
            market.scene.began = event.timestamp
            market.scene.whole = isinstance(event, BookSnapshot)
        if isinstance(event, MarketEvent):
            self._moved(market, event)
        elif isinstance(event, PoolSwap):
            market.scene.is_pool = True
            if event.timestamp >= self._since:
                self._begin(market)
                self._dealt(market, event)
                self._tell(market, event)

    def finish(self) -> list[Scene]:
        """The scenes of the markets of which there was anything, in the order of their names."""
        found: list[Scene] = []
        for _, market in sorted(self._markets.items()):
            self._begin(market)
            market.finish()
            scene = market.scene
            if scene.moments or scene.left_out:
                found.append(scene)
        return found

    # -- a market ----------------------------------------------------------------------------------

    def _moved(self, market: "_Market", event: MarketRecord) -> None:
        scene = market.scene
        if event.timestamp >= self._since:
            self._begin(market)
        book, change = None, None
        if event.instrument == WHOLE_SOURCE:
            market.missed()
        else:
            market.book = book = self._books.of(event)
            if isinstance(event, OrderPlaced):
                market.placed_again(event)
            change = self._books.apply(event, book)
        scene.currency = scene.currency or event.currency
        own = isinstance(event, OrderEvent) and event.order_id in market.own
        if isinstance(event, BookUpdate | BookSnapshot):
            market.tells_levels = True
        market.tells_orders |= book is not None and bool(book.orders)
        levels = self._levels(market, event, change)
        if event.timestamp < self._since:
            return
        if isinstance(event, FeedGap):
            scene.gaps.append((event.timestamp, event.reason or "a part of the feed is missing"))
        elif isinstance(event, Trade):
            self._dealt(market, event)
        elif isinstance(event, TradeBusted | TradeCorrected):
            market.corrected(event)
        if book is not None:
            market.quote(event.timestamp)
        self._tell(market, event, levels, own)

    def _begin(self, market: "_Market") -> None:
        """The book as it stands when the stretch of time begins."""
        if not market.shown:
            market.shown = True
            market.scene.book = market.whole_book()
            market.quote(self._since)

    def _levels(
        self, market: "_Market", event: MarketEvent, change: BookChange | None
    ) -> tuple[Level, ...]:
        """The levels that the event may have changed, after it; and whose orders it moved."""
        if change is None:
            return ()
        if isinstance(event, BookSnapshot):
            market.renewed(change.book, event.timestamp)
            return tuple(market.whole_book())
        touched: dict[tuple[bool, float], None] = {}
        order = change.order
        if order is not None:
            touched[order.buy, order.price] = None
            touched[order.buy, change.price_before] = None
            order_id = event.maker_order_id if isinstance(event, Trade) else None
            if isinstance(event, OrderEvent):
                order_id = event.order_id
            if order_id is not None:
                self._follow(market, event, order_id, change)
        evidence = bool(change.levels) and self._suspects.is_evidence(event)
        for level in change.levels:
            touched[level.buy, level.price] = None
            if evidence:
                market.level_moved(level, event.timestamp)
        touched |= market.left_behind
        market.left_behind = {}
        levels = [market.level(buy, price) for buy, price in touched]
        if isinstance(event, BookUpdate):
            levels += market.dropped()
        return tuple(levels)

    def _follow(
        self, market: "_Market", event: MarketEvent, order_id: str, change: BookChange
    ) -> None:
        """Keep up what they have, and what became of it."""
        life, suspects = market.own.get(order_id), self._suspects
        order = change.order
        assert order is not None
        if life is None:
            if not (isinstance(event, OrderPlaced) and suspects.own(event)):
                return
            life = OrderLife(order_id=order_id, buy=order.buy, party=str(acting(event)))
            market.own[order_id] = life
        life.evidence |= suspects.is_evidence(event) or order_id in suspects.orders
        end = "filled" if isinstance(event, Trade) else _ENDS.get(event.__class__, "cancelled")
        market.went_on(life, order.price, change.quantity_after, event.timestamp, end)

    def _dealt(self, market: "_Market", deal: Trade | PoolSwap) -> None:
        if deal.price is None or deal.quantity is None:
            return
        bought, sold = self._suspects.dealt(deal)
        buyer, seller = (
            party if theirs or self._name_others else NOBODY
            for party, theirs in zip(sides(deal), (bought, sold), strict=True)
        )
        swap = isinstance(deal, PoolSwap)
        market.scene.currency = market.scene.currency or deal.currency
        market.scene.deals.append(
            Deal(
                time=deal.timestamp,
                trade_id=(deal.transaction_hash or "") if swap else deal.trade_id,
                price=deal.price,
                quantity=deal.quantity,
                buyer=str(buyer) if buyer.known else ("the pool" if swap else ""),
                seller=str(seller) if seller.known else ("the pool" if swap else ""),
                bought=bought,
                sold=sold,
                evidence=self._suspects.is_evidence(deal),
                block=deal.block_number if swap else None,
                price_after=deal.pool_price if swap else None,
            )
        )

    def _tell(
        self,
        market: "_Market",
        event: MarketRecord | PoolSwap,
        levels: tuple[Level, ...] = (),
        own: bool = False,
    ) -> None:
        """`own`: it is about an order of theirs, whether or not the feed says again whose."""
        scene = market.scene
        if self._room <= 0:
            scene.left_out += 1
            return
        self._room -= 1
        theirs = own
        if isinstance(event, OrderEvent):
            theirs |= self._suspects.own(event)
        elif isinstance(event, Trade | PoolSwap):
            theirs = any(self._suspects.dealt(event))
        if not (self._name_others or own):
            event = self._suspects.without_others(event)
        scene.moments.append(
            Moment(
                event.timestamp,
                event.id,
                self._say(event),
                levels,
                isinstance(event, BookSnapshot),
                theirs,
                self._suspects.is_evidence(event),
            )
        )


class _Market:
    """One market while it is recorded."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.book: OrderBook | None = None
        self.own: dict[str, OrderLife] = {}
        """Orders of theirs that rest, by id."""
        self.ended: list[OrderLife] = []
        """Those that have left in the stretch of time."""
        self.left_behind: dict[tuple[bool, float], None] = {}
        """Where an order stood that is placed anew by this event."""
        self.shown = False
        self.tells_levels = self.tells_orders = False
        self._theirs: dict[tuple[bool, float], dict[str, float]] = {}
        """What is left of their orders, by side and price."""
        self._told: dict[bool, dict[float, float]] = {True: {}, False: {}}
        """What the scene has of the book: quantities by side and price."""
        self._came: dict[tuple[bool, float], OrderLife] = {}
        """What came to a level in evidence, and is there yet."""

    def level(self, buy: bool, price: float) -> Level:
        """What stands at a price now."""
        book = self.book
        quantity = 0.0 if book is None else book.side(buy).at(price)
        if quantity:
            self._told[buy][price] = quantity
        else:
            self._told[buy].pop(price, None)
        return Level(buy, price, quantity, sum(self._theirs.get((buy, price), {}).values()))

    def whole_book(self) -> list[Level]:
        """Both sides, each from its best price on."""
        book = self.book
        if book is None:
            return []
        self._told = {True: {}, False: {}}
        return [
            self.level(buy, key * side.sign)
            for buy, side in ((True, book.side(True)), (False, book.side(False)))
            for key in reversed(side.keys)
        ]

    def dropped(self) -> list[Level]:
        """Levels that were let go, since the feed tells no more of them."""
        book = self.book
        gone: list[Level] = []
        for buy, prices in self._told.items():
            if book is not None and len(prices) > len(book.side(buy).keys):
                lost = [one for one in sorted(prices) if not book.side(buy).at(one)]
                gone += [self.level(buy, one) for one in lost]
        return gone

    def placed_again(self, event: OrderPlaced) -> None:
        """An order is about to come whose id may be that of one that rests, which goes then."""
        book = self.book
        order = None if book is None else book.orders.get(event.order_id)
        if order is None:
            return
        self.left_behind = {(order.buy, order.price): None}
        life = self.own.get(event.order_id)
        if life is not None:
            self.went_on(life, order.price, 0.0, event.timestamp, "gone")

    def went_on(self, life: OrderLife, price: float, left: float, time: int, end: End) -> None:
        """An order of theirs has this price now, and so much is left of it; `end`: if nothing."""
        self._close(life, time)
        if left > 0:
            life.stretches.append(Stretch(price, left, time, time))
            self._theirs.setdefault((life.buy, price), {})[life.order_id] = left
            return
        life.end = end
        del self.own[life.order_id]
        if time >= self.scene.since:  # else it is not seen
            self.ended.append(life)

    def level_moved(self, change: LevelChange, time: int) -> None:
        """What came to a level in an event that an alert rests on, and when it went."""
        place = (change.buy, change.price)
        more = change.after - change.before
        life = self._came.get(place)
        if more > 0 and life is None:
            life = OrderLife(order_id="", buy=change.buy, party="", evidence=True, of_level=True)
            life.stretches.append(Stretch(change.price, more, time, time))
            self._came[place] = life
        elif more < 0 and life is not None:
            del self._came[place]
            life.end = "gone"
            life.stretches[0] = life.stretches[0]._replace(until=time)
            self.scene.lives.append(life)

    def renewed(self, book: OrderBook, time: int) -> None:
        """The book was told anew: of their orders those are left that are in it."""
        for order_id, life in list(self.own.items()):
            order = book.orders.get(order_id)
            if order is None:
                self.went_on(life, 0.0, 0.0, time, "gone")
            else:
                last = life.stretches[-1]
                if (last.price, last.quantity) != (order.price, order.quantity):
                    self.went_on(life, order.price, order.quantity, time, "open")

    def quote(self, time: int) -> None:
        """Note how the book stands, if it stands otherwise than before."""
        book, quotes = self.book, self.scene.quotes
        if book is None:
            return
        bids, asks = book.side(True), book.side(False)
        theirs = {True: 0.0, False: 0.0}
        for (buy, _), orders in self._theirs.items():
            theirs[buy] += sum(orders.values())
        found = Quote(
            time,
            bids.best,
            asks.best,
            bids.depth(LEVELS, WIDTH),
            asks.depth(LEVELS, WIDTH),
            theirs[True],
            theirs[False],
        )
        if quotes and quotes[-1].time == time:
            quotes[-1] = found
        elif not quotes or quotes[-1][1:] != found[1:]:
            quotes.append(found)

    def missed(self) -> None:
        """Something of the whole source is missing."""
        if self.book is not None:
            self.book.miss()

    def corrected(self, event: TradeBusted | TradeCorrected) -> None:
        """A trade of the scene counts no more, or otherwise."""
        for deal in reversed(self.scene.deals):
            if deal.trade_id == event.trade_id:
                if isinstance(event, TradeBusted):
                    deal.busted = True
                else:
                    deal.price = deal.price if event.price is None else event.price
                    deal.quantity = deal.quantity if event.quantity is None else event.quantity
                return

    def finish(self) -> None:
        """Their orders that rest still are drawn to the end, and the ones of before not at all."""
        scene = self.scene
        scene.by_level = self.tells_levels and not self.tells_orders
        for life in self._came.values():
            life.stretches[0] = life.stretches[0]._replace(until=scene.until)
            scene.lives.append(life)
        for life in self.own.values():
            self._close(life, scene.until)
        for life in (*self.ended, *self.own.values()):
            shown = [one for one in life.stretches if one.until >= scene.since]
            life.stretches = [one._replace(since=max(one.since, scene.since)) for one in shown]
            scene.lives.append(life)
        scene.lives.sort(key=lambda life: (life.stretches[0].since, life.order_id))

    def _close(self, life: OrderLife, time: int) -> None:
        if not life.stretches:
            return
        last = life.stretches[-1]
        life.stretches[-1] = last._replace(until=time)
        orders = self._theirs.get((life.buy, last.price))
        if orders is not None:
            orders.pop(life.order_id, None)
            if not orders:
                del self._theirs[life.buy, last.price]
