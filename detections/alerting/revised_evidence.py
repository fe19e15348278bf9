"""Which of the alerts given rest on trades that a venue took back or corrected later.

Whatever found them: an alert names the trades that it rests on, and a bust or correction names one.
So this needs no code in any rule, and nothing of an event where no trade is revised. The alert
stands, since who traded has traded, and a venue often busts a trade just because it was abusive;
what it rests on has changed, and whoever judges it must know.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from detections.alerting.wording import amount
from normalizer.events import Alert
from normalizer.events.market import TradeBusted, TradeCorrected

#: Trades that alerts rest on, in all: the alerts given first are forgotten first.
REMEMBERED_TRADES = 500_000
#: Busts and corrections that are remembered, for alerts that are given later.
REMEMBERED_REVISIONS = 20_000
_MOST_NAMED = 4


class Revision(msgspec.Struct, array_like=True, frozen=True):
    """What a venue said of a trade."""

    id: str
    timestamp: int
    provider: str
    original: str
    venue: str
    instrument: str
    trade: str
    busted: bool
    price: float | None
    quantity: float | None
    why: str | None

    @property
    def market(self) -> str:
        """What the ids of all events of its market begin with."""
        return f"{self.venue}:{self.instrument}:"

    def says_no_more_than(self, other: "Revision") -> bool:
        """A venue may tell it of each side of the trade, or again."""
        return (self.busted, self.price, self.quantity) == (
            other.busted, other.price, other.quantity,
        )  # fmt: skip


class Resting(msgspec.Struct, array_like=True):
    """What an alert rests on."""

    market: str
    """What the ids of events of its own market begin with; empty where it is of none."""
    elsewhere: tuple[str, ...]
    """Ids of the events of other markets."""
    trades: tuple[str, ...]
    busted: tuple[str, ...] = ()
    corrected: tuple[str, ...] = ()

    def is_on(self, revision: Revision) -> bool:
        """Whether it rests on this trade, of which the id is one of its trades'."""
        market = revision.market
        return market == self.market or any(one.startswith(market) for one in self.elsewhere)


class RevisedEvidence(msgspec.Struct, array_like=True, dict=True):
    """The trades of alerts, and what became of trades."""

    alerts: dict[str, Resting] = msgspec.field(default_factory=dict[str, Resting])
    """By the alert's id, in the order in which they were given."""
    trades: int = 0
    """Of all these alerts."""
    revisions: dict[str, list[Revision]] = msgspec.field(default_factory=dict[str, list[Revision]])
    """By trade, the newest of each market that has one of this id; the longest known first."""

    def __post_init__(self) -> None:
        self._by_trade: dict[str, list[str]] | None = None  # made when the first revision comes

    def give(self, alert: Alert, *, back: bool = False) -> Iterator[tuple[Revision, str]]:
        """An alert is given. Yields what had become of its trades before, and how to say it; also
        where it is `back` after it was retracted, as nothing was told of it meanwhile."""
        if not alert.evidence_trades:
            return
        resting = self.alerts.get(alert.id)
        if resting is None:
            resting = self._rest(alert)
        elif not back:
            return
        if self.revisions:
            for trade in resting.trades:
                for known in self.revisions.get(trade, ()):
                    if resting.is_on(known):
                        yield known, self._amended(resting, known)

    def _rest(self, alert: Alert) -> Resting:
        """Remember what an alert rests on."""
        market = f"{alert.venue}:{alert.instrument}:" if alert.venue and alert.instrument else ""
        elsewhere = tuple(
            one for one in alert.evidence_events if not market or not one.startswith(market)
        )
        resting = Resting(market, elsewhere, alert.evidence_trades)
        self.alerts[alert.id] = resting
        self.trades += len(resting.trades)
        if self._by_trade is not None:
            self._index(self._by_trade, alert.id, resting)
        self._forget()
        return resting

    def revise(self, event: TradeBusted | TradeCorrected) -> Iterator[tuple[Revision, str, str]]:
        """A venue took a trade back, or corrected it.

        Yields, for each alert that rests on it, what was said, the alert's id, and why it changes.
        """
        revision = Revision(
            event.id,
            event.timestamp,
            event.provider,
            event.original,
            event.venue,
            event.instrument,
            event.trade_id,
            isinstance(event, TradeBusted),
            event.price,
            event.quantity,
            event.reason,
        )
        if not self._note(revision):
            return
        if self._by_trade is None:
            self._by_trade = {}
            for alert, resting in self.alerts.items():
                self._index(self._by_trade, alert, resting)
        for alert in self._by_trade.get(revision.trade, ()):
            resting = self.alerts.get(alert)
            if resting is not None and resting.is_on(revision):
                yield revision, alert, self._amended(resting, revision)

    def _note(self, revision: Revision) -> bool:
        """Whether it says something new."""
        known = self.revisions.setdefault(revision.trade, [])
        before = next((one for one in known if one.market == revision.market), None)
        if before is not None:
            if before.busted or revision.says_no_more_than(before):
                return False
            known.remove(before)
        known.append(revision)
        if len(self.revisions) > REMEMBERED_REVISIONS:
            del self.revisions[next(iter(self.revisions))]
        return True

    @staticmethod
    def _amended(resting: Resting, revision: Revision) -> str:
        """Note it, and say how the alert stands now."""
        trade = revision.trade
        if revision.busted:
            if trade not in resting.busted:
                resting.busted = (*resting.busted, trade)
            resting.corrected = tuple(one for one in resting.corrected if one != trade)
        elif trade not in resting.corrected:
            resting.corrected = (*resting.corrected, trade)
        return _sentence(resting, revision)

    @staticmethod
    def _index(by_trade: dict[str, list[str]], alert: str, resting: Resting) -> None:
        for trade in resting.trades:
            by_trade.setdefault(trade, []).append(alert)

    def _forget(self) -> None:
        while self.trades > REMEMBERED_TRADES:
            alert = next(iter(self.alerts))
            trades = self.alerts.pop(alert).trades
            self.trades -= len(trades)
            if self._by_trade is None:
                continue
            for trade in trades:  # of each it is the first, as it was given first
                resting = self._by_trade[trade]
                resting.remove(alert)
                if not resting:
                    del self._by_trade[trade]


def _sentence(resting: Resting, revision: Revision) -> str:
    when = datetime.fromtimestamp(revision.timestamp // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
    where = f"{revision.instrument} on {revision.venue}"
    why = f" ({revision.why})" if revision.why else ""
    if revision.busted:
        did = "busted"
    else:
        counts = [
            f"{what} of {amount(count)}"
            for what, count in (("a quantity", revision.quantity), ("a price", revision.price))
            if count is not None
        ]
        did = f"corrected to {' and '.join(counts)}" if counts else "corrected"
    said = f"trade {revision.trade} of {where} was {did} at {when} UTC{why}"
    return f"{said}; {_standing(resting)}"


def _standing(resting: Resting) -> str:
    count, gone, other = len(resting.trades), len(resting.busted), len(resting.corrected)
    what: list[str] = []
    if gone:
        what.append(_part(gone, count, resting.busted, "was busted", "were busted"))
    if other:
        what.append(_part(other, count, resting.corrected, "was corrected", "were corrected"))
    return "of the trades that the alert rests on, " + " and ".join(what)


def _part(some: int, count: int, trades: tuple[str, ...], one: str, several: str) -> str:
    if count == 1:
        return f"the only one {one}"
    if some == count:
        return f"all {count} {several}"
    named = ", ".join(trades[:_MOST_NAMED]) + (", ..." if some > _MOST_NAMED else "")
    return f"{some} of {count} {one if some == 1 else several} ({named})"
