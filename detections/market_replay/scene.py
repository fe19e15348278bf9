"""What is seen of a market in a stretch of time. All times are nanoseconds of event time."""

from typing import Literal, NamedTuple

from msgspec import Struct

from detections.market_replay.clock import Times, times_of
from pipeline.page.words import shortened

#: How an order's life ended in the time that is shown. `gone`: the feed doesn't say by what.
End = Literal["cancelled", "filled", "gone", "open"]


class Place(NamedTuple):
    """A market: one instrument, at one venue, as one source tells of it."""

    provider: str
    venue: str
    instrument: str


class Level(NamedTuple):
    """What stands at a price, and how much of it is theirs."""

    buy: bool
    price: float
    quantity: float
    theirs: float


class Quote(NamedTuple):
    """The book at a time: best prices, and quantity of the ten best levels within 5% of the best.

    None where a side is empty. `bid_theirs` and `ask_theirs`: what they have on that side, at any
    price.
    """

    time: int
    bid: float | None
    ask: float | None
    bid_depth: float
    ask_depth: float
    bid_theirs: float
    ask_theirs: float


class Stretch(NamedTuple):
    """A part of an order's life in which neither its price nor what was left of it changed."""

    price: float
    quantity: float
    since: int
    until: int


class OrderLife(Struct, kw_only=True):
    """An order of theirs, from when it rested to when it left."""

    order_id: str
    buy: bool
    party: str
    evidence: bool = False
    """Whether an alert rests on it."""
    of_level: bool = False
    """It is what came to a level, and went, in events that an alert rests on: nobody says whose."""
    stretches: list[Stretch] = []
    end: End = "open"


class Deal(Struct, kw_only=True):
    """A trade, or a swap in a pool."""

    time: int
    trade_id: str
    price: float
    quantity: float
    buyer: str
    seller: str
    bought: bool
    """By one of them."""
    sold: bool
    evidence: bool
    block: int | None = None
    """Of a swap."""
    price_after: float | None = None
    """What the pool's price was after a swap."""
    busted: bool = False
    """It counts no more."""


class LiquidityMove(NamedTuple):
    """Liquidity came to a pool, or left it, before the swap of this number among the deals."""

    before: int
    added: bool
    said: str
    theirs: bool
    evidence: bool


class Moment(NamedTuple):
    """One event in the order of the feed: what is said of it, and what it did to the book."""

    time: int
    event_id: str
    said: str
    levels: tuple[Level, ...]
    """What stands there afterwards."""
    theirs: bool
    evidence: bool
    column: float = 0.0
    """Of a pool, where it is among the swaps that are drawn: in the middle of its own."""


class Proof(NamedTuple):
    """An event that an alert rests on."""

    time: int
    event_id: str
    said: str


class Scene(Struct, kw_only=True):
    """A market from `since` to `until`, that time not included."""

    place: Place
    since: int
    until: int
    currency: str | None = None
    began: int | None = None
    """Time of the first event of it that was read: what rested before isn't known."""
    whole: bool = False
    """That event told the whole book, so that nothing of before is missing."""
    book: list[Level] = []
    """As it stood at `since`, each side from its best price on."""
    quotes: list[Quote] = []
    lives: list[OrderLife] = []
    deals: list[Deal] = []
    moments: list[Moment] = []
    proof: list[Proof] = []
    """What alerts rest on, also where it can't be played any more."""
    liquidity: list[LiquidityMove] = []
    gaps: list[tuple[int, str]] = []
    """When something of the feed was missing, and what is said of it."""
    is_pool: bool = False
    of_several: bool = False
    """Another source tells of the same market."""
    by_level: bool = False
    """The feed tells levels, and no orders."""
    unnamed: bool = False
    """Nobody in it is called as the alerts call anybody: "theirs" is what alerts rest on."""
    left_out: int = 0
    """Moments beyond the most that are kept: the replay ends before the picture does."""
    undrawn: int = 0
    """Trades of others, and orders that no alert rests on, beyond the most that are kept."""

    @property
    def title(self) -> str:
        """What the market is called."""
        place = self.place
        name = f"{shortened(place.instrument, 48)} on {shortened(place.venue, 48)}"
        return f"{name}, as {shortened(place.provider, 48)} tells it" if self.of_several else name

    @property
    def times(self) -> Times:
        """How exactly its times are to be said."""
        return times_of(self.since, self.until, (one.time for one in self.moments))

    @property
    def evidence(self) -> frozenset[str]:
        """Ids of its events that an alert rests on."""
        return frozenset(one.event_id for one in self.proof)
