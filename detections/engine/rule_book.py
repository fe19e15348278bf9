"""Which rules an event meets: for each shape of event, the Sigma rules and correlators that could.

A shape is a class of our records, or any other ECS document.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

import msgspec

from detections.alerting.findings import Finding, witness
from detections.books.crossing import stays_crossed
from detections.books.order_books import MOVES, SharedBooks
from detections.correlations.hits import Hearing, Hit
from detections.correlators.base import Correlator, correlators
from detections.engine.compiled_rules import compiled
from detections.engine.problems import Problems
from detections.engine.renewal import Renewal, renews
from detections.fields import shapes, taxonomy
from detections.markets.recent_trades import RecentTrades, telling
from detections.rules.loading import RuleSet
from detections.rules.model import Rule
from detections.rules.reason import Fill, Reason, fill_reason, parse_reason
from detections.sigma.compiler import Match, compile_condition
from detections.sigma.functions import Program
from detections.sigma.readers import Constant, DocumentReader, Read, Reader, RecordReader
from normalizer.events.market import (
    FeedGap,
    MarketEvent,
    OrderCancelled,
    OrderPlaced,
    OrderRemoved,
    Trade,
    TradeBusted,
    TradeCorrected,
)

#: How a correlator takes an event.
Observe = Callable[[Any], Iterable[Finding] | None]
#: Fields, each with how it is read.
Needs = tuple[tuple[str, Read], ...]
#: What an event is about, as a sum: a small order, an order of a book that names everybody.
SMALL_ORDER, NAMED_BOOK = 1, 2
_MOST_REMEMBERED = 10_000
_REVISIONS: frozenset[type[Any]] = frozenset((TradeBusted, TradeCorrected))
_ORDERS: frozenset[type[Any]] = frozenset((OrderPlaced, OrderCancelled, OrderRemoved))
_NONE_HEARD: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class SigmaEntry(msgspec.Struct, frozen=True):
    """A Sigma rule for one shape of event."""

    rule: Rule
    silent: bool
    fill: Fill
    """Writes the sentence."""
    needs: Needs | None
    """Fields that correlations need of its matches; None if none refers to it."""


class CorrelatorEntry(msgspec.Struct, frozen=True):
    """A correlator with its state."""

    rule: Rule
    name: str
    """What rules call it."""
    correlator: Correlator[Any]


class Matched(msgspec.Struct, frozen=True):
    """What Sigma rules that match together lead to."""

    loud: tuple[SigmaEntry, ...]
    """Those that alert."""
    feeding: tuple[str, ...]
    """Ids of those that correlations refer to."""
    needs: Needs
    """What correlations need of the event, each field once."""
    hearings: tuple[Hearing, ...] = ()
    """Where they feed only correlations that want to know no more than that something came."""


class Meeting(msgspec.Struct, frozen=True):
    """What an event of one shape meets."""

    program: Program | None
    """Gives the numbers of the Sigma rules that match; None if none could."""
    sigma: tuple[SigmaEntry, ...]
    """By number."""
    correlators: tuple[CorrelatorEntry, ...]
    at_once: tuple[tuple[Observe, Rule], ...]
    """How the correlators that look at books take such an event, and whose they are."""
    of_some: tuple[tuple[tuple[Observe, Rule], ...], ...] | None
    """The same, for events about orders in the books, by `SMALL_ORDER` and `NAMED_BOOK`; None if
    all of these matter to all of them."""
    in_turn: tuple[tuple[Observe, Rule], ...]
    """The same, of the others: they may see it later (see `detections.engine.showing`)."""
    may_wait: bool
    """Whether they may; else `at_once` is all of them."""
    books: SharedBooks | None
    """The books that it moves on, if anybody looks at them."""
    one_by_one: Callable[[], Sequence[tuple[Rule, Match]]]
    """Each Sigma rule by itself: slow, and for when one fails on an event."""
    wanted: bool
    """Whether such events matter though no Sigma rule matches."""
    is_plain: bool
    """Whether they matter to correlators and books only."""
    heard: Mapping[str, tuple[str, ...]]
    """Rules of whose matches only the newest matters (see `Correlations.heard`)."""
    remembered: dict[tuple[int, ...], Matched] = {}
    """What `matched` answered."""

    def matched(self, found: Sequence[int]) -> Matched:
        """What follows where these rules match."""
        numbers = tuple(found)
        matched = self.remembered.get(numbers)
        if matched is None:
            entries = [self.sigma[number] for number in numbers]
            fed = [entry for entry in entries if entry.needs is not None]
            needs = tuple(dict(pair for entry in fed for pair in entry.needs or ()).items())
            heard = [_hearing(entry, self.heard, needs) for entry in fed]
            hearings = tuple(one for one in heard if one is not None)
            matched = Matched(
                loud=tuple(entry for entry in entries if not entry.silent),
                feeding=tuple(entry.rule.id for entry in fed),
                needs=needs,
                hearings=hearings if len(hearings) == len(fed) else (),
            )
            if len(self.remembered) < _MOST_REMEMBERED:
                self.remembered[numbers] = matched
        return matched


class RuleBook:
    """Makes the meetings, each when its first event comes: most streams have few shapes.

    `needs` are the fields that correlations need, by id of the Sigma rule, and `heard` are those
    rules of whose matches only the newest matters, with the field that groups them. Sigma rules are
    numbered in the order of their ids. `problems` is told what fails while something is made anew.
    `with_books`: books are kept though no correlator uses them.
    """

    def __init__(
        self,
        ruleset: RuleSet,
        needs: Mapping[str, Sequence[str]],
        heard: Mapping[str, tuple[str, ...]] = _NONE_HEARD,
        *,
        problems: Problems,
        with_books: bool = False,
    ) -> None:
        self._compiled = compiled(ruleset.sigma)
        self.sigma = self._compiled.rules
        self.conditions = self._compiled.conditions
        self._needs = needs
        self._heard = heard
        known = correlators()
        made = [
            CorrelatorEntry(one.rule, one.correlator, known[one.correlator](one.parameters))
            for one in ruleset.correlators
        ]
        self.correlators = sorted(made, key=lambda entry: entry.rule.id)
        users = [entry.correlator for entry in made if entry.correlator.uses_books]
        self.books = SharedBooks() if users or with_books else None
        """What the correlators share; None if none of them looks at books."""
        for user in users:
            user.books = self.books or SharedBooks()
        revised = [entry.correlator for entry in made if entry.correlator.uses_trades]
        self.trades = RecentTrades() if revised else None
        """What venues may take back; None if no correlator asks for it."""
        for user in revised:
            user.trades = self.trades or RecentTrades()
        self.renewal = (
            None
            if self.trades is None
            else Renewal(
                self.trades, [(one.rule, one.correlator) for one in self.correlators], problems
            )
        )
        """What is done behind busts and corrections."""
        self._weighing = frozenset(
            one.rule.id
            for one in made
            if one.correlator.uses_books and one.correlator.typology != "data_quality"
        )
        self._records: dict[type[Any], Meeting] = {}
        self._documents: Meeting | None = None

    def of_record(self, record: type[Any]) -> Meeting:
        """What a record of this class meets."""
        found = self._records.get(record)
        if found is None:
            shape = shapes()[record]
            mine = [
                one
                for one in self.correlators
                if shape.action in one.correlator.actions
                or (record in _REVISIONS and one.correlator.uses_trades)
            ]
            books = self.books if record in MOVES else None
            # A gap marks what is found over it, by whichever rule.
            wanted = bool(mine) or books is not None or record is FeedGap
            reader = RecordReader(shape)
            found = self._records[record] = self._meeting(
                reader, mine, record, wanted=wanted, books=books, heard=self._heard
            )
        return found

    def is_of_crossed_book(self, rule_id: str, event: Any) -> bool:
        """Whether a rule that looks at books found something in one that stays crossed."""
        if rule_id not in self._weighing or self.books is None:
            return False
        book = self.books.find(event) if isinstance(event, MarketEvent) else None
        return book is not None and stays_crossed(book, event.timestamp)

    @cached_property
    def seen_actions(self) -> frozenset[str]:
        """The `event.action` of the records that correlators see, or that move their books."""
        seen = {action for entry in self.correlators for action in entry.correlator.actions}
        if self.books is not None:
            seen.update(shapes()[record].action for record in MOVES)
        if self.trades is not None:
            seen.update(shapes()[record].action for record in (Trade, *_REVISIONS))
        return frozenset(seen)

    def of_documents(self) -> Meeting:
        """What a flat ECS document that is no record meets: no correlators."""
        if self._documents is None:
            self._documents = self._meeting(DocumentReader(), (), wanted=False)
        return self._documents

    def _meeting(
        self,
        reader: Reader,
        mine: Sequence[CorrelatorEntry],
        record: type[Any] = object,
        *,
        wanted: bool,
        books: SharedBooks | None = None,
        heard: Mapping[str, tuple[str, ...]] = _NONE_HEARD,
    ) -> Meeting:
        def one_by_one() -> list[tuple[Rule, Match]]:
            return [
                (one.rule, _function(compile_condition(node, reader)))
                for one, (_, node) in zip(self.sigma, self.conditions, strict=True)
            ]

        entries = [
            SigmaEntry(
                one.rule,
                one.silent,
                fill_reason(one.reason or _DEFAULT_REASON, reader, taxonomy().get),
                _reads(self._needs.get(one.rule.id), reader),
            )
            for one in self.sigma
        ]
        may_wait = record is not FeedGap and record not in _REVISIONS
        at_once = [one for one in mine if one.correlator.uses_books or not may_wait]
        return Meeting(
            program=self._compiled.program(record, reader),
            sigma=tuple(entries),
            correlators=tuple(mine),
            at_once=tuple(self._observers(record, at_once, mine)),
            of_some=None if books is None else self._of_some(record, at_once, mine),
            in_turn=tuple(
                [
                    (observer, one.rule)
                    for one in mine
                    if may_wait and not one.correlator.uses_books
                    if (observer := one.correlator.observer(record)) is not None
                ]
            ),
            may_wait=may_wait,
            books=books,
            one_by_one=one_by_one,
            wanted=wanted,
            is_plain=wanted and record is not FeedGap,
            heard=heard,
        )

    def _of_some(
        self, record: type[Any], at_once: Sequence[CorrelatorEntry], mine: Sequence[CorrelatorEntry]
    ) -> tuple[tuple[tuple[Observe, Rule], ...], ...] | None:
        """How events about such orders are taken by those to whom they matter."""
        found: list[tuple[tuple[Observe, Rule], ...]] = []
        for what in range(SMALL_ORDER + NAMED_BOOK + 1):
            minding = [
                one
                for one in mine
                if not (what & SMALL_ORDER and one.correlator.passes_small(record))
                and not (what & NAMED_BOOK and one.correlator.of_unnamed and record in _ORDERS)
            ]
            some = [one for one in at_once if one in minding]
            found.append(tuple(self._observers(record, some, minding)))
        return tuple(found) if any(one != found[0] for one in found) else None

    def _observers(
        self,
        record: type[Any],
        some: Sequence[CorrelatorEntry],
        mine: Sequence[CorrelatorEntry],
    ) -> list[tuple[Observe, Rule]]:
        """How some of the correlators that see such records take them, and before and behind them
        the recent trades, for all."""
        trades = self.trades
        if record not in _REVISIONS or trades is None:
            observers = [
                (observer, one.rule)
                for one in some
                if (observer := one.correlator.observer(record)) is not None
            ]
            if record is Trade and trades is not None and mine:
                observers.insert(0, (trades.add, mine[0].rule))
            if self.renewal is not None and any(
                one.correlator.uses_trades if record is Trade else renews(one.correlator)
                for one in mine
            ):  # not before each order for those that make nothing anew
                observers.insert(0, (self.renewal.before, mine[0].rule))
            return observers
        told: list[tuple[Observe, Rule]] = []
        action = shapes()[record].action
        for one in some:
            if action not in one.correlator.actions:
                told.append((telling(trades, one.correlator.revised), one.rule))
            elif (observer := one.correlator.observer(record)) is not None:
                told.append((observer, one.rule))
        return [*told, (trades.revise, mine[-1].rule)] if mine else told


def values_of(event: Any, needs: Needs) -> dict[str, Any]:
    """What an event has of the fields that correlations need."""
    values: dict[str, Any] = {}
    for name, read in needs:
        value = read(event)
        if value is not None:
            values[name] = value
    return values


def _hearing(
    entry: SigmaEntry, heard: Mapping[str, tuple[str, ...]], needs: Needs
) -> Hearing | None:
    """How matches of a rule on records are heard, if they are.

    `needs` is what correlations need of the event, of all rules that it matches: its hit is the
    same one that they get where it isn't heard, as after a restart.
    """
    rule, own = entry.rule.id, dict(entry.needs or ())
    fields = heard.get(rule, ())
    reads = [own[field] for field in fields if field in own]
    if not reads or len(reads) != len(fields):
        return None

    def hit(event: Any) -> Hit:
        return Hit(
            rule=rule,
            id=event.id,
            timestamp=event.timestamp,
            values=values_of(event, needs),
            evidence=witness(event),
            event=event,
        )

    return Hearing(rule, _group_of(reads), hit)


def _group_of(reads: Sequence[Read]) -> Callable[[Any], tuple[str, ...] | None]:
    """Reads an event's group, if all values are texts: others are not taken as they stand."""
    if len(reads) == 1:
        (read,) = reads

        def of_one(event: Any) -> tuple[str, ...] | None:
            value = read(event)
            return (value,) if value.__class__ is str else None

        return of_one

    def of_several(event: Any) -> tuple[str, ...] | None:
        values = [read(event) for read in reads]
        return tuple(values) if all(value.__class__ is str for value in values) else None

    return of_several


def _reads(names: Sequence[str] | None, reader: Reader) -> Needs | None:
    return None if names is None else tuple((name, _read(reader.field(name))) for name in names)


def _read(found: Read | Constant) -> Read:
    if not isinstance(found, Constant):
        return found
    value = found.value
    return lambda event: value


def _function(compiled: Match | bool) -> Match:
    return compiled if callable(compiled) else lambda event: compiled


_DEFAULT_REASON: Reason = parse_reason("the event[ {event.action}] matched[, about {related.user}]")
