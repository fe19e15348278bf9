"""Shows events to the correlators: to those that look at books one by one, to the others in turns.

What a correlator knows and its code are at hand while it takes many events, and gone again when 80
others have had their turn. So those that look at no book take events some hundred at a time, each
of them all before the next one does: in a third less time. What they find is told in the order of
the events, and of one event by rule, as if each event had been shown to all before the next came;
and before anything else is told or changes that an alert depends on (see `catch_up`). Some have
nothing to do with most events until a trade begins something: those are asleep till then.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from detections.alerting.findings import Finding
from detections.correlators.base import Correlator
from detections.engine.problems import Problems
from detections.engine.rule_book import NAMED_BOOK, SMALL_ORDER, Meeting, Observe
from detections.rules.model import Rule

#: Events that wait for the others' turn at most.
MOST_WAITING = 256
#: Sets of classes for which it is known whose turn it is; there are hardly more than ten.
_MOST_PLANS = 1_000


class Tell(Protocol):
    """What is done with a finding about an event."""

    def __call__(self, rule: Rule, finding: Finding, event: Any, alerts: list[Any]) -> None: ...


class Turn(NamedTuple):
    """How one correlator takes events."""

    rule: Rule
    by_class: dict[type[Any], Observe]
    alike: Observe | None
    """If it takes all of its classes in one way."""
    sleeper: Correlator[Any] | None
    """Itself, if it may be asleep (see `Correlator.asleep`)."""


#: Correlators that look at the same classes of events.
Group = tuple[frozenset[type[Any]], Sequence[Turn]]


class Showing:
    """The events that some correlators haven't seen yet, and those that are shown now."""

    def __init__(
        self, meeting_of: Callable[[type[Any]], Meeting], problems: Problems, tell: Tell
    ) -> None:
        self._meeting_of = meeting_of
        self._problems = problems
        self._tell = tell
        self._waiting: list[Any] = []
        self._plans: dict[frozenset[type[Any]], list[Group]] = {}

    def show(self, meeting: Meeting, event: Any, alerts: list[Any], waits: bool = False) -> None:
        """Move the books on by an event, and show it to the correlators; to those that take turns
        at once unless it `waits` and there is nothing to tell."""
        waits = waits and meeting.may_wait
        if not waits:
            self.catch_up(alerts)
        books, observers = meeting.books, meeting.at_once
        if books is not None:
            try:
                books.move(event)
            except Exception as error:
                books.lose(event)
                self._problems.note(f"the order book failed on event {event.id}", error)
            if meeting.of_some is not None:
                change = books.change
                order = change.order
                what = NAMED_BOOK if change.book.all_named else 0
                if order is not None and order.small:
                    what += SMALL_ORDER
                observers = meeting.of_some[what]
        told: list[tuple[Rule, Finding]] = []
        for observe, rule in observers:
            try:
                found = observe(event)
                if found:
                    for finding in found:
                        told.append((rule, finding))  # noqa: PERF401 (what came before it failed)
            except Exception as error:
                self._problems.fail(rule, event.id, error)
        if waits and not told:
            if meeting.in_turn:
                self._waiting.append(event)
                if len(self._waiting) >= MOST_WAITING:
                    self.catch_up(alerts)
            return
        self.catch_up(alerts)
        for observe, rule in meeting.in_turn:
            try:
                for finding in observe(event) or ():
                    told.append((rule, finding))  # noqa: PERF401
            except Exception as error:
                self._problems.fail(rule, event.id, error)
        told.sort(key=_rule_id)
        for rule, finding in told:
            self._tell(rule, finding, event, alerts)

    def catch_up(self, alerts: list[Any]) -> None:
        """Show what waits to all that haven't seen it, and tell what they find.

        To be called before anything is told or done that comes after these events: an alert, a gap,
        what is final, a trade that is taken back; and before the engine answers.
        """
        events = self._waiting
        if not events:
            return
        self._waiting = []
        told: list[tuple[Any, Rule, Finding | Exception]] = []
        classes = frozenset([event.__class__ for event in events])
        for seen, turns in self._plans.get(classes) or self._plan(classes):
            mine = (
                events
                if len(seen) == len(classes)
                else [event for event in events if event.__class__ in seen]
            )
            rousing: dict[frozenset[type[Any]], list[int]] = {}
            for turn in turns:
                sleeper = turn.sleeper
                if sleeper is None or not sleeper.asleep:
                    _take_turn(turn, mine, told)
                    continue
                places = rousing.get(sleeper.roused_by)
                if places is None:
                    by = sleeper.roused_by
                    places = [n for n, event in enumerate(mine) if event.__class__ in by]
                    rousing[by] = places
                _take_asleep(turn, sleeper, mine, places, told)
        if not told:
            return
        places = {id(event): place for place, event in enumerate(events)}
        told.sort(key=lambda one: (places[id(one[0])], one[1].id))
        for event, rule, found in told:
            if isinstance(found, Exception):
                self._problems.fail(rule, event.id, found)
            else:
                self._tell(rule, found, event, alerts)

    def _plan(self, classes: frozenset[type[Any]]) -> list[Group]:
        """Whose turn it is with events of these classes, by which of them they look at."""
        ways: dict[str, tuple[Rule, dict[type[Any], Observe]]] = {}
        sleepers: dict[str, Correlator[Any]] = {}
        for record in classes:
            meeting = self._meeting_of(record)
            for observe, rule in meeting.in_turn:
                ways.setdefault(rule.id, (rule, {}))[1][record] = observe
            for one in meeting.correlators:
                if one.correlator.roused_by:
                    sleepers[one.rule.id] = one.correlator
        groups: dict[frozenset[type[Any]], list[Turn]] = {}
        for rule, by_class in ways.values():
            first, *others = by_class.values()
            alike = first if all(one == first for one in others) else None
            groups.setdefault(frozenset(by_class), []).append(
                Turn(rule, by_class, alike, sleepers.get(rule.id))
            )
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        plan = self._plans[classes] = list(groups.items())
        return plan


def _take_turn(
    turn: Turn, events: Iterable[Any], told: list[tuple[Any, Rule, Finding | Exception]]
) -> None:
    """Show events to one correlator, and note what it finds, or that it fails."""
    rule, by_class, alike, _ = turn
    for event in events:
        try:
            found = by_class[event.__class__](event) if alike is None else alike(event)
            if found:
                for finding in found:
                    told.append((event, rule, finding))  # noqa: PERF401
        except Exception as error:
            told.append((event, rule, error))


def _take_asleep(
    turn: Turn,
    sleeper: Correlator[Any],
    events: Sequence[Any],
    rousing: Iterable[int],
    told: list[tuple[Any, Rule, Finding | Exception]],
) -> None:
    """The same, to one that is asleep: only those at the places of what may rouse it; if one does,
    all behind that."""
    behind = len(events)

    def until_roused() -> Iterator[Any]:
        nonlocal behind
        for place in rousing:
            yield events[place]
            if not sleeper.asleep:
                behind = place + 1
                return

    _take_turn(turn, until_roused(), told)
    if behind < len(events):
        _take_turn(turn, events[behind:], told)


def _rule_id(told: tuple[Rule, Finding]) -> str:
    return told[0].id
