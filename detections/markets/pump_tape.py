"""One market as a watcher for pumps sees it: bursts of orders, prices and value by short chunks of
time, against what is usual there.

- A **chunk** is 25 s long, the length with which La Morgia et al. found most; the chunks of the
  last five minutes are kept, and then learnt: with how many rush orders, trades and what value they
  had, and how far the price went. What is usual is a fading mean over 7 h, their window.
- A **rush order** takes offers at two prices or more within one millisecond: who places it wants
  the shares now, at whatever price. Of a venue that names orders that come in it is one order; else
  the purchases of one millisecond. Chains have no such order: all of a block has one time.
- A **bar** is 5 min long; those of the last hour tell how far a slower rise has gone.
- A venue that closes has days: nights aren't learnt, and an opening is no rise from a close.

Where the feed does not say who came in, a trade for more than the one before is a purchase, one for
less a sale, and one for the same is what the last one was (the tick test of Lee and Ready, 1991).
"""

from math import log
from statistics import median

from msgspec import Struct, field

from detections.alerting.findings import Witness
from detections.baselines.rate import MOVES, BlockRate, kept
from detections.float_sum import float_sum
from detections.markets.slips import FAR_OFF, is_slip
from pipeline.units import HOUR, MILLISECOND, MINUTE, SECOND

CHUNK = 25 * SECOND
#: Chunks that are looked at, before they are learnt.
CHUNKS = 12
BAR = 5 * MINUTE
#: Bars that are looked at.
BARS = 12
#: What is usual fades by half in half of La Morgia's window of 7 h.
KEEP = kept(7 * HOUR / CHUNK / 2)
#: A price that has gone this part of the way is still near where it was.
_NEAR = 0.1
#: Trades that are kept as evidence, the newest.
MOST_WITNESSES = 200


class Chunk(Struct, array_like=True):
    """What happened in 25 s."""

    number: int
    before: float
    """The price that held when it began."""
    last: float
    trades: int = 0
    purchases: int = 0
    rush: int = 0
    value: float = 0.0
    bought: float = 0.0
    """The part of the value that was bought by whoever came in."""
    flagged: bool = False
    """It is part of what was found: never learnt."""


class Bar(Struct, array_like=True):
    """What happened in five minutes."""

    number: int
    before: float
    trades: int = 0
    purchases: int = 0
    value: float = 0.0
    bought: float = 0.0


class Burst(Struct, frozen=True):
    """What a stretch of time up to now comes to."""

    chunks: float
    """How long it is."""
    before: float
    trades: int
    purchases: int
    rush: int
    value: float
    bought: float


class PumpTape(Struct):
    """One market."""

    price: float = 0.0
    """Of the newest trade; 0 before any."""
    earlier: float = 0.0
    """Of the one before it; 0 before any."""
    up: bool = True
    """Whether the newest trade was a purchase."""
    chunks: list[Chunk] = []
    bars: list[Bar] = []
    time: int = 0
    """Of the newest trade."""
    learnt: int = -1
    """Chunks before this one are learnt, or never will be; -1 before any trade."""
    rush: BlockRate = field(default_factory=BlockRate)
    trades: BlockRate = field(default_factory=BlockRate)
    value: BlockRate = field(default_factory=BlockRate)
    moves: BlockRate = field(default_factory=BlockRate)
    """Squares of how far the price went in a chunk, as logarithms."""
    burst_of: str = ""
    """The order, or the millisecond, that the newest purchases are of."""
    burst_price: float = 0.0
    """Their first price; 0 once they are counted as a rush order."""
    witnesses: list[Witness] = []
    """The newest trades."""

    @property
    def leapt(self) -> bool:
        """Whether its newest price is so far above the one before it that it may be a slip."""
        return self.earlier > 0 and self.price > self.earlier * (1 + FAR_OFF)

    def was_slip(self, price: float) -> bool:
        """Whether its newest price was a slip, by the one that comes now."""
        return self.earlier > 0 and is_slip(self.earlier, self.price, price)

    @property
    def history(self) -> float:
        """Nanoseconds that are known of it, faded."""
        return self.moves.weight * CHUNK

    @property
    def volatility(self) -> float:
        """How far the price usually goes in a chunk: the root of the mean squared logarithm."""
        return self.moves.mean**0.5

    def add(
        self,
        time: int,
        price: float,
        value: float,
        bought: bool | None,
        order: str | None,
        *,
        flagged: bool,
        began: int | None = None,
    ) -> bool:
        """Take a trade, bought by who came in or not (None: nobody knows); whether it was bought.

        `order` is the order that came in, where it is named, an empty text where it isn't, and None
        where there is no rush (on a chain). `began` is when the venue began to trade, where it
        closes: what was before that is another day, and the price of then is none to rise from.
        """
        number = time // CHUNK
        if began is not None and began > self.time:
            self._open(began // CHUNK)
        if time > self.time:
            self.time = time
        before = self.price or price
        chunks = self.chunks
        if not chunks or number > chunks[-1].number:
            self._next(number, before)
        chunk = chunks[-1]
        bar_number = time // BAR
        bars = self.bars
        if not bars or bar_number > bars[-1].number:
            bars.append(Bar(bar_number, before))
            while bars[0].number <= bar_number - BARS:
                del bars[0]
        bar = bars[-1]
        if bought is None:
            bought = price > before if price != before else self.up
        self.earlier, self.price, self.up = self.price, price, bought
        chunk.last = price
        chunk.trades += 1
        chunk.value += value
        bar.trades += 1
        bar.value += value
        if flagged:
            chunk.flagged = True
        if bought:
            chunk.purchases += 1
            chunk.bought += value
            bar.purchases += 1
            bar.bought += value
            if order is not None:
                self._rushes(chunk, order or str(time // MILLISECOND), price)
        return bought

    def keep(self, one: Witness) -> None:
        """Keep a trade as evidence."""
        self.witnesses.append(one)
        if len(self.witnesses) >= 2 * MOST_WITNESSES:
            del self.witnesses[:-MOST_WITNESSES]

    def evidence(self, since: int) -> tuple[Witness, ...]:
        """The trades since a time, the newest of them."""
        return tuple(one for one in self.witnesses[-MOST_WITNESSES:] if one.timestamp >= since)

    def flag(self) -> None:
        """What came in the last minutes was found: it isn't usual."""
        for chunk in self.chunks:
            chunk.flagged = True

    def burst(self, chunks: int) -> Burst:
        """What the newest chunks come to."""
        first = self.chunks[-1].number - chunks + 1
        found = [one for one in self.chunks[-chunks:] if one.number >= first]
        return Burst(
            float(chunks),
            found[0].before,
            sum(one.trades for one in found),
            sum(one.purchases for one in found),
            sum(one.rush for one in found),
            float_sum(one.value for one in found),
            float_sum(one.bought for one in found),
        )

    def hour(self) -> Burst:
        """What the bars of the last hour come to."""
        return Burst(
            float(BARS * BAR // CHUNK),
            self.bars[0].before,
            sum(one.trades for one in self.bars),
            sum(one.purchases for one in self.bars),
            0,
            float_sum(one.value for one in self.bars),
            float_sum(one.bought for one in self.bars),
        )

    def held(self) -> float:
        """The price that held in the last hour: the median of those at which its bars began."""
        return median(bar.before for bar in self.bars)

    def began(self, burst: Burst, price: float) -> int:
        """When a stretch's rise up to a price began, at the latest: the price was near where the
        stretch found it, within a tenth of the rise, until then."""
        near = burst.before + _NEAR * (price - burst.before)
        if burst.chunks > CHUNKS:
            return next((one.number for one in reversed(self.bars) if one.before <= near), 0) * BAR
        chunks = (one.number for one in reversed(self.chunks) if one.before <= near)
        return (next(chunks, 0) + 1) * CHUNK

    def _rushes(self, chunk: Chunk, order: str, price: float) -> None:
        if order != self.burst_of:
            self.burst_of, self.burst_price = order, price
        elif self.burst_price and price != self.burst_price:
            chunk.rush += 1
            self.burst_price = 0.0

    def _next(self, number: int, before: float) -> None:
        """A new chunk begins: learn those that are five minutes old."""
        chunks = self.chunks
        if self.learnt < 0:
            self.learnt = number
        done = 0
        while done < len(chunks) and chunks[done].number <= number - CHUNKS:
            self._learn(chunks[done])
            done += 1
        del chunks[:done]
        if not chunks:
            self._pass(number - CHUNKS + 1)
        chunks.append(Chunk(number, before, before))

    def _open(self, number: int) -> None:
        """A new day of trading: the night is neither learnt nor a rise."""
        if self.learnt >= 0:
            for chunk in self.chunks:
                self._learn(chunk)
            self.learnt = max(self.learnt, number)
        self.chunks.clear()
        self.bars.clear()
        self.price = self.earlier = 0.0

    def _learn(self, chunk: Chunk) -> None:
        self._pass(chunk.number)
        self.learnt = chunk.number + 1
        if chunk.flagged:
            return
        self.rush.learn(chunk.rush, KEEP)
        self.trades.learn(chunk.trades, KEEP)
        self.value.learn(chunk.value, KEEP)
        self.moves.learn((log(chunk.last) - log(chunk.before)) ** 2, KEEP, MOVES)

    def _pass(self, number: int) -> None:
        empty = number - self.learnt
        if empty > 0:
            for rate in (self.rush, self.trades, self.value, self.moves):
                rate.pass_empty(empty, KEEP)
            self.learnt = number
