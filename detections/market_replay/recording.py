"""Makes scenes of the events of some markets, taken one by one in the order of the feed.

Books are those that the detections keep (`detections.books`), moved on by the same events, so that
what is drawn is what a rule saw. Memory: the books; of the stretch of time that is shown 200,000
moments of all markets with 1,000,000 levels that changed, and of each market 100,000 trades, 20,000
orders and 70,000 quotes.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from detections.books.order_books import BookChange, OrderBooks
from detections.engine.seen_events import REMEMBERED_EVENTS, SeenEvents
from detections.market_replay.recorded_market import RecordedMarket
from detections.market_replay.scene import (
    Deal,
    End,
    Level,
    LiquidityMove,
    Moment,
    OrderLife,
    Place,
    Proof,
    Scene,
)
from detections.market_replay.suspects import PoolRecord, Suspects, without_others
from detections.parties import NOBODY, acting, sides
from normalizer.events import ChainReorganised, Record
from normalizer.events.chain import LiquidityAdded, PoolSwap
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
from pipeline.page.words import shortened

#: Moments of all scenes together, and levels that they changed: most change one or two.
MOST_MOMENTS, MOST_CHANGES = 200_000, 1_000_000
#: Letters of what is said of an event.
_MOST_SAID = 600
#: Of one scene, beyond what alerts rest on.
MOST_DEALS, MOST_LIQUIDITY = 100_000, 10_000
_ENDS: dict[type[MarketEvent], End] = {
    OrderCancelled: "cancelled",
    OrderFilled: "filled",
    OrderRemoved: "gone",
}


def place_of(event: Record) -> Place | None:
    """The market that an event is of; None where it is of none."""
    if isinstance(event, MarketEvent | PoolRecord) and event.instrument != WHOLE_SOURCE:
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
        self._room, self._changes = most_moments, MOST_CHANGES
        self._since, self._until = since, until
        self._seen = SeenEvents(REMEMBERED_EVENTS)
        self._markets = {
            place: RecordedMarket(Scene(place=place, since=since, until=until)) for place in places
        }

    def take(self, event: Record) -> None:
        """The next event. Of another market, or of a time behind the end, it does nothing."""
        if event.timestamp >= self._until:
            return
        if isinstance(event, FeedGap) and event.instrument == WHOLE_SOURCE:
            if not self._seen.again(event.id):
                for place, market in self._markets.items():
                    if place.provider == event.provider:
                        self._moved(market, event)
            return
        if isinstance(event, ChainReorganised):
            self._reorganised(event)
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
        elif isinstance(event, PoolRecord):
            market.scene.is_pool = True
            market.chain_id = event.chain_id
            if self._is_shown(market, event):
                self._in_pool(market, event)

    def _reorganised(self, fork: ChainReorganised) -> None:
        """Swaps in blocks that the chain has left count no more."""
        for place, market in self._markets.items():
            if (place.provider, market.chain_id) == (fork.provider, fork.chain_id):
                market.reorganised(fork.common_number)

    def finish(self) -> list[Scene]:
        """The scenes of the markets of which there was anything, in the order of their names."""
        found: list[Scene] = []
        named = Counter((place.venue, place.instrument) for place in self._markets)
        for place, market in sorted(self._markets.items()):
            self._begin(market)
            market.finish()
            scene = market.scene
            scene.of_several = named[place.venue, place.instrument] > 1
            if scene.moments or scene.left_out:
                found.append(scene)
        return found

    # -- a market ----------------------------------------------------------------------------------

    def _moved(self, market: RecordedMarket, event: MarketRecord) -> None:
        scene, shown = market.scene, self._is_shown(market, event)
        theirs = self._suspects.theirs(event, market.own)
        market.named = market.named or self._suspects.accuses(event)
        book, change = None, None
        if event.instrument == WHOLE_SOURCE:
            market.missed()
        else:
            market.book = book = self._books.of(event)
            if isinstance(event, OrderPlaced):
                market.placed_again(event)
            change = self._books.apply(event, book)
        scene.currency = scene.currency or event.currency
        if isinstance(event, BookUpdate | BookSnapshot):
            market.tells_levels = True
        market.tells_orders |= book is not None and bool(book.orders)
        levels = self._levels(market, event, change, any(theirs))
        if not shown:
            return
        if isinstance(event, FeedGap):
            scene.gaps.append((event.timestamp, event.reason or "a part of the feed is missing"))
        elif isinstance(event, Trade):
            self._dealt(market, event, theirs)
        elif isinstance(event, TradeBusted | TradeCorrected):
            market.corrected(event)
        if levels or not scene.quotes:
            market.quote(event.timestamp)
        self._tell(market, event, theirs, levels)

    def _in_pool(self, market: RecordedMarket, event: PoolRecord) -> None:
        scene = market.scene
        theirs = self._suspects.theirs(event)
        market.named = market.named or any(theirs)
        if isinstance(event, PoolSwap):
            self._dealt(market, event, theirs)
        said = self._tell(market, event, theirs)
        if not isinstance(event, PoolSwap) and len(scene.liquidity) < MOST_LIQUIDITY:
            scene.liquidity.append(
                LiquidityMove(
                    len(scene.deals),
                    isinstance(event, LiquidityAdded),
                    said,
                    any(theirs),
                    self._suspects.is_evidence(event),
                )
            )

    def _is_shown(self, market: RecordedMarket, event: MarketRecord | PoolRecord) -> bool:
        """Whether the stretch of time has begun with the event, or had before: one that comes late
        moves the book that is played as well."""
        if event.timestamp >= self._since:
            self._begin(market)
        return market.shown

    def _begin(self, market: RecordedMarket) -> None:
        """The book as it stands when the stretch of time begins."""
        if not market.shown:
            market.shown = True
            market.scene.book = market.whole_book()
            market.quote(self._since)

    def _levels(
        self, market: RecordedMarket, event: MarketEvent, change: BookChange | None, theirs: bool
    ) -> tuple[Level, ...]:
        """The levels that the event may have changed, after it; and whose orders it moved."""
        if change is None:
            return ()
        if isinstance(event, BookSnapshot):
            market.renewed(change.book, event.timestamp)
            return tuple(market.differing())
        touched: dict[tuple[bool, float], None] = {}
        order = change.order
        if order is not None:
            touched[order.buy, order.price] = None
            touched[order.buy, change.price_before] = None
            order_id = event.maker_order_id if isinstance(event, Trade) else None
            if isinstance(event, OrderEvent):
                order_id = event.order_id
            if order_id is not None:
                self._follow(market, event, order_id, change, theirs)
        evidence = bool(change.levels) and self._suspects.is_evidence(event)
        for level in change.levels:
            touched[level.buy, level.price] = None
            market.level_moved(level, event.timestamp, evidence=evidence)
        touched |= market.left_behind
        market.left_behind = {}
        levels = [market.level(buy, price) for buy, price in touched]
        if isinstance(event, BookUpdate):
            levels += market.dropped()
        return tuple(levels)

    def _follow(
        self,
        market: RecordedMarket,
        event: MarketEvent,
        order_id: str,
        change: BookChange,
        theirs: bool,
    ) -> None:
        """Keep up what they have, and what became of it."""
        life, suspects = market.own.get(order_id), self._suspects
        order = change.order
        assert order is not None
        if life is None:
            if not (isinstance(event, OrderPlaced) and theirs):
                return
            life = OrderLife(order_id=order_id, buy=order.buy, party=str(acting(event)))
            market.own[order_id] = life
        life.evidence |= suspects.is_evidence(event) or order_id in suspects.orders
        end = "filled" if isinstance(event, Trade) else _ENDS.get(event.__class__, "cancelled")
        market.went_on(life, order.price, change.quantity_after, event.timestamp, end)

    def _dealt(
        self, market: RecordedMarket, deal: Trade | PoolSwap, theirs: tuple[bool, bool]
    ) -> None:
        if deal.price is None or deal.quantity is None:
            return
        bought, sold = theirs
        buyer, seller = (
            party if own or self._name_others else NOBODY
            for party, own in zip(sides(deal), theirs, strict=True)
        )
        swap = isinstance(deal, PoolSwap)
        scene = market.scene
        scene.currency = scene.currency or deal.currency
        name = (deal.transaction_hash or "") if swap else deal.trade_id
        if swap and not (self._name_others or any(theirs)):
            name = ""  # on the chain everybody can look up whose it was
        evidence = self._suspects.is_evidence(deal)
        if len(scene.deals) >= MOST_DEALS and not evidence:
            scene.undrawn += 1
            return
        scene.deals.append(
            Deal(
                time=deal.timestamp,
                trade_id=name,
                price=deal.price,
                quantity=deal.quantity,
                buyer=str(buyer) if buyer.known else ("the pool" if swap else ""),
                seller=str(seller) if seller.known else ("the pool" if swap else ""),
                bought=bought,
                sold=sold,
                evidence=evidence,
                block=deal.block_number if swap else None,
                price_after=deal.pool_price if swap else None,
                busted=swap and bool(deal.orphaned),
            )
        )

    def _tell(
        self,
        market: RecordedMarket,
        event: MarketRecord | PoolRecord,
        theirs: tuple[bool, bool],
        levels: tuple[Level, ...] = (),
    ) -> str:
        """Returns what is said of it."""
        scene, evidence = market.scene, self._suspects.is_evidence(event)
        if self._room <= 0 or self._changes < len(levels):
            self._room = 0  # none behind it either: they would be of another book
            scene.left_out += 1
            if not evidence:
                return ""
        named = event if self._name_others else without_others(event, theirs, self._suspects.names)
        said = shortened(self._say(named), _MOST_SAID)
        if evidence:
            scene.proof.append(Proof(event.timestamp, event.id, said))
        if self._room > 0:
            self._room -= 1
            self._changes -= len(levels)
            column = len(scene.deals) - (0.5 if isinstance(event, PoolSwap) else 0.0)
            moment = Moment(event.timestamp, event.id, said, levels, any(theirs), evidence, column)
            scene.moments.append(moment)
        return said
