"""What one party traded of one asset, in runs: enough to look back weeks, in bounded room.

A run is what a party traded in one direction within an hour. Of each the sums and the first few
trades are kept. Of a party that trades a lot the oldest runs are summed up further, so the past is
known the less finely the longer ago it is.
"""

from msgspec import Struct

from detections.alerting.findings import Witness
from pipeline.units import HOUR

_RUN = HOUR
#: Trades of a run that are kept as evidence, the first ones.
_MOST_WITNESSES = 6
_MOST_RUNS = 32
#: So long may a run be that was summed up.
_LONGEST = 12 * HOUR


class Run(Struct, array_like=True):
    """Trades that follow each other; mostly on one side."""

    first: int
    last: int
    bought: float = 0.0
    bought_value: float = 0.0
    sold: float = 0.0
    sold_value: float = 0.0
    trades: int = 0
    witnesses: list[Witness] = []


class Flow(Struct):
    """What a party traded in some time."""

    bought: float = 0.0
    bought_value: float = 0.0
    sold: float = 0.0
    sold_value: float = 0.0
    trades: float = 0.0
    witnesses: list[Witness] = []
    sizes: list[float] = []
    """Of its runs, whole units; what one has of the other side as well is a size of its own."""

    @property
    def net(self) -> float:
        """Bought less sold, whole units."""
        return self.bought - self.sold

    @property
    def gross(self) -> float:
        """Bought and sold, whole units."""
        return self.bought + self.sold

    def price(self, bought: bool) -> float:
        """Mean price of one side; 0 if there was nothing."""
        quantity, value = (
            (self.bought, self.bought_value) if bought else (self.sold, self.sold_value)
        )
        return value / quantity if quantity else 0.0


class TradingHistory(Struct, array_like=True):
    """A party's runs in an asset, the oldest first."""

    since: int = 0
    """Its first trade that was seen."""
    runs: list[Run] = []
    names: tuple[str, ...] = ()
    """Account, investor, cluster, as far as known."""
    labels: tuple[str, ...] = ()

    def add(self, time: int, quantity: float, value: float, witness: Witness) -> int:
        """Take a trade, `quantity` positive where it bought. Returns how many runs are new."""
        runs = self.runs
        self.since = self.since or time
        new = 0
        buys = quantity > 0
        run = runs[-1] if runs else None
        if (
            run is None
            or time - run.first > _RUN
            or time < run.first
            or (run.sold > 0 if buys else run.bought > 0)
        ):
            run = Run(time, time)
            runs.append(run)
            new = 1
            if len(runs) > _MOST_RUNS:
                _merge(runs)
                new = 0
        if buys:
            run.bought += quantity
            run.bought_value += value
        else:
            run.sold -= quantity
            run.sold_value += value
        run.trades += 1
        if time > run.last:
            run.last = time
        if len(run.witnesses) < _MOST_WITNESSES:
            run.witnesses.append(witness)
        return new

    def take_back(self, time: int, quantity: float, value: float, witness: str) -> None:
        """A trade counts no more, `quantity` positive where it bought."""
        for run in self.runs:
            if (
                run.first <= time <= run.last
                and run.trades
                and (run.bought, run.sold)[quantity < 0]
            ):
                if quantity > 0:
                    run.bought = max(0.0, run.bought - quantity)
                    run.bought_value = max(0.0, run.bought_value - value)
                else:
                    run.sold = max(0.0, run.sold + quantity)
                    run.sold_value = max(0.0, run.sold_value - value)
                run.trades -= 1
                run.witnesses[:] = [one for one in run.witnesses if one.id != witness]
                return

    def put_back(self, time: int, quantity: float, value: float) -> None:
        """A trade that was taken back counts with another quantity or price."""
        for run in self.runs:
            if run.first <= time <= run.last:
                if quantity > 0:
                    run.bought += quantity
                    run.bought_value += value
                else:
                    run.sold -= quantity
                    run.sold_value += value
                run.trades += 1
                return

    def between(self, begin: int, end: int) -> Flow:
        """What was traded from `begin` to before `end`; a run across a border counts in part."""
        flow = Flow()
        for run in self.runs:
            if run.last < begin or run.first >= end:
                continue
            share = _share(run, begin, end)
            flow.bought += share * run.bought
            flow.bought_value += share * run.bought_value
            flow.sold += share * run.sold
            flow.sold_value += share * run.sold_value
            flow.trades += share * run.trades
            flow.sizes += [share * one for one in (run.bought, run.sold) if one > 0]
            flow.witnesses += [one for one in run.witnesses if begin <= one.timestamp < end]
        return flow


def _share(run: Run, begin: int, end: int) -> float:
    span = run.last - run.first
    if span == 0:
        return 1.0
    return (min(run.last, end) - max(run.first, begin)) / span


def _merge(runs: list[Run]) -> None:
    """Make room: the two oldest runs that lie within half a day become one, or the oldest goes."""
    for place in range(len(runs) - 2):
        older, newer = runs[place], runs[place + 1]
        first, last = min(older.first, newer.first), max(older.last, newer.last)
        if last - first <= _LONGEST:
            newer.first, newer.last = first, last
            newer.bought += older.bought
            newer.bought_value += older.bought_value
            newer.sold += older.sold
            newer.sold_value += older.sold_value
            newer.trades += older.trades
            newer.witnesses[:0] = older.witnesses
            del newer.witnesses[_MOST_WITNESSES:]
            del runs[place]
            return
    del runs[0]
