"""What belongs to an investigation: whom it is about, which alerts, which stretch of time."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from normalizer.events import Alert
from pipeline.reference_records import compared_account

#: More names than this are no investigation of somebody.
MOST_NAMES = 2_000
#: Events that concern everybody in the stretch of time: what was not seen, and which rules held.
EVERYBODY = (
    *("chain-reorganised", "corporate-event", "feed-gap", "rules-changed", "social-announcement"),
)

_OF_TOKENS = frozenset(("corporate-event", "social-announcement"))


class Scope(Struct, frozen=True, kw_only=True):
    """What is looked for. Times are nanoseconds of event time, the end not included."""

    #: Accounts, addresses, investors, clusters.
    names: frozenset[str]
    #: Events that alerts rest on, wherever in time they are, and the alerts that rest on each.
    evidence: Mapping[str, tuple[str, ...]]
    #: Events that people attached to the case by their ids, wherever in time they are.
    attached: frozenset[str] = frozenset()
    alerts: frozenset[str]
    rules: frozenset[str]
    tokens: frozenset[str]
    providers: frozenset[str]
    since: int
    until: int
    #: Whether what concerns everybody is looked for whatever its source, token and rules are.
    everywhere: bool = False

    def holds_event(self, name: str) -> bool:
        """Whether an alert rests on the event of this id, or somebody attached it."""
        return name in self.evidence or name in self.attached

    def holds_time(self, moment: int) -> bool:
        """Whether it is in the stretch of time."""
        return self.since <= moment < self.until


def names_of(alerts: Iterable[Alert], also: Iterable[str] = ()) -> frozenset[str]:
    """Whom alerts are about: their entities, or all that they name where they have none.

    `also`: names as they are, or as somebody typed or copied them.
    """
    found = {form for one in also for form in (one, compared_account(one.strip()))}
    for alert in alerts:
        found.update(alert.entities or alert.related_user)
    return frozenset(found)


class Met:
    """The sources and tokens in which parties are met."""

    def __init__(self) -> None:
        self._providers: set[str] = set()
        self._tokens: set[str] = set()

    def add(self, record: Any) -> None:
        """Take note of one of their events."""
        self._providers.add(record.provider)
        if (token := getattr(record, "token_id", None)) is not None:
            self._tokens.add(token)

    def concerned(self, record: Any) -> bool:
        """Whether they are concerned by what concerns everybody there."""
        action = _action(record)
        if action in _OF_TOKENS:
            return record.token_id in self._tokens
        return action == "rules-changed" or record.provider in self._providers


def scope_of(
    alerts: Iterable[Alert],
    names: frozenset[str],
    *,
    since: int,
    until: int,
    attached: frozenset[str] = frozenset(),
    everywhere: bool = False,
) -> Scope:
    """The scope of these alerts and names."""
    all_of_them = list(alerts)
    evidence: dict[str, tuple[str, ...]] = {}
    for alert in all_of_them:
        for event in alert.evidence_events:
            evidence[event] = (*evidence.get(event, ()), alert.id)
    return Scope(
        names=names,
        evidence=evidence,
        attached=attached,
        alerts=frozenset(alert.id for alert in all_of_them),
        rules=frozenset(alert.rule_id for alert in all_of_them),
        tokens=frozenset(alert.token_id for alert in all_of_them if alert.token_id),
        providers=frozenset(alert.provider for alert in all_of_them),
        since=since,
        until=until,
        everywhere=everywhere,
    )


def concerns(scope: Scope, record: Any) -> bool:
    """Whether an event belongs to it."""
    if scope.holds_event(record.id):
        return True
    if not scope.names.isdisjoint(record.related_user):
        # What was known of somebody was known before as well.
        known = _action(record).startswith("reference")
        return scope.holds_time(record.timestamp) or (known and record.timestamp < scope.until)
    if not is_of_everybody(scope, record):
        return False
    if scope.everywhere:
        return True
    action = _action(record)
    if action in _OF_TOKENS:
        return record.token_id in scope.tokens
    if action == "rules-changed":
        return not scope.rules.isdisjoint((*record.added, *record.changed, *record.removed))
    return record.provider in scope.providers


def is_of_everybody(scope: Scope, record: Any) -> bool:
    """Whether it concerns everybody in the stretch of time, and neither names one of the parties
    nor is evidence or attached."""
    return (
        _action(record) in EVERYBODY
        and scope.holds_time(record.timestamp)
        and not scope.holds_event(record.id)
        and scope.names.isdisjoint(record.related_user)
    )


def _action(record: Any) -> str:
    return str(record.__struct_config__.tag)
