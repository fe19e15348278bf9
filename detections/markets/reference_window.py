"""What is traded in the hour before a reference time, by whom, and who moved the price.

The **window** is the last part of it, in which the reference price is made; the **end** its last
seconds. The rest of the hour tells how the market was before. Of an opening that no auction makes
the window lies behind the time, and what was before it is another day.
"""

from math import log

from msgspec import Struct, field

from detections.alerting.findings import Witness
from detections.baselines.rate import MOVES, most_that_counts
from detections.float_sum import float_sum
from detections.markets.side_run import SideRuns
from detections.markets.slips import is_slip
from pipeline.units import MINUTE

#: Parties of one market. Where there are more, those who traded least in the window go, a tenth at
#: once: who makes the price there is among the last who come, and the largest.
MOST_PARTIES = 500
_GONE_AT_ONCE = 10
#: Trades of a party in the window, and of the market: the newest.
MOST_TRADES = 100
#: The hour before the window is looked at in steps of 5 min.
STEP = 5 * MINUTE


class Way(Struct, frozen=True):
    """Prices at which a party came in, in the window, and how far it pushed them."""

    first_price: float = 0.0
    """The market's price before it first came in, in the window."""
    came_in_at: float = 0.0
    """The price of the first trade in the window where it came in."""
    last_price: float = 0.0
    """Of its last trade in the window where it came in; 0 if it never did."""
    pushed: float = 0.0
    """By how much its own trades in the window changed the price, where it came in."""
    high: tuple[float, float] = (0.0, 0.0)
    """The highest price at which it came in, and how much it had pushed the price by then."""
    low: tuple[float, float] = (0.0, 0.0)
    """The same of the lowest."""

    def on(self, before: float, price: float) -> "Way":
        """It came in once more; so was the price before that, and so it was paid."""
        pushed, first = self.pushed + price - before, not self.came_in_at
        return Way(
            before if first else self.first_price,
            price if first else self.came_in_at,
            price,
            pushed,
            (price, pushed) if price > self.high[0] else self.high,
            (price, pushed) if first or price < self.low[0] else self.low,
        )


class Trading(Struct):
    """What a party did."""

    bought: float = 0.0
    sold: float = 0.0
    end_bought: float = 0.0
    end_sold: float = 0.0
    bought_before: float = 0.0
    sold_before: float = 0.0
    taken: float = 0.0
    """Of what it traded in the window, where it was the one that came in."""
    orders: int = 0
    """Times at which it came in, in the window."""
    last_order: int = 0
    way: Way = field(default_factory=Way)
    until: float = 0.0
    """What the whole market had traded in the window by then."""
    net_until: float = 0.0
    """What it had bought by then, less what it had sold."""
    others_before: float = 0.0
    """What others had traded in the window before it first came in."""
    trades: list[Witness] = field(default_factory=list[Witness])
    """In the window."""

    @property
    def size(self) -> tuple[float, float]:
        """What it traded in the window, and before it."""
        return self.bought + self.sold, self.bought_before + self.sold_before


class Step(Struct):
    """5 min before the window."""

    quantity: float = 0.0
    prices: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """By the side that came in: the price before it, and the last."""

    def add(self, price: float, quantity: float, side: str, before: float) -> None:
        """A trade, and the price at which somebody came in on its side before it."""
        self.quantity += quantity
        earlier, _ = self.prices.get(side, (before, 0.0))
        self.prices[side] = (earlier, price)

    @property
    def moved(self) -> float:
        """How far the price went, squared: the mean of its sides. Purchases at the offer by turns
        with sales at the bid move neither of these (Roll, 1984)."""
        squares = [(log(last) - log(first)) ** 2 for first, last in self.prices.values()]
        return float_sum(squares) / len(squares)


class Party(Struct, frozen=True):
    """Who it is."""

    account: str | None
    investor: str | None
    cluster: str | None


class ReferenceWindow(Struct):
    """One market before one reference time."""

    at: int
    """The reference time."""
    name: str
    purpose: str
    price: float = 0.0
    """Of the newest trade."""
    earlier: float = 0.0
    """The price before that."""
    start_price: float = 0.0
    """The price that held when the window began; 0 where nothing was traded before."""
    newest_before: float = 0.0
    """Quantity of the newest trade before the window."""
    value_before: float = 0.0
    quantity_before: float = 0.0
    trades_before: int = 0
    steps: dict[int, Step] = field(default_factory=dict[int, Step])
    """By 5 min before the window."""
    sides: dict[str, float] = field(default_factory=dict[str, float])
    """By the side that came in: the newest price before the window."""
    quantity: float = 0.0
    value: float = 0.0
    trades: int = 0
    end_quantity: float = 0.0
    newest: list[Witness] = field(default_factory=list[Witness])
    """Trades of the window."""
    last_buyer: str = ""
    last_seller: str = ""
    """The parties of the newest trade."""
    parties: dict[str, Trading] = field(default_factory=dict[str, Trading])
    """By the widest name."""
    runs: SideRuns = field(default_factory=SideRuns)
    """Of the window, by who came in, where a rule needs it."""
    who: dict[str, Party] = field(default_factory=dict[str, Party])
    came_in: tuple[str, Way] = ("", Way())
    """Who came in with the newest trade, in the window, and its way before: that may be a slip."""
    oldest: int = 0
    """So long before the reference time the first trade was."""

    @property
    def size(self) -> int:
        """Parties, steps, and trades that are kept."""
        kept = sum([len(trading.trades) for trading in self.parties.values()])
        return kept + len(self.newest) + len(self.parties) + len(self.who) + len(self.steps)

    def add(
        self,
        before: int,
        price: float,
        quantity: float,
        side: str | None,
        buyer: str | None,
        seller: str | None,
        seen: Witness,
        *,
        window: int,
        end: int,
    ) -> None:
        """Take a trade that was made so long before the reference time."""
        last = self._until(price)
        if last != self.price and self.came_in[0] in self.parties:
            self.parties[self.came_in[0]].way = self.came_in[1]
        self.earlier, self.price, self.came_in = last, price, ("", Way())
        inside = before <= window
        if before > self.oldest:
            self.oldest = before
        if inside:
            self.quantity += quantity
            self.value += price * quantity
            self.trades += 1
            self.newest.append(seen)
            del self.newest[:-MOST_TRADES]
            if before <= end:
                self.end_quantity += quantity
            self.last_buyer, self.last_seller = buyer or "", seller or ""
        else:
            self.start_price = price
            self.newest_before = quantity
            self.value_before += price * quantity
            self.quantity_before += quantity
            self.trades_before += 1
            number = before // STEP
            step = self.steps.get(number)
            if step is None:
                step = self.steps[number] = Step()
            came = side or ""
            step.add(price, quantity, came, self.sides.get(came, price))
            self.sides[came] = price
        if buyer == seller:
            return
        for name, buys in ((buyer, True), (seller, False)):
            if name is None:
                continue
            trading = self.parties.get(name)
            if trading is None:
                if len(self.parties) >= MOST_PARTIES:
                    if not inside:
                        continue
                    self._make_room()
                trading = self.parties[name] = Trading()
            if not inside:
                if buys:
                    trading.bought_before += quantity
                else:
                    trading.sold_before += quantity
                continue
            if buys:
                trading.bought += quantity
            else:
                trading.sold += quantity
            if before <= end:
                if buys:
                    trading.end_bought += quantity
                else:
                    trading.end_sold += quantity
            trading.trades.append(seen)
            del trading.trades[:-MOST_TRADES]
            if side is not None and (side == "buy") is buys:
                trading.taken += quantity
                if not trading.orders:
                    trading.others_before = self.quantity - trading.bought - trading.sold
                self.came_in = (name, trading.way)
                trading.way = trading.way.on(last or price, price)
                trading.until = self.quantity
                trading.net_until = trading.bought - trading.sold
                if seen.timestamp != trading.last_order:
                    trading.orders += 1
                    trading.last_order = seen.timestamp

    def _until(self, price: float) -> float:
        """The price until somebody trades at this one, 0 before any; a slip never was one."""
        slip, earlier = self.price, self.earlier
        if not earlier or not is_slip(earlier, slip, price):
            return slip
        if not self.trades:  # it was before the window
            self.value_before = max(0.0, self.value_before + (earlier - slip) * self.newest_before)
            self.start_price = earlier
        return earlier

    def _make_room(self) -> None:
        """Let those go who did least in the window; of these, who did least before."""
        parties = self.parties
        for name in sorted(parties, key=lambda one: parties[one].size)[
            : len(parties) // _GONE_AT_ONCE
        ]:
            del parties[name]
            self.who.pop(name, None)

    @property
    def vwap_before(self) -> float:
        """The average price before the window, by quantity; 0 where nothing was traded."""
        return self.value_before / self.quantity_before if self.quantity_before else 0.0

    def moved(self, price: float) -> float:
        """How far a price is from where the market was: from when the window began or from the
        average before, whichever is less; 0 if they go different ways."""
        if not self.start_price or not self.vwap_before or not self.quantity:
            return 0.0
        of_start, of_average = price / self.start_price - 1, price / self.vwap_before - 1
        if of_start * of_average <= 0:
            return 0.0
        return min(of_start, of_average, key=abs)

    def ways(self, trading: Trading, *, up: bool) -> list[tuple[float, float]]:
        """How far the price went a party's way, and the part of it that the party's own trades
        made; the farthest first, and none where it didn't.

        That is from where the market was to the last trade, or to the party's own last; or from the
        first price at which it came in to the farthest, wherever others brought it then.
        """
        way = trading.way
        far, pushed = way.high if up else way.low
        came = way.came_in_at
        if not came:
            return []  # it was a slip
        ways = [
            (self.moved(price), way.pushed, price - self.start_price)
            for price in (self.price, way.last_price)
        ]
        ways.append((far / came - 1, pushed - (came - way.first_price), far - came))
        return sorted(
            [(moved, by / went) for moved, by, went in ways if (moved > 0 if up else moved < 0)],
            key=lambda one: -abs(one[0]),
        )

    @property
    def usual_move(self) -> float:
        """How far the price at which either side came in went in 5 min before the window: the root
        of the mean square, to which no 5 min adds more than `detections.baselines.rate` lets."""
        moves = [one.moved for one in self.steps.values()]
        most = most_that_counts([one for one in moves if one], MOVES)
        return (float_sum(min(one, most) for one in moves) / len(moves)) ** 0.5 if moves else 0.0

    def seen_before(self, window: int) -> int:
        """How much of the time before the window is known: from the first trade on, since before
        that the market may have been closed, or nobody listened."""
        return max(0, self.oldest - window)

    def usual_quantity(self, time: int, of: int) -> float:
        """What was traded in so long a time before the window, of which so much was seen; no 5 min
        count for more than `detections.baselines.rate` lets them."""
        quantities = [one.quantity for one in self.steps.values()]
        most = most_that_counts(quantities)
        return float_sum(min(one, most) for one in quantities) * time / of
