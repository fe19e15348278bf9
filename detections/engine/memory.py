"""What an engine knows of the past: saved, restored, and handed on to an engine of other rules."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Self

import msgspec

from detections.books.order_books import OrderBooks, parts_of_books, read_books
from detections.correlations.hits import Limits
from detections.correlations.runtime import Correlations
from detections.correlations.state import Known, SnapshotError
from detections.engine.event_time import TimeLimits, Waiting, Watermark
from detections.engine.feed_gaps import FeedGaps
from detections.engine.finality import FinalityGate
from detections.engine.judgement import Judgement, Work
from detections.engine.problems import Problems
from detections.engine.rule_book import RuleBook
from detections.engine.rule_states import (
    BOOKS,
    Unfit,
    difference,
    identities,
    identity_of_books,
    unfit,
)
from detections.engine.seen_events import SeenEvents
from detections.engine.state import (
    CannotRestore,
    Common,
    WaitingEvent,
    event_of,
    read_state,
    waiting_event,
    write_state,
)
from detections.rules.rule_set import RuleSet


class EngineMemory:
    """All that outlives an event, with the rules that it is known for.

    What is of no rule fits every engine. What a rule knows fits one that has the same rule.
    """

    def __init__(
        self,
        ruleset: RuleSet,
        *,
        remembered: int,
        times: TimeLimits,
        limits: Limits,
        with_books: bool = False,
    ) -> None:
        titles = {one.rule.id: one.rule.title for one in ruleset.sigma}
        self.problems = Problems()
        self.late = 0
        """Events that came later than allowed, and were taken all the same."""
        self.seen = SeenEvents(remembered)
        self.watermark = Watermark(times)
        self.waiting = Waiting[Work]()
        self.gaps = FeedGaps()
        self.finality = FinalityGate({one.id: one.finality for one in ruleset.rules})
        self.correlations = Correlations(ruleset.correlations, limits, titles=titles)
        self.book = RuleBook(
            ruleset,
            self.correlations.needs,
            self.correlations.heard,
            problems=self.problems,
            with_books=with_books,
        )
        self._books = self.book.books
        self.judgement = Judgement(self.book, self.problems)
        self._correlators = {one.rule.id: one.correlator for one in self.book.correlators}
        self._identities = identities(ruleset, self.book.correlators, times.lateness)
        if self._books is not None:
            self._identities[BOOKS] = identity_of_books(times.lateness)

    @property
    def stateful(self) -> list[Unfit]:
        """The rules that have a state, as they are before they know anything."""
        return [unfit(one, "no state was saved") for one in self._identities.values()]

    def renew(self) -> None:
        """What waits for the next event, behind busts and corrections, is done."""
        if self.book.renewal is not None:
            self.book.renewal.renew()

    def snapshot_parts(self) -> Iterator[bytes]:
        """The state, part by part: all of it together may be much. Nothing may change meanwhile."""
        self.renew()
        young, old = self.seen.generations
        common = Common(
            limits=self.watermark.limits,
            watermark=self.watermark.value,
            lead=self.watermark.lead,
            newest=self.watermark.newest,
            gaps=self.gaps.gaps,
            young=young,
            old=old,
            waiting=self._waiting_events(),
            reached=self.correlations.reached,
            late=self.correlations.late,
            finality=self.finality.state,
            trades=None if self.book.trades is None else self.book.trades.save(),
        )
        return write_state(
            common, ((self._identities[rule], self._parts_of(rule)) for rule in self._identities)
        )

    def restore(self, data: bytes | Iterable[bytes]) -> list[Unfit]:
        """Take the state of a snapshot. Returns the rules whose state isn't in it, or doesn't fit.

        These begin empty; see `adopt`. Raises CannotRestore, and then nothing has changed.
        """
        common: Common | None = None
        missing = {rule: difference(None, one) for rule, one in self._identities.items()}
        known: dict[str, Known] = {}
        states: dict[str, Any] = {}
        books: OrderBooks | None = None
        for read in read_state(data):
            if isinstance(read, Common):
                common = read
                continue
            rule = read.identity.id
            if rule not in self._identities:
                continue  # it is gone
            missing[rule] = read.unwritable or difference(read.identity, self._identities[rule])
            if missing[rule] is None:
                try:
                    if rule == BOOKS:
                        books = read_books(read.parts)
                    else:
                        self._read_rule(rule, read.parts, known, states)
                except (SnapshotError, msgspec.MsgspecError) as error:
                    missing[rule] = str(error)
        if common is None:
            raise CannotRestore("the saved state is empty")
        waiting = [(one, event_of(one)) for one in common.waiting]
        if self.book.trades is not None and common.trades is not None:
            try:
                self.book.trades.restore(common.trades)
            except msgspec.MsgspecError as error:
                raise CannotRestore(f"the saved state can't be read: {error}") from error
        self._begin_anew(missing)
        self.correlations.take(known)
        for rule, state in states.items():
            self._correlators[rule].state = state
        if self._books is not None and books is not None:
            self._books.state = books
        self.correlations.reached, self.correlations.late = common.reached, common.late
        self.seen.restore(common.young, common.old)
        self.finality.state = common.finality
        self.watermark.restore(common.watermark, common.lead, common.newest)
        self.gaps.gaps = common.gaps
        self._wait_again(waiting)
        return self._unfit(missing)

    def carry_over(self, before: Self) -> list[Unfit]:
        """Go on from where another one is, of other rules, which is of no use any more.

        Returns the rules whose state it doesn't have, or which doesn't fit. They begin empty; see
        `adopt`.
        """
        before.renew()
        missing = {
            rule: difference(before._identities.get(rule), one)
            for rule, one in self._identities.items()
        }
        self._begin_anew(missing)
        self.adopt(before, [rule for rule, why in missing.items() if why is None])
        self.correlations.reached = before.correlations.reached
        self.correlations.late = before.correlations.late
        self.late, self.seen.repeated = before.late, before.seen.repeated
        self.problems.carry_over(before.problems)
        if self.book.trades is not None and before.book.trades is not None:
            self.book.trades.carry_over(before.book.trades)
        self.seen.restore(*before.seen.generations)
        self.finality.state = before.finality.state
        time = before.watermark
        self.watermark.restore(time.value, time.lead, time.newest)
        self.gaps.gaps = list(before.gaps.gaps)
        self._wait_again([(one, event_of(one)) for one in before._waiting_events()])
        return self._unfit(missing)

    def adopt(self, source: Self, rules: Collection[str]) -> None:
        """Take what another one knows of some rules, which has come as far and is of no more use.

        What waits here waits there as well, and these rules will see it when its time comes.
        """
        source.renew()
        known = source.correlations.known
        self.correlations.take({one: known(one) for one in self._correlations_of(rules)})
        for rule in rules:
            if rule == BOOKS and self._books is not None and source._books is not None:
                self._books.state = source._books.state
            elif rule in self._correlators:
                self._correlators[rule].state = source._correlators[rule].state
        self.correlations.reached = max(self.correlations.reached, source.correlations.reached)

    def _unfit(self, missing: Mapping[str, str | None]) -> list[Unfit]:
        return [unfit(self._identities[rule], why) for rule, why in missing.items() if why]

    def _begin_anew(self, missing: Mapping[str, str | None]) -> None:
        nothing = Known(groups=[], uses=0, evictions={}, left_out={})
        gone = [rule for rule, why in missing.items() if why]
        self.correlations.take(dict.fromkeys(self._correlations_of(gone), nothing))
        for rule in gone:
            if rule == BOOKS and self._books is not None:
                self._books.state = OrderBooks()
            elif rule in self._correlators:
                self._correlators[rule].begin()

    def _correlations_of(self, rules: Iterable[str]) -> list[str]:
        return [one for one in rules if one != BOOKS and one not in self._correlators]

    def _parts_of(self, rule: str) -> Iterator[bytes]:
        correlator = self._correlators.get(rule)
        if rule == BOOKS and self._books is not None:
            yield from parts_of_books(self._books.state)
        elif correlator is None:
            yield from self.correlations.parts_of(rule)
        else:
            yield correlator.snapshot()

    def _read_rule(
        self, rule: str, parts: list[bytes], known: dict[str, Known], states: dict[str, Any]
    ) -> None:
        correlator = self._correlators.get(rule)
        if correlator is None:
            known[rule] = self.correlations.read(rule, parts)
        else:
            states[rule] = correlator.read(b"".join(parts))

    def _waiting_events(self) -> list[WaitingEvent]:
        return [
            waiting_event(timestamp, order, work.told, work.judged)
            for timestamp, order, work in self.waiting.in_order()
        ]

    def _wait_again(self, waiting: Iterable[tuple[WaitingEvent, Any]]) -> None:
        """Wait for these events, with what the present rules make of them."""
        self.waiting.clear()
        for one, event in waiting:
            work = self.judgement.again(event, one.timestamp, judged=one.judged)
            self.waiting.add(one.timestamp, one.order, work)
