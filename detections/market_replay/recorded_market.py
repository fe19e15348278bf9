"""One market while it is recorded: its book, what they have in it, and how it stood when."""

from detections.books.level_changes import LevelChange
from detections.books.order_book import OrderBook
from detections.float_sum import float_sum
from detections.market_replay.scene import End, Level, OrderLife, Quote, Scene, Stretch
from normalizer.events.market import OrderPlaced, TradeBusted, TradeCorrected

#: Orders of theirs, beyond those that alerts rest on.
MOST_LIVES = 20_000
#: Quotes are kept by columns of a picture, which has fewer: so many each, and so many more of those
#: that go beyond all others of their column.
_COLUMNS, _QUOTES, _EXTREMES = 2_000, 12, 24
#: As the rules on spoofing and layering measure depth.
LEVELS, WIDTH = 10, 0.05


class RecordedMarket:
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
        self.chain_id: int | None = None
        self.shown = False
        self.named = False
        """Some event named one of them."""
        self.tells_levels = self.tells_orders = False
        self._column, self._in_column = -1, 0
        self._newest_goes = False
        """The newest quote is kept only until there is a newer one."""
        self._furthest: tuple[float, ...] = ()
        self._theirs: dict[tuple[bool, float], dict[str, float]] = {}
        """What is left of their orders, by side and price."""
        self._told: dict[bool, dict[float, Level]] = {True: {}, False: {}}
        """What the scene has of the book, by side and price."""
        self._totals: tuple[float, float] | None = (0.0, 0.0)
        """What they have of bids and of offers; None where that is to be added up anew."""
        self._came: dict[tuple[bool, float], OrderLife] = {}
        """What came to a level in evidence, and is there yet."""

    def level(self, buy: bool, price: float) -> Level:
        """What stands at a price now."""
        book = self.book
        quantity = 0.0 if book is None else book.side(buy).at(price)
        found = Level(buy, price, quantity, float_sum(self._theirs.get((buy, price), {}).values()))
        if quantity:
            self._told[buy][price] = found
        else:
            self._told[buy].pop(price, None)
        return found

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

    def differing(self) -> list[Level]:
        """Where the book stands otherwise than the scene has it: of a feed that tells the whole
        book again and again, little."""
        book = self.book
        if book is None:
            return []
        found: list[Level] = []
        for buy, known in self._told.items():
            side = book.side(buy)
            before = dict(known)
            for price in dict.fromkeys((*before, *(key * side.sign for key in side.keys))):
                level = self.level(buy, price)
                if level != before.get(price):
                    found.append(level)
        return found

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
        if life.stretches:  # what comes late is seen when it comes
            time = max(time, life.stretches[-1].since)
        self._close(life, time)
        self._totals = None
        if left > 0:
            life.stretches.append(Stretch(price, left, time, time))
            self._theirs.setdefault((life.buy, price), {})[life.order_id] = left
            return
        life.end = end
        del self.own[life.order_id]
        if time < self.scene.since:
            return  # it is not seen
        if len(self.ended) < MOST_LIVES or life.evidence:
            self.ended.append(life)
        else:
            self.scene.undrawn += 1

    def level_moved(self, change: LevelChange, time: int, *, evidence: bool) -> None:
        """What came to a level in an event that an alert rests on, and when it went: with another
        such event, or when less is there than came."""
        place = (change.buy, change.price)
        life = self._came.get(place)
        if not evidence and (life is None or change.after >= life.stretches[0].quantity):
            return
        more = change.after - change.before
        if more > 0 and life is None:
            life = OrderLife(order_id="", buy=change.buy, party="", evidence=True, of_level=True)
            life.stretches.append(Stretch(change.price, more, time, time))
            self._came[place] = life
        elif more < 0 and life is not None:
            del self._came[place]
            life.end = "gone"
            first = life.stretches[0]
            life.stretches[0] = first._replace(until=max(time, first.since))
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
        if quotes:  # what comes late is seen when it comes
            time = max(time, quotes[-1].time)
        if self._totals is None:
            sums = {True: 0.0, False: 0.0}
            for (buy, _), orders in self._theirs.items():
                sums[buy] += float_sum(orders.values())
            self._totals = sums[True], sums[False]
        found = Quote(
            time,
            bids.best,
            asks.best,
            bids.depth(LEVELS, WIDTH),
            asks.depth(LEVELS, WIDTH),
            *self._totals,
        )
        if quotes and quotes[-1].time == time:
            quotes[-1] = found
        elif not quotes or quotes[-1][1:] != found[1:]:
            newest_goes = self._newest_goes
            self._newest_goes = not self._stays(found)
            if newest_goes and self._newest_goes:
                quotes[-1] = found
            else:
                quotes.append(found)

    def _stays(self, quote: Quote) -> bool:
        """Whether there is room for a quote in its column, or else for one that goes further than
        all before it there. Of all others only the newest is kept, which stands to the end."""
        scene = self.scene
        column = (quote.time - scene.since) * _COLUMNS // max(1, scene.until - scene.since)
        if column != self._column:
            self._column, self._in_column, self._furthest = column, 0, ()
        reach = (
            *(-(quote.bid or 0.0), quote.bid or 0.0, -(quote.ask or 0.0), quote.ask or 0.0),
            *(quote.bid_depth, quote.ask_depth, quote.bid_theirs, quote.ask_theirs),
        )
        known = self._furthest or reach
        self._furthest = tuple(map(max, known, reach))
        stays = self._in_column < (_QUOTES if self._furthest == known else _QUOTES + _EXTREMES)
        self._in_column += stays
        return stays

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

    def reorganised(self, common: int) -> None:
        """Of what was told until now, blocks above this one have left the chain."""
        for deal in self.scene.deals:
            deal.busted |= deal.block is not None and deal.block > common

    def finish(self) -> None:
        """Their orders that rest still are drawn to the end, and the ones of before not at all."""
        scene = self.scene
        scene.by_level = self.tells_levels and not self.tells_orders
        scene.unnamed = not self.named and not scene.by_level
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
