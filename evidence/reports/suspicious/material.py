"""What is known of a case, for a report about it: alerts, events, parties and amounts.

Parties are named as Tapewatch knows them: accounts, wallets and pseudonymous ids of investors. Who
they are stays with who keeps the customers' data.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from evidence.cases.state import Case, fold
from evidence.investigation.archive import Archive, Found, Wanted
from evidence.reports.source import ReportSource
from evidence.reports.suspicious.parties import Party, parties_of
from evidence.sentences import sentence
from normalizer.events import Alert, AlertUpdate, CaseActivity, Record
from normalizer.events.chain import PoolSwap, TokenTransfer
from normalizer.events.ecs import UnreadableDocument, parse
from normalizer.events.market import Trade
from pipeline.failure import FAILED, Failure

#: Events that are told one by one in a narrative or a table; all others are counted.
MOST_TOLD = 200


class AlertFacts(Struct, frozen=True, kw_only=True):
    """An alert of the case."""

    id: str
    time: int
    rule: str
    typology: str
    level: str
    reason: str
    retracted: bool = False


class EventFacts(Struct, frozen=True, kw_only=True):
    """An event that the alerts rest on. Times are nanoseconds since the epoch."""

    id: str
    time: int
    action: str
    sentence: str
    original: str
    order_ids: tuple[str, ...] = ()
    trade_id: str | None = None
    transaction_hash: str | None = None
    #: Of trades and swaps: worth, in the quote currency.
    worth: float | None = None
    currency: str | None = None


class Instrument(Struct, frozen=True, kw_only=True, order=True):
    """What was traded or moved."""

    name: str
    symbol: str = ""
    token_address: str = ""
    venue: str = ""
    network: str = ""
    classification: str = ""
    issuer: str = ""


class Material(Struct, kw_only=True):
    """All of it, in a fixed order: the same documents give the same material."""

    case_id: str
    title: str
    typology: str
    level: str
    opened: int
    alerts: list[AlertFacts]
    events: list[EventFacts]
    #: Events that are not in `events`.
    more_events: int
    parties: list[Party]
    instruments: list[Instrument]
    #: First and last event that the alerts rest on.
    first: int
    last: int
    #: Worth of trades and swaps that the alerts rest on, by currency.
    worth: dict[str, float]
    #: Whole tokens that were transferred, by ticker.
    moved: dict[str, float]
    #: Ids of alerts and of their evidence that the archive doesn't have.
    missing: list[str]
    #: What people attached by an id that no event has.
    no_events: list[str] = []
    source: str

    @property
    def standing(self) -> list[AlertFacts]:
        """Alerts that still hold: all else is of these, but `alerts`."""
        return [one for one in self.alerts if not one.retracted]

    @property
    def typologies(self) -> list[str]:
        """Kinds of abuse that are suspected; without an alert what the case says, if anything."""
        of_case = [self.typology] if self.typology else []
        return list(dict.fromkeys(one.typology for one in self.standing)) or of_case


def gather_case(source: ReportSource, archive: Archive, case_id: str) -> Material:
    """What is known of the case of this id, or of the one that begins so. Raises Failure.

    Events are those that its alerts rest on, and those that people attached to it by their ids:
    what a case is about that was opened without an alert only they can say.
    """
    case = _case(source, case_id)
    alerts = _alerts(archive, case) if case.alerts else []
    standing = [one for one in alerts if not case.alerts[one.id].retracted]
    rested_on = {event for alert in standing for event in alert.evidence_events}
    attached = {one.reference for one in case.evidence if one.sha256 is None}
    wanted = rested_on | attached
    gone = {one for one, known in case.alerts.items() if not known.retracted}
    gone -= {one.id for one in alerts}
    events: dict[str, Record] = {}
    for record in _read(archive.events(Wanted(ids=frozenset(wanted)))):
        if not isinstance(record, Alert | AlertUpdate | CaseActivity) and record.id in wanted:
            events.setdefault(record.id, record)
    if not standing and not events:
        what = f"no alert of {case.id} still holds" if alerts else f"no alert is in {case.id}"
        how = "put alerts into it (`tapewatch case join`), or attach events to it by their ids"
        raise Failure(f"{what}: there is nothing to report; {how}", FAILED)
    return material_of(
        case,
        alerts,
        events.values(),
        missing=[*sorted(gone), *sorted(rested_on - set(events))],
        no_events=sorted(one for one in attached - set(events) if "://" not in one),
        source=archive.name,
    )


def material_of(
    case: Case,
    alerts: Sequence[Alert],
    events: Iterable[Record],
    *,
    missing: Sequence[str] = (),
    no_events: Sequence[str] = (),
    source: str = "",
) -> Material:
    """The material of a case, of its alerts and of the events that they rest on. Pure.

    Of an alert that no longer holds nothing is told but that: nobody is reported for it.
    """
    retracted = {name for name, one in case.alerts.items() if one.retracted}
    standing = [one for one in alerts if one.id not in retracted]
    named = {name for alert in standing for name in alert.entities}
    cleared = {name for one in alerts if one.id in retracted for name in one.entities} - named
    ordered = sorted(events, key=lambda one: (one.timestamp, one.id))
    told = [_event(one) for one in ordered]
    worth: dict[str, float] = {}
    for one in told:
        if one.worth is not None and one.currency:
            worth[one.currency] = worth.get(one.currency, 0.0) + one.worth
    moved: dict[str, float] = {}
    for event in ordered:
        if isinstance(event, TokenTransfer) and event.amount is not None:
            name = event.token_symbol or event.token_id or event.token_address or "tokens"
            moved[name] = moved.get(name, 0.0) + event.amount
    times = [one.timestamp for one in ordered] or [one.timestamp for one in standing]
    times = times or [case.opened]
    return Material(
        case_id=case.id,
        title=case.title,
        typology=case.typology,
        level=case.level,
        opened=case.opened,
        alerts=[
            AlertFacts(
                id=one.id,
                time=one.timestamp,
                rule=one.rule_name,
                typology=one.typology,
                level=one.level,
                reason=one.reason,
                retracted=one.id in retracted,
            )
            for one in sorted(alerts, key=lambda one: (one.timestamp, one.id))
        ],
        events=told[:MOST_TOLD],
        more_events=max(0, len(told) - MOST_TOLD),
        parties=parties_of(
            [name for name in case.entities if name not in cleared], standing, ordered
        ),
        instruments=sorted({_instrument(one) for one in standing or _traded(ordered)}),
        first=min(times),
        last=max(times),
        worth=dict(sorted(worth.items())),
        moved=dict(sorted(moved.items())),
        missing=list(missing),
        no_events=list(no_events),
        source=source,
    )


def _case(source: ReportSource, case_id: str) -> Case:
    case_id = case_id.strip()
    if not case_id:
        raise Failure("an empty id names no case", FAILED)
    documents = source.cases()
    if documents is None:
        raise Failure(f"{source.name} has no cases: give the sink the content `cases`", FAILED)
    found: dict[str, dict[str, CaseActivity]] = {}
    for record in _read(documents):
        if isinstance(record, CaseActivity) and record.case_id.lower().startswith(case_id.lower()):
            found.setdefault(record.case_id, {})[record.id] = record
    whole = [one for one in found if one.lower() == case_id.lower()]
    chosen = whole if len(whole) == 1 else sorted(found)
    if not chosen:
        raise Failure(f"no case in {source.name} begins with {case_id!r}", FAILED)
    if len(chosen) > 1:
        raise Failure(
            f"{len(chosen)} cases begin with {case_id!r}: {', '.join(chosen[:5])}", FAILED
        )
    activities = sorted(found[chosen[0]].values(), key=lambda one: one.number)
    case = fold(activities)
    if case is None:
        raise Failure(f"the beginning of {chosen[0]} is not in {source.name}", FAILED)
    return case


def _alerts(archive: Archive, case: Case) -> list[Alert]:
    found: dict[str, Alert] = {}
    for record in _read(archive.alerts(Wanted(ids=frozenset(case.alerts)))):
        if isinstance(record, Alert) and record.id in case.alerts:
            found.setdefault(record.id, record)
    if not found:
        raise Failure(f"{archive.name} has none of the alerts of {case.id}", FAILED)
    return list(found.values())


def _read(found: Iterable[Found]) -> Iterator[Record | Alert | AlertUpdate | CaseActivity]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for one in found:
        try:
            record = parse(decode(one.document))
        except (msgspec.MsgspecError, UnreadableDocument, UnicodeDecodeError, RecursionError):
            continue  # what is missing by it is told as missing evidence
        if record is not None:
            yield record


def _event(event: Any) -> EventFacts:
    orders = (
        getattr(event, "order_id", None),
        getattr(event, "maker_order_id", None),
        getattr(event, "taker_order_id", None),
    )
    worth = None
    traded = isinstance(event, Trade | PoolSwap)
    if traded and event.price is not None and event.quantity is not None:
        worth = event.price * event.quantity
    return EventFacts(
        id=event.id,
        time=event.timestamp,
        action=str(event.__struct_config__.tag),
        sentence=sentence(event),
        original=event.original,
        order_ids=tuple(dict.fromkeys(one for one in orders if one is not None)),
        trade_id=getattr(event, "trade_id", None),
        transaction_hash=getattr(event, "transaction_hash", None),
        worth=worth,
        currency=getattr(event, "currency", None),
    )


def _traded(events: Iterable[Any]) -> list[Any]:
    """Events that say what was traded or moved."""
    return [one for one in events if getattr(one, "instrument", None) or _token(one)]


def _instrument(told: Any) -> Instrument:
    """What an alert, or an event, is about."""
    return Instrument(
        name=getattr(told, "instrument", None) or _token(told),
        symbol=getattr(told, "token_symbol", None) or "",
        token_address=getattr(told, "token_address", None) or "",
        venue=getattr(told, "venue", None) or "",
        network=getattr(told, "network", None) or "",
        classification=getattr(told, "token_classification", None) or "",
        issuer=getattr(told, "token_issuer_name", None) or "",
    )


def _token(told: Any) -> str:
    names = ("token_symbol", "token_id", "token_address")
    return next((found for name in names if (found := getattr(told, name, None))), "")
