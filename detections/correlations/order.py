"""Temporal order: events of the rules one after the other, each rule's from a different event.

For each number of steps along the rules, the latest time is kept at which a chain of events could
have begun that went so far. That is all that a window of any length needs: the condition is true
when the chain that went far enough began within it. Events of the same time follow each other in
any order, so the events of the newest time are kept together, with what was known before them.
"""

from collections.abc import Sequence
from functools import lru_cache

from detections.correlations.conditions import Condition
from detections.correlations.tallies import Payload
from detections.correlations.together import places
from detections.correlations.values import Measured

_NEVER = -(2**63)

#: What such a tally remembers of chains: the newest time, the bits of its events, and the latest
#: beginnings without them and with them.
ChainMemory = tuple[int, list[int], list[int], list[int]]


class _Chains:
    """Common to both kinds of order. What falls out of the window needs no forgetting."""

    __slots__ = ("_before", "_latest", "_newest", "_rules", "_tick")

    def __init__(self, rules: int, cells: int) -> None:
        self._rules = rules
        self._newest = _NEVER
        self._tick: list[int] = []
        self._before = [_NEVER] * cells
        self._latest = [_NEVER] * cells

    def remove(self, payload: Payload) -> None:
        pass

    def value(self) -> Measured | None:
        return None

    def memory(self) -> list[ChainMemory]:
        return [(self._newest, list(self._tick), list(self._before), list(self._latest))]

    def remember(self, memory: list[ChainMemory]) -> None:
        ((self._newest, self._tick, self._before, self._latest),) = memory

    def _begins_tick(self, time: int, mask: int) -> bool:
        """Whether the event is the first of its time."""
        if time != self._newest:
            self._newest = time
            self._tick = [mask]
            self._before[:] = self._latest
            return True
        if self._tick.count(mask) < self._rules:  # more of the same can't take a chain further
            self._tick.append(mask)
        return False


class OrderTally(_Chains):
    """All the rules, in their order; an event contributes the bits of the places it can take."""

    __slots__ = ()

    def __init__(self, rules: int) -> None:
        super().__init__(rules, rules)

    def add(self, time: int, payload: Payload) -> None:
        latest = self._latest
        if self._begins_tick(time, payload):
            # From the last place to the first, so that the event takes one only.
            for place in reversed(places(payload)):
                began = latest[place - 1] if place else time
                if began > latest[place]:
                    latest[place] = began
            return
        before = self._before
        for first, last in _runs(tuple(self._tick), self._rules):
            began = before[first - 1] if first else time
            if began > latest[last]:
                latest[last] = began

    def holds(self, floor: int) -> bool:
        return self._latest[-1] >= floor

    def count(self) -> int:
        return self._rules

    def start(self, floor: int) -> int:
        return self._latest[-1]


class PartialOrderTally(_Chains):
    """As many of the rules, in their order, as a condition asks for.

    Cell `steps * rules + last` of what is known is of chains of `steps + 1` events whose rules are
    among the places up to `last`.
    """

    __slots__ = ("_condition", "_floor")

    def __init__(self, condition: Condition, rules: int) -> None:
        super().__init__(rules, rules * rules)
        self._condition = condition
        self._floor = _NEVER

    def add(self, time: int, payload: Payload) -> None:
        self._begins_tick(time, payload)
        rules, before, latest = self._rules, self._before, self._latest
        for last in range(rules):
            for first in range(last + 1):
                taken = _matching(self._tick, first, last)
                for steps in range(rules):
                    used = min(taken, steps + 1)
                    if not used:
                        continue
                    left = steps - used
                    if left < 0:
                        began = time
                    elif first:
                        began = before[left * rules + first - 1]
                    else:
                        continue
                    cell = steps * rules + last
                    if began > latest[cell]:
                        latest[cell] = began

    def holds(self, floor: int) -> bool:
        self._floor = floor
        return self._condition.count(self.count())

    def count(self) -> int:
        """Of the window that was last asked about."""
        rules = self._rules
        return sum(self._latest[cell] >= self._floor for cell in range(rules - 1, rules**2, rules))

    def start(self, floor: int) -> int | None:
        steps = self.count()
        return self._latest[steps * self._rules - 1] if steps else None


class AnyOrderTally:
    """One of several choices of the rules, each in the rules' order."""

    __slots__ = ("_choices", "_floor", "_places_of")

    def __init__(self, choices: tuple[int, ...]) -> None:
        """`choices` are given by the bits of their rules' places."""
        self._places_of = [places(choice) for choice in choices]
        self._choices = [OrderTally(len(found)) for found in self._places_of]
        self._floor = _NEVER

    def add(self, time: int, payload: Payload) -> None:
        for tally, found in zip(self._choices, self._places_of, strict=True):
            mask = sum(1 << step for step, place in enumerate(found) if payload >> place & 1)
            if mask:
                tally.add(time, mask)

    def remove(self, payload: Payload) -> None:
        pass

    def holds(self, floor: int) -> bool:
        self._floor = floor
        return any(tally.holds(floor) for tally in self._choices)

    def count(self) -> int:
        """Of the window that was last asked about: the rules in the choice that began latest."""
        return self._best(self._floor)[1]

    def value(self) -> Measured | None:
        return None

    def start(self, floor: int) -> int | None:
        return self._best(floor)[0]

    def _best(self, floor: int) -> tuple[int | None, int]:
        held = [
            (tally.start(floor), tally.count()) for tally in self._choices if tally.holds(floor)
        ]
        return max(held, default=(None, 0))

    def memory(self) -> list[ChainMemory]:
        return [memory for tally in self._choices for memory in tally.memory()]

    def remember(self, memory: list[ChainMemory]) -> None:
        for tally, one in zip(self._choices, memory, strict=True):
            tally.remember([one])


Ordered = OrderTally | PartialOrderTally | AnyOrderTally


@lru_cache(maxsize=16_384)
def _runs(tick: tuple[int, ...], rules: int) -> tuple[tuple[int, int], ...]:
    """From which place to which, both included, events of one time can take all places."""
    found: list[tuple[int, int]] = []
    for last in range(rules):
        for first in range(last, -1, -1):
            if _matching(tick, first, last) <= last - first:
                break
            found.append((first, last))
    return tuple(found)


def _matching(tick: Sequence[int], first: int, last: int) -> int:
    """How many of the places from `first` to `last` can each have an event of their own."""
    place_of: dict[int, int] = {}
    return sum(_placed(place, tick, place_of, set()) for place in range(first, last + 1))


def _placed(place: int, tick: Sequence[int], place_of: dict[int, int], tried: set[int]) -> bool:
    for event, mask in enumerate(tick):
        if mask >> place & 1 and event not in tried:
            tried.add(event)
            if event not in place_of or _placed(place_of[event], tick, place_of, tried):
                place_of[event] = place
                return True
    return False
