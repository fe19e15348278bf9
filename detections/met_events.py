"""What kinds of events a run met, and which rules had nothing to look at among them.

That a rule gives no alert says something only where it could have given one. A tape of trades says
nothing of rules on orders, and a public feed, which names nobody, nothing of rules on what one
party does.
"""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import msgspec

from detections.correlators.base import correlators
from detections.fields import ACTION, actions
from detections.reading import ReadEvent
from detections.rules.model import CorrelationRule, CorrelatorRule, Rule, SigmaRule
from detections.rules.reach import matching_actions
from detections.rules.rule_set import RuleSet
from normalizer.events.market import MarketEvent
from pipeline.page.words import plural
from pipeline.problems import did_you_mean, one_of, shown

_MOST_ACTIONS = 10_000
_MOST_SLIPS = 5
_MOST_TITLES = 3
_TEMPORAL = ("temporal", "temporal_ordered")
#: Who acts, in an event of a venue; those of a chain always say so.
_PARTIES = (
    "investor_account", "investor_id", "investor_cluster", "investor_address",
    "buyer_account", "buyer_id", "buyer_cluster",
    "seller_account", "seller_id", "seller_cluster",
)  # fmt: skip


class MetEvents:
    """The kinds of the events that were met."""

    def __init__(self) -> None:
        self.any = False
        """Whether there was an event at all."""
        self.actions: set[str] = set()
        """Each `event.action`, also of events that are none of ours."""
        self.records: set[type[Any]] = set()
        """Classes of our records, which correlators see."""
        self.naming: set[type[Any]] = set()
        """Those of which an event said who acted."""
        self.others = False
        """Whether there were events that are no records of ours, which may have any field."""
        self._parties: dict[type[Any], Callable[[Any], Iterable[Any]]] = {}

    def take(self, read: ReadEvent) -> None:
        """An event was read in full."""
        self.any = True
        if read.record is None:
            self.others = True
        else:
            self.take_record(read.record)
        action = read.document.get(ACTION)
        if isinstance(action, str) and len(self.actions) < _MOST_ACTIONS:
            self.actions.add(action)

    def take_record(self, record: Any) -> None:
        """The same of a record of ours. Called for most events: what is known already costs
        next to nothing."""
        kind = record.__class__
        if kind in self.naming:
            return
        parties = self._parties.get(kind)
        if parties is None:
            self.any = True
            self.records.add(kind)
            self.actions.add(kind.__struct_config__.tag)
            parties = self._parties[kind] = _parties_of(kind)
        if any(parties(record)):
            self.naming.add(kind)

    def slips(self) -> list[str]:
        """What is to be said of actions that are none of ours, but look like one."""
        found: list[str] = []
        for action in sorted(self.actions - actions().keys()):
            meant = did_you_mean(action, actions())
            if meant is not None:
                found.append(
                    f"{ACTION} {shown(action)} is none that we know: did you mean {meant}?"
                )
        more = len(found) - _MOST_SLIPS
        return [*found[:_MOST_SLIPS], *([f"and {more} more like these"] if more > 0 else [])]


def _parties_of(kind: type[Any]) -> Callable[[Any], Iterable[Any]]:
    """What an event of this class says of who acts; of public feeds it is asked for each."""
    if not issubclass(kind, MarketEvent):
        return lambda record: (True,)
    return attrgetter(*(name for name in _PARTIES if name in kind.__struct_fields__))


class Blind(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that had nothing to look at."""

    rule: Rule
    kinds: tuple[str, ...]
    """`event.action` of the events of which it needs one."""
    names: bool = False
    """Such events came, but none of them said who acted."""

    @property
    def reason(self) -> str:
        """Such as `no event is order-placed or trade`."""
        if self.names:
            return f"no event that is {one_of(self.kinds)} names an account, investor or cluster"
        return f"no event is {one_of(self.kinds)}"


def blind(rules: RuleSet, met: MetEvents) -> dict[str, Blind]:
    """The rules, by their ids, that could say nothing of these events."""
    found: dict[str, Blind] = {}
    came = {kind.__struct_config__.tag for kind in met.records}
    naming = {kind.__struct_config__.tag for kind in met.naming}
    for one in rules.correlators:
        if (what := _of_correlator(one, came, naming)) is not None:
            found[one.rule.id] = what
    for one in rules.sigma:
        if (what := _of_sigma(one, met)) is not None:
            found[one.rule.id] = what
    for one in rules.correlations:  # each comes after those that it refers to
        if (what := _of_correlation(one, found)) is not None:
            found[one.rule.id] = what
    return found


def unnamed_text(found: Iterable[Blind]) -> str | None:
    """What is to be said of rules that need to know who acts, where no event says it."""
    titles = sorted({one.rule.title for one in found if one.names})
    if not titles:
        return None
    more = len(titles) - _MOST_TITLES
    said = "; ".join(titles[:_MOST_TITLES]) + (f"; and {more} more" if more > 0 else "")
    return (
        f"{plural(len(titles), 'rule needs', 'rules need')} to know who acts, and no event here "
        f"names an account, an investor or a cluster: {said}"
    )


def _of_correlator(one: CorrelatorRule, came: set[str], naming: set[str]) -> Blind | None:
    cls = correlators()[one.correlator]
    correlator = cls(one.parameters)
    named = correlator.needs_named
    for wanted in (*correlator.needs, correlator.actions, *((named,) if named else ())):
        if not wanted & came:
            return Blind(rule=one.rule, kinds=_in_order(wanted))
    if named and not named & naming:
        return Blind(rule=one.rule, kinds=_in_order(named & came), names=True)
    return None


def _of_sigma(one: SigmaRule, met: MetEvents) -> Blind | None:
    if one.foreign:
        return None  # by which kinds of events others mean it, nobody can say
    wanted = matching_actions(one.conditions)
    if not wanted or wanted & met.actions or met.others:
        return None
    return Blind(rule=one.rule, kinds=_in_order(wanted))


def _of_correlation(one: CorrelationRule, found: dict[str, Blind]) -> Blind | None:
    correlation = one.correlation
    needed, enough = correlation.rules, any
    if correlation.type == "absence":
        needed = needed[:1]  # it is nothing that follows these
    elif correlation.type in _TEMPORAL and not (correlation.comparisons or correlation.expression):
        enough = all
    if enough(rule not in found for rule in needed):
        return None
    kinds = {kind for rule in needed if rule in found for kind in found[rule].kinds}
    return Blind(rule=one.rule, kinds=_in_order(kinds))


def _in_order(kinds: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(kinds))
