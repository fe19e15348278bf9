"""What was planted against what was alerted: found, missed, and falsely raised. Pure.

An alert and a planted abuse belong together by their evidence (transactions, orders, trades), never
by time or wording. `match` means that the kind of abuse is the same as well.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, cast

from msgspec import Struct

from demo.ground_truth import Decoy, GroundTruth, Planted
from normalizer.events import Alert
from normalizer.events.ecs import parse
from pipeline.units import SECOND

#: `match`: evidence and typology of a planted abuse. `related`: evidence of one, another typology.
#: `false`: neither.
Kind = Literal["match", "related", "false"]


class JudgedAlert(Struct, frozen=True, kw_only=True):
    """An alert, and which planted abuses it stands on."""

    alert: Alert
    kind: Kind
    planted: tuple[int, ...] = ()
    """Places in the truth's list."""
    decoys: tuple[Decoy, ...] = ()
    """Honest behaviour that a false alarm fell for."""
    latency: int | None = None
    """Nanoseconds from the event to its alert's being there, where the document tells it."""


class Item(Struct, frozen=True, kw_only=True):
    """A planted abuse and the alerts that found it, in the order of their event time."""

    planted: Planted
    alerts: tuple[JudgedAlert, ...] = ()
    related: tuple[JudgedAlert, ...] = ()

    @property
    def found(self) -> bool:
        """Whether an alert of its own kind rests on it."""
        return bool(self.alerts)

    @property
    def latency(self) -> int | None:
        """Nanoseconds that the first alert took to come out, where it is known."""
        return self.alerts[0].latency if self.alerts else None


class Count(Struct, frozen=True, kw_only=True):
    """Numbers of one typology, or of all."""

    typology: str
    planted: int = 0
    found: int = 0
    alerts: int = 0
    false_alarms: int = 0
    related: int = 0

    @property
    def missed(self) -> int:
        """Planted abuses without an alert of their kind."""
        return self.planted - self.found

    @property
    def recall(self) -> float | None:
        """Found of planted, 0 to 1; None where nothing was planted."""
        return self.found / self.planted if self.planted else None

    @property
    def precision(self) -> float | None:
        """Alerts that are no false alarm, of all but the related; None where there are none."""
        judged = self.alerts - self.related
        return (judged - self.false_alarms) / judged if judged else None


class Verdict(Struct, frozen=True, kw_only=True):
    """The outcome of a session."""

    items: tuple[Item, ...]
    """In the order of the truth."""
    alerts: tuple[JudgedAlert, ...]
    """In the order of their event time."""
    counts: tuple[Count, ...]
    """By typology, in alphabetical order."""
    decoys: tuple[Decoy, ...] = ()

    @property
    def total(self) -> Count:
        """All typologies together."""
        return Count(
            typology="all",
            planted=sum(one.planted for one in self.counts),
            found=sum(one.found for one in self.counts),
            alerts=sum(one.alerts for one in self.counts),
            false_alarms=sum(one.false_alarms for one in self.counts),
            related=sum(one.related for one in self.counts),
        )

    @property
    def missed(self) -> tuple[Planted, ...]:
        """What was planted and not found."""
        return tuple(item.planted for item in self.items if not item.found)

    @property
    def false_alarms(self) -> tuple[JudgedAlert, ...]:
        """Alerts that rest on nothing planted."""
        return tuple(one for one in self.alerts if one.kind == "false")

    @property
    def decoys_passed(self) -> int:
        """Decoys that no false alarm fell for."""
        fallen = [decoy for one in self.false_alarms for decoy in one.decoys]
        return sum(decoy not in fallen for decoy in self.decoys)

    @property
    def complete(self) -> bool:
        """Whether all was found, and nothing else."""
        return not self.missed and not self.false_alarms


def judge(truth: GroundTruth, alerts: Iterable[Alert | Mapping[str, Any]]) -> Verdict:
    """Hold alerts (records, or ECS documents nested or dotted) against the truth.

    A second copy of an alert counts once. Raises normalizer.events.ecs.UnreadableDocument for a
    document that is no alert of ours, and ValueError for one of another action.
    """
    judged: dict[str, JudgedAlert] = {}
    for one in alerts:
        alert = as_alert(one)
        if alert.id not in judged:
            judged[alert.id] = _judged(truth, alert, _latency(one))
    ordered = tuple(sorted(judged.values(), key=lambda one: (one.alert.timestamp, one.alert.id)))
    items = tuple(
        Item(
            planted=planted,
            alerts=tuple(o for o in ordered if o.kind == "match" and at in o.planted),
            related=tuple(o for o in ordered if o.kind == "related" and at in o.planted),
        )
        for at, planted in enumerate(truth.planted)
    )
    return Verdict(
        items=items, alerts=ordered, counts=_counts(items, ordered), decoys=tuple(truth.decoys)
    )


def as_alert(one: Alert | Mapping[str, Any]) -> Alert:
    """The alert in a document; raises as `judge` does."""
    if isinstance(one, Alert):
        return one
    record = parse(one)
    if not isinstance(record, Alert):
        raise ValueError(f"this document is no alert: {str(one)[:80]}")
    return record


def _judged(truth: GroundTruth, alert: Alert, latency: int | None) -> JudgedAlert:
    touched = [at for at, one in enumerate(truth.planted) if _overlap(alert, one)]
    same = [at for at in touched if truth.planted[at].typology == alert.typology]
    kind: Kind = "match" if same else "related" if touched else "false"
    decoys = () if touched else tuple(one for one in truth.decoys if _overlap(alert, one))
    return JudgedAlert(
        alert=alert, kind=kind, planted=tuple(same or touched), decoys=decoys, latency=latency
    )


def _overlap(alert: Alert, played: Planted | Decoy) -> bool:
    transactions = {text.lower() for text in alert.evidence_transactions}
    return (
        not transactions.isdisjoint(text.lower() for text in played.transaction_hashes)
        or not set(alert.evidence_orders).isdisjoint(played.order_ids)
        or not set(alert.evidence_trades).isdisjoint(played.trade_ids)
    )


def _latency(one: Alert | Mapping[str, Any]) -> int | None:
    """`event.ingested` less `event.created`: only a document may have both."""
    if isinstance(one, Alert):
        return None
    created, ingested = (_instant(_at(one, "event", name)) for name in ("created", "ingested"))
    return None if created is None or ingested is None else ingested - created


def _at(document: Mapping[str, Any], group: str, name: str) -> object:
    inner = document.get(group)
    if isinstance(inner, Mapping):
        return cast("Mapping[str, Any]", inner).get(name)
    return document.get(f"{group}.{name}")


def _instant(value: object) -> int | None:
    """Nanoseconds since the epoch; a text is read to the microsecond, which will do here."""
    if isinstance(value, int):
        return value
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None:
        return None
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000


def _counts(items: tuple[Item, ...], alerts: tuple[JudgedAlert, ...]) -> tuple[Count, ...]:
    typologies = {item.planted.typology for item in items} | {o.alert.typology for o in alerts}
    return tuple(
        Count(
            typology=typology,
            planted=sum(item.planted.typology == typology for item in items),
            found=sum(item.found and item.planted.typology == typology for item in items),
            alerts=sum(one.alert.typology == typology for one in alerts),
            false_alarms=sum(
                one.kind == "false" and one.alert.typology == typology for one in alerts
            ),
            related=sum(one.kind == "related" and one.alert.typology == typology for one in alerts),
        )
        for typology in sorted(typologies)
    )
