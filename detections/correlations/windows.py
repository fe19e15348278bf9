"""What all windows have in common: reading hits, groups, bounds, and what comes out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from operator import itemgetter
from typing import Generic, TypeVar

import msgspec

from detections.correlations.chains import Chain, Entry, Kept, both
from detections.correlations.hits import Hit, Limits
from detections.correlations.sources import Key, Source, source_of
from detections.correlations.tallies import Payload
from detections.correlations.values import Measured
from detections.rules.model import CorrelationRule

time_of: Callable[[Entry], int] = itemgetter(0)

#: Other correlations are told of the newest events of a window, where it doesn't alert.
MOST_TOLD = 10

#: So many entries that were let go are deleted at once, if they are half of all.
MANY = 32


class ChainedHit(Hit, frozen=True, kw_only=True, gc=False):
    """A firing of a correlation as a hit for another one."""

    origin: Hit
    """The hit that completed the firing."""
    rests_on: Chain
    """What the firing rests on."""


class Outcome(msgspec.Struct, kw_only=True, gc=False):
    """A condition that holds for a group."""

    key: Key
    timestamp: int
    completing: Hit
    entries: Sequence[Entry]
    """What it rests on: the whole series where it alerts, else the window."""
    count: int
    value: Measured | None
    events: int
    """Hits of the series so far, kept or not."""
    alert: int
    """Which alert of its series it is, from 1; 0 if it is none, and only other correlations that
    refer to this one are told."""


class Counts(msgspec.Struct):
    """What was let go or left out, by rule."""

    evictions: dict[tuple[str, str], int] = {}
    left_out: dict[tuple[str, str], int] = {}

    def evict(self, rule: str, what: str) -> None:
        self.evictions[rule, what] = self.evictions.get((rule, what), 0) + 1

    def leave_out(self, rule: str, field: str) -> None:
        self.left_out[rule, field] = self.left_out.get((rule, field), 0) + 1

    def set(self, rule: str, evictions: Mapping[str, int], left_out: Mapping[str, int]) -> None:
        """Take these of a rule instead of the present ones."""
        for counts, ours in ((evictions, self.evictions), (left_out, self.left_out)):
            for key in [key for key in ours if key[0] == rule]:
                del ours[key]
            ours.update({(rule, what): count for what, count in counts.items()})


class Group(msgspec.Struct, kw_only=True):
    """What is kept of one group."""

    entries: list[Entry]
    """By time; those of the same time as they came."""
    touched: int
    """The time that had been reached when the group last got a hit; the hit's, if that is later."""
    used: int = 0
    """Which use of a group that was, of all groups."""
    queued: int = 0
    """The use by which it stands in the queue of groups to let go."""
    front: int = 0
    """Entries before this one are let go, and only not yet deleted."""

    def held(self) -> int:
        return len(self.entries) - self.front


G = TypeVar("G", bound=Group)


class Windows(ABC, Generic[G]):
    """The windows of one correlation, by group."""

    def __init__(
        self,
        rule: CorrelationRule,
        limits: Limits,
        counts: Counts,
        *,
        keep: int,
        least: int,
        merge: Callable[[Payload, Payload], Payload],
        tells: bool,
    ) -> None:
        """`keep` is how long a group is kept without news, in nanoseconds of event time.

        `least` is how many events it takes to fulfil the condition, `merge` makes one of what two
        hits of the same event contribute, and `tells` is whether correlations refer to this one
        that must know of each time that it holds, not only of alerts.
        """
        correlation = rule.correlation
        self.rule = rule
        self.span = correlation.timespan
        self.sources = {name: source_of(correlation, name) for name in correlation.rules}
        self.groups: dict[Key, G] = {}
        self.held = 0
        """Hits that are kept, of all groups."""
        self.uses = 0
        """How often any group had news."""
        self._id = rule.rule.id
        # A heap of the last use of each group, with its time: it may be behind the truth, and is
        # brought up to date only where it matters. That is cheaper than order with each hit.
        self._news: list[tuple[int, int, Key]] = []
        self._counts = counts
        self._keep = keep
        self._merge = merge
        self._tells = tells
        self._most_groups = limits.most_groups
        # A rule that asks for more events than that gets them: else it could never fire.
        self._most_events = max(limits.most_events, least)
        self._most_held = max(limits.most_held, self._most_events)

    # -- hits --------------------------------------------------------------------------------------

    def take(self, source: Source, hit: Hit, now: int) -> list[Outcome] | None:
        """Take a hit. `now` is the time that is reached; the hit may be of before or after it."""
        values = hit.values
        key = source.key(values)
        if isinstance(key, str):
            self._counts.leave_out(self._id, key)
            return None
        read = source.payload
        payload = source.mask if read is None else read(values)
        if payload is None:
            self._counts.leave_out(self._id, source.missing(values))
            return None
        evidence = hit.rests_on if isinstance(hit, ChainedHit) else hit.evidence
        if key is not None:
            return self._take(key, hit, evidence, payload, now)
        keys = source.keys(values)
        if not keys:
            self._counts.leave_out(self._id, source.missing(values))
        outcomes: list[Outcome] = []
        for key in keys:
            outcomes += self._take(key, hit, evidence, payload, now) or ()
        return outcomes

    def take_together(self, hits: Iterable[Hit], now: int) -> list[Outcome]:
        """Take hits of one event, and firings that it completed.

        An event that is a hit of several rules counts once; so does one that completed a firing
        and is a hit by itself.
        """
        merged: dict[tuple[Key, str, int], list[tuple[Hit, Kept, Payload, int]]] = {}
        sources = self.sources
        by_place = [(sources[hit.rule], hit) for hit in hits]
        by_place.sort(key=_mask)
        for source, hit in by_place:
            evidence = hit.rests_on if isinstance(hit, ChainedHit) else hit.evidence
            payload = source.mask if source.payload is None else source.payload(hit.values)
            key = source.key(hit.values)
            keys: Sequence[Key] = ()
            if payload is not None and not isinstance(key, str):
                keys = source.keys(hit.values) if key is None else (key,)
            if not keys:
                self._counts.leave_out(self._id, source.missing(hit.values))
            for key in keys:
                same = merged.setdefault((key, hit.id, hit.timestamp), [])
                for place, (first, kept, before, mask) in enumerate(same):
                    if not mask & source.mask:
                        merged_payload = self._merge(before, payload)
                        together = both(kept, evidence)
                        same[place] = first, together, merged_payload, mask | source.mask
                        break
                else:
                    same.append((hit, evidence, payload, source.mask))
        outcomes: list[Outcome] = []
        for (key, _, _), same in merged.items():
            for hit, evidence, payload, _ in same:
                outcomes += self._take(key, hit, evidence, payload, now) or ()
        return outcomes

    @abstractmethod
    def _take(
        self, key: Key, hit: Hit, evidence: Kept, payload: Payload, now: int
    ) -> list[Outcome] | None:
        """Take a hit of one group."""

    def catch_up(self) -> None:
        """Do what was put off: the groups are looked at from outside."""

    # -- time --------------------------------------------------------------------------------------

    def close(self, key: Key, deadline: int) -> list[Outcome]:
        """Judge the group's windows that close at `deadline`."""
        return []

    def deadlines(self, group: G) -> Iterable[int]:
        """When windows of the group that are open will close."""
        return ()

    def restore(self, groups: Iterable[tuple[Key, G]], uses: int) -> None:
        """Take these groups instead of the present ones."""
        self.groups = dict(groups)
        self.uses = uses
        self.held = sum(group.held() for group in self.groups.values())
        self._news = []
        for key, group in self.groups.items():
            self._queue(key, group)

    # -- bounds ------------------------------------------------------------------------------------

    def _let_go(self, group: G, place: int) -> None:
        """Nothing needs the entries before this place any more."""
        self.held -= place - group.front
        group.front = place
        if place >= MANY and 2 * place >= len(group.entries):
            del group.entries[:place]
            group.front = 0

    def is_forgotten(self, group: G, now: int) -> bool:
        """Whether the group was without news for so long that it is as if it had never been."""
        return now - group.touched > self._keep

    def _add(self, key: Key, group: G, now: int) -> G:
        """A new group, for which another one may have to go."""
        self._drop(key)
        for _ in range(2):  # two for each new one, so that there are never many of them
            if not self._drop_idlest(now):
                break
        if len(self.groups) >= self._most_groups:
            self._make_room(now)
        self.uses += 1
        group.used = self.uses
        self.groups[key] = group
        self._queue(key, group)
        return group

    def _bound(self, now: int) -> None:
        """Let groups go until no more hits are kept than allowed."""
        while self.held > self._most_held and len(self.groups) > 1:
            self._make_room(now)

    def _make_room(self, now: int) -> None:
        if not self._drop_idlest(now) and self._drop_idlest(None):
            self._counts.evict(self._id, "groups")

    def _queue(self, key: Key, group: G) -> None:
        group.queued = group.used
        heappush(self._news, (group.used, group.touched, key))

    def _drop_idlest(self, now: int | None) -> bool:
        """Drop the group longest without news; with `now`, only if it is forgotten by then."""
        news = self._news
        # What the heap says of a group is never later than the truth.
        while news and (now is None or now - news[0][1] > self._keep):
            used, _, key = heappop(news)
            group = self.groups.get(key)
            if group is None or group.queued != used:
                continue  # it went, and may have come again
            if group.used == used:
                self._drop(key)
                return True
            self._queue(key, group)
        return False

    def _drop(self, key: Key) -> None:
        group = self.groups.pop(key, None)
        if group is not None:
            self.held -= group.held()


def _mask(place: tuple[Source, Hit]) -> int:
    return place[0].mask
