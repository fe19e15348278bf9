"""Runs of a market's price that its tape shows, whoever made them, and how far they came back."""

from msgspec import Struct, field

from detections.alerting.findings import Witness
from detections.baselines.rate import BlockRate, kept
from detections.markets.usual_moves import UsualMoves
from pipeline.units import HOUR

#: Trades that are kept of a window, and of a run and what came after it.
MOST_TRADES = 256
_HALF_LIFE = 7 * HOUR // 2


class Print(Struct, frozen=True, gc=False):
    """A trade, by who came in."""

    bought: bool
    price: float
    quantity: float
    seen: Witness


class Run(Struct):
    """Trades that took the price one way, and those after."""

    up: bool
    start: float
    """The price before it."""
    far: float
    """The furthest price that it came to."""
    taken: list[Print]
    quantity: float
    """Of those who came in that way."""
    share: float
    """Of all that was traded meanwhile."""
    volume: float
    """How many times what is usual in as long a time that was."""
    moves: float
    """How many times the usual move of as long a time it went."""
    ended: int
    """Time of its newest trade."""
    back: list[Print] = field(default_factory=list[Print])
    back_quantity: float = 0.0

    @property
    def moved(self) -> float:
        """How far it went, as a part of the price."""
        return self.far / self.start - 1

    def returned(self, price: float) -> float:
        """The part of the way that a price has gone back."""
        return (self.far - price) / (self.far - self.start)

    def turn(self, trade: Print) -> None:
        """Somebody comes in the other way."""
        self.back_quantity += trade.quantity
        self.back.append(trade)
        if len(self.back) > MOST_TRADES:
            del self.back[0]


class RunTape(Struct):
    """One market: its newest trades, and what is usual."""

    trades: list[Print] = field(default_factory=list[Print])
    """Of the window."""
    before: float = 0.0
    """The price before the window; 0 before any."""
    bought: float = 0.0
    sold: float = 0.0
    """In the window, by those who came in."""
    moves: UsualMoves = field(default_factory=UsualMoves)
    volumes: BlockRate = field(default_factory=BlockRate)
    """Quantity by steps as long as the window."""
    step: int = -1
    step_quantity: float = 0.0
    run: Run | None = None
    told_at: int = 0
    """When a run was told of last; 0: never."""
    told_moved: float = 0.0
    """How far that one went, as a part of the price."""

    def add(self, trade: Print, window: int) -> None:
        """A trade; the width of the window is always the same."""
        time, trades = trade.seen.timestamp, self.trades
        trades.append(trade)
        if trade.bought:
            self.bought += trade.quantity
        else:
            self.sold += trade.quantity
        stale = 0
        while trades[stale].seen.timestamp < time - window or len(trades) - stale > MOST_TRADES:
            self.before = trades[stale].price
            stale += 1
        if stale:
            del trades[:stale]
            # Anew, so that no rounding is left.
            self.bought = sum((one.quantity for one in trades if one.bought), 0.0)
            self.sold = sum((one.quantity for one in trades if not one.bought), 0.0)

    @property
    def size(self) -> int:
        """How many trades are kept."""
        run = self.run
        return len(self.trades) + (0 if run is None else len(run.taken) + len(run.back))

    def forget(self) -> None:
        """Let go of its trades; what is usual stays known."""
        self.clear()
        self.run = None

    def clear(self) -> None:
        """What comes next is another run."""
        if self.trades:
            self.before = self.trades[-1].price
        self.trades.clear()
        self.bought = self.sold = 0.0

    def begin_anew(self, before: float) -> None:
        """Forget all trades, but for what is usual; the price was this one before those that come
        again."""
        self.forget()
        self.before = before

    def learn(self, trade: Print, window: int, began: int | None) -> None:
        """A trade tells what is usual."""
        time = trade.seen.timestamp
        last = self.moves.time
        number, keep = time // window, kept(_HALF_LIFE / window)
        if number > self.step:
            if self.step >= 0:
                self.volumes.learn(self.step_quantity, keep)
                first = self.step + 1
                if began is not None and began > last:
                    first = max(first, began // window)
                self.volumes.pass_empty(number - first, keep)
            self.step, self.step_quantity = number, 0.0
        self.step_quantity += trade.quantity
        self.moves.add(time, trade.price, window, began)
