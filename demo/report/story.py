"""A session as its page needs it: events by kind in the order of time, and what alerts rest on."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from demo.verdict import JudgedAlert, Verdict
from normalizer.events import Alert, AlertUpdate, CaseActivity, Event, MarketEvent, Record
from normalizer.events.chain import Block, PoolSwap, TokenTransfer, TokenTransferRefused
from normalizer.events.ecs import parse
from normalizer.events.market import OrderReceived, Trade
from pipeline.units import SECOND

R = TypeVar("R", bound=Event)


class Latency(Struct, frozen=True, kw_only=True):
    """From a source's event to its alert's delivery, in nanoseconds."""

    median: int
    p99: int


class Totals(Struct, frozen=True, kw_only=True):
    """How much happened."""

    blocks: int
    transfers: int
    refused: int
    swaps: int
    orders: int
    trades: int
    events: int
    alerts: int


class Story(Struct, frozen=True, kw_only=True):
    """All of a session."""

    verdict: Verdict
    events: tuple[Record, ...]
    """By event time."""
    by_id: dict[str, Record]
    unknown: int
    """Documents that are no events of ours."""
    latency: Latency | None
    recorded: bool

    @property
    def start(self) -> int:
        """Event time of the first event, in nanoseconds; 0 where there is none."""
        return self.events[0].timestamp if self.events else 0

    @property
    def end(self) -> int:
        """Event time of the last event."""
        return self.events[-1].timestamp if self.events else 0

    def seconds(self, timestamp: int) -> float:
        """Seconds since the start."""
        return (timestamp - self.start) / SECOND

    def of(self, kind: type[R]) -> list[R]:
        """The events of a class and its subclasses."""
        return [event for event in self.events if isinstance(event, kind)]

    def by_event(self) -> dict[str, JudgedAlert]:
        """For each event in evidence, its most severe alert, the earliest among equals."""
        found: dict[str, JudgedAlert] = {}
        for one in self.verdict.alerts:
            for event_id in one.alert.evidence_events:
                known = found.get(event_id)
                if known is None or known.alert.severity < one.alert.severity:
                    found[event_id] = one
        return found

    def by_transaction(self) -> dict[str, JudgedAlert]:
        """The same for transactions: one transaction has several events."""
        found: dict[str, JudgedAlert] = {}
        for one in self.verdict.alerts:
            for transaction in one.alert.evidence_transactions:
                known = found.get(transaction)
                if known is None or known.alert.severity < one.alert.severity:
                    found[transaction] = one
        return found

    def busiest_instrument(self) -> tuple[str, str, str] | None:
        """Source, venue and instrument with the most events of a venue."""
        counts: dict[tuple[str, str, str], int] = {}
        for event in self.of(MarketEvent):
            place = (event.provider, event.venue, event.instrument)
            counts[place] = counts.get(place, 0) + 1
        return max(counts, key=lambda place: counts[place]) if counts else None

    def totals(self) -> Totals:
        """The numbers of the page's head."""
        return Totals(
            blocks=len(self.of(Block)),
            transfers=len(self.of(TokenTransfer)),
            refused=len(self.of(TokenTransferRefused)),
            swaps=len(self.of(PoolSwap)),
            orders=len(self.of(OrderReceived)),
            trades=len(self.of(Trade)),
            events=len(self.events),
            alerts=len(self.verdict.alerts),
        )


def tell(
    verdict: Verdict,
    events: Iterable[Record | Mapping[str, Any]],
    *,
    latency: Latency | None = None,
    recorded: bool = False,
) -> Story:
    """The story of records, or of ECS documents nested or dotted.

    A second copy of an event counts once. Raises normalizer.events.ecs.UnreadableDocument.
    """
    by_id: dict[str, Record] = {}
    unknown = 0
    for one in events:
        record = parse(one) if isinstance(one, Mapping) else one
        if record is None or isinstance(record, Alert | AlertUpdate | CaseActivity):
            unknown += 1
        else:
            by_id.setdefault(record.id, record)
    ordered = tuple(sorted(by_id.values(), key=lambda event: event.timestamp))
    return Story(
        verdict=verdict,
        events=ordered,
        by_id=by_id,
        unknown=unknown,
        latency=latency,
        recorded=recorded,
    )
