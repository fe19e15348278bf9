"""From a match or a finding to an ECS alert."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, cast

import msgspec

from detections.alerting.alert_parties import KnownOfParties, known_of_finding, known_of_parties
from detections.alerting.findings import Finding, Witness, witness
from detections.correlations.hits import Firing
from detections.engine.feed_gaps import FeedGaps, Gap
from detections.identity import fingerprint
from detections.rules.model import Rule
from detections.sigma.documents import Document
from normalizer.events import SEVERITY, Alert
from normalizer.events.chain import ZERO_ADDRESS
from normalizer.events.market import FeedGap

MOST_EVIDENCE = 1_000
_MOST_RELATED = 256

#: What an alert repeats of the event that completed it: attribute and ECS name, which are the same
#: in records and alerts.
_CONTEXT: Mapping[str, str] = {
    f.name: f.encode_name
    for f in msgspec.structs.fields(Alert)
    if f.name
    in {
        *("chain_id", "network", "block_number", "block_hash", "finality", "transaction_hash"),
        *("token_id", "token_address", "token_symbol", "token_classification"),
        *("token_issuer_name", "venue", "instrument", "currency"),
    }
}
_CONTEXT_TYPE: Mapping[str, Any] = {
    f.name: f.type for f in msgspec.structs.fields(Alert) if f.name in _CONTEXT
}
_ORDERS = ("market.order.id", "market.trade.maker_order_id", "market.trade.taker_order_id")
#: Numbers of an event that the alert of a Sigma rule has as its metrics.
_NUMBERS = ("amount", "quantity", "price", "notional")
#: Marks of an event that its alerts carry on.
_MARKS = frozenset(("unsure", "inferred", "clock-ahead"))
UNSURE = "unsure"
#: Why an alert is unsure, where no gap was told.
CROSSED_BOOK = "crossed-book"
#: What is left of the confidence in a correlation over a gap. Correlators have their own.
_OVER_A_GAP = 0.6


def finding_alert(
    rule: Rule, finding: Finding, event: Any, gaps: FeedGaps, *, crossed_book: bool = False
) -> Alert:
    """The alert of a correlator's finding on a record. `crossed_book`: it was found in a book that
    has been crossed for long, and lacks something."""
    last = [w for w in finding.witnesses if w.id == event.id]
    others = [w for w in finding.witnesses if w.id != event.id]
    alert = _alert(
        rule,
        # The event that completed it comes last, whatever its time.
        witnesses=(*others, *(last or [witness(event)])),
        entities=finding.entities,
        reason=finding.reason,
        confidence=finding.confidence,
        metrics=finding.metrics,
        tags=finding.tags,
        timestamp=event.timestamp,
        provider=event.provider,
        known=known_of_finding(event, finding.entities) if finding.of_event else KnownOfParties(),
        context={
            name: getattr(event, name, None) if finding.of_event else finding.about.get(name)
            for name in _CONTEXT
        },
    )
    if crossed_book:
        alert = _doubted(alert, CROSSED_BOOK)
    if not gaps.gaps:
        return alert
    sources = {event.provider, *(one.source for one in finding.witnesses)}
    start, end = alert.created or alert.timestamp, alert.ended or alert.timestamp
    gap = gaps.over(sources, alert.instrument, start, end)
    if gap is None and UNSURE in finding.tags:
        # Of an order book: it has been wrong since a gap, and no snapshot came yet.
        gap = gaps.before(event.provider, alert.instrument, start)
    return alert if gap is None else _unsure(alert, gap)


def match_alert(rule: Rule, reason: str, event: Any) -> Alert:
    """The alert of a Sigma rule that a record matched."""
    entities = _entities(event)
    return _alert(
        rule,
        witnesses=(witness(event),),
        entities=entities,
        known=known_of_parties(event, entities),
        reason=reason,
        metrics={
            name: value for name in _NUMBERS if (value := getattr(event, name, None)) is not None
        },
        tags=tuple(tag for tag in event.tags if tag in _MARKS),
        timestamp=event.timestamp,
        provider=event.provider,
        context={name: getattr(event, name, None) for name in _CONTEXT},
    )


def document_alert(rule: Rule, reason: str, document: Document) -> Alert:
    """The alert of a Sigma rule that a plain document matched.

    The document has `event.id` (text) and `@timestamp` (nanoseconds).
    """
    entities = _document_entities(document)
    return _alert(
        rule,
        witnesses=(document_witness(document),),
        entities=entities,
        known=known_of_parties(document, entities),
        reason=reason,
        timestamp=document["@timestamp"],
        provider=_document_provider(document),
        context={name: _converted(document, name) for name in _CONTEXT},
    )


def document_witness(document: Document) -> Witness:
    """What to keep of a plain document."""
    return Witness(
        id=str(document["event.id"]),
        timestamp=document["@timestamp"],
        original=" ".join(_texts(document, "event.original"))[:1_000],
        transaction=_text(document, "blockchain.transaction.hash"),
        block=_whole(document.get("blockchain.block.number")),
        orders=tuple(order for name in _ORDERS for order in _texts(document, name)),
        trade=_text(document, "market.trade.id"),
        related_hash=_texts(document, "related.hash"),
        related_user=_texts(document, "related.user"),
        source=_document_provider(document),
    )


def firing_alert(
    rule: Rule,
    firing: Firing,
    parties: Collection[str],
    reason: str,
    event: Any,
    read: Callable[[bytes], Witness],
    gaps: FeedGaps,
    *,
    by_absence: bool,
) -> Alert:
    """The alert of a correlation that holds.

    It is about those of the group's values that are `parties`, by their names; about all of them
    where there are none; and about whom the completing event is about where there is no group.
    `event` is that event, a record or a flat document; `read` makes a witness of a line.
    Where it holds `by_absence` of events, these may have been in a gap of any source.
    """
    witnesses = tuple(
        [found if isinstance(found, Witness) else read(found) for found in firing.evidence]
    )
    who = [value for name, value in firing.group.items() if value and name in parties]
    group = tuple(dict.fromkeys(who or [value for value in firing.group.values() if value]))
    if isinstance(event, dict):
        entities = group or _document_entities(cast("Document", event))
        provider = _document_provider(cast("Document", event))
        context = {name: _converted(cast("Document", event), name) for name in _CONTEXT}
        tags: tuple[str, ...] = ()
    else:
        entities = group or _entities(event)
        provider = event.provider
        context = {name: getattr(event, name, None) for name in _CONTEXT}
        tags = tuple(tag for tag in event.tags if tag in _MARKS)
    alert = _alert(
        rule,
        witnesses=witnesses,
        entities=entities,
        reason=reason,
        metrics=firing.metrics,
        tags=tags,
        timestamp=firing.timestamp,
        provider=provider,
        known=known_of_parties(event, entities),
        context=context,
    )
    if not gaps.gaps or isinstance(event, FeedGap):  # what is about gaps is sure of them
        return alert
    named = firing.group.get("event.provider")
    sources = {provider, *(one.source for one in witnesses)} if named is None else {named}
    gap = gaps.over(
        None if by_absence and named is None else sources,
        firing.group.get("market.instrument"),
        min((one.timestamp for one in witnesses), default=firing.timestamp),
        max(firing.timestamp, *(one.timestamp for one in witnesses)),
    )
    return alert if gap is None else _unsure(alert, gap)


def _unsure(alert: Alert, gap: Gap) -> Alert:
    """The alert, marked: something is missing of what it rests on."""
    return msgspec.structs.replace(
        _doubted(alert),
        gap_source=gap.source,
        gap_start=gap.start,
        gap_end=gap.end,
        gap_reason=gap.reason or None,
    )


def _doubted(alert: Alert, *why: str) -> Alert:
    confidence = alert.confidence
    if UNSURE not in alert.tags:
        confidence = round(confidence * _OVER_A_GAP, 4)
    return msgspec.structs.replace(
        alert,
        confidence=confidence,
        risk_score=_risk(alert.severity, confidence),
        tags=_unique([*alert.tags, UNSURE, *why]),
    )


def _alert(
    rule: Rule,
    *,
    witnesses: tuple[Witness, ...],
    entities: tuple[str, ...],
    reason: str,
    timestamp: int,
    provider: str,
    known: KnownOfParties,
    context: Mapping[str, Any],
    confidence: float = 1.0,
    metrics: Mapping[str, float] | None = None,
    tags: tuple[str, ...] = (),
) -> Alert:
    ids = [w.id for w in witnesses]
    times = [w.timestamp for w in witnesses]
    severity = SEVERITY[rule.level]
    confidence = min(1.0, max(0.0, confidence))
    if rule.calibration is not None:
        confidence = rule.calibration.calibrated(confidence)
    kept = witnesses[-MOST_EVIDENCE:]
    return Alert(
        id=fingerprint([rule.id, rule.hash, rule.typology, entities, ids]),
        timestamp=timestamp,
        created=min(times),
        ended=max(times),
        provider=provider,
        severity=severity,
        risk_score=_risk(severity, confidence),
        reason=reason,
        message=f"{rule.title}: {reason}",
        rule_id=rule.id,
        rule_name=rule.title,
        rule_version=rule.version,
        rule_description=rule.description,
        rule_author=rule.authors,
        rule_reference=rule.references[0] if rule.references else None,
        rule_hash=rule.hash,
        rule_note=rule.note,
        staged=rule.staged,
        level=rule.level,
        typology=rule.typology,
        confidence=round(confidence, 4),
        entities=entities,
        evidence_events=tuple(ids[-MOST_EVIDENCE:]),
        evidence_originals=_unique([w.original for w in kept]),
        evidence_orders=_unique([order for w in kept for order in w.orders]),
        evidence_trades=_unique([w.trade for w in kept]),
        evidence_transactions=_unique([w.transaction for w in kept]),
        evidence_blocks=tuple(dict.fromkeys([w.block for w in kept if w.block is not None])),
        # JSON has no infinity.
        metrics={
            name: float(value) for name, value in (metrics or {}).items() if math.isfinite(value)
        },
        related_hash=_unique([h for w in kept for h in w.related_hash])[:_MOST_RELATED],
        related_user=_unique([*entities, *(u for w in kept for u in w.related_user)])[
            :_MOST_RELATED
        ],
        accreditations=known.accreditations,
        jurisdictions=known.jurisdictions,
        labels=known.labels,
        tags=_unique([*rule.tags, *tags]),
        **context,
    )


def _risk(severity: int, confidence: float) -> float:
    return round(severity * (0.5 + 0.5 * confidence), 1)


def _unique(texts: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([text for text in texts if text]))


def _entities(event: Any) -> tuple[str, ...]:
    """Who a record is about: each party by investor id where it is known, else as it acts."""
    sides = (
        ("source_investor", "source_address"),
        ("destination_investor", "destination_address"),
        ("buyer_id", "buyer_account"),
        ("seller_id", "seller_account"),
        ("investor_id", "investor_account", "investor_address"),
    )
    names: list[str] = []
    for attributes in sides:
        found = (getattr(event, attribute, None) for attribute in attributes)
        name = next((value for value in found if value), None)
        if name and name != ZERO_ADDRESS:
            names.append(name)
    if not names:
        fallback = getattr(event, "token_address", None) or getattr(event, "instrument", None)
        names = [fallback] if fallback else []
    return tuple(dict.fromkeys(names))


def _texts(document: Document, name: str) -> tuple[str, ...]:
    value = document.get(name)
    if value is None:
        return ()
    return tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _document_entities(document: Document) -> tuple[str, ...]:
    names = ("investor.id", "investor.address", "user.name", "source.address", "host.name")
    named = [text for name in names for text in _texts(document, name)]
    return tuple(dict.fromkeys(named or _texts(document, "related.user")))


def _document_provider(document: Document) -> str:
    return _text(document, "event.provider") or _text(document, "event.module") or "unknown"


def _text(document: Document, name: str) -> str | None:
    texts = _texts(document, name)
    return texts[0] if texts else None


def _converted(document: Document, name: str) -> Any:
    value = document.get(_CONTEXT[name])
    if value is None:
        return None
    try:
        return msgspec.convert(value, _CONTEXT_TYPE[name], strict=False)
    except msgspec.ValidationError:
        return None
