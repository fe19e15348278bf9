"""Events of changes of reference data."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from normalizer.enrichment import Enrichment
from normalizer.events.clusters import (
    AddressesLinked,
    AddressesUnlinked,
    ClusterOverridden,
    ClusterOverrideLifted,
    ClusterRecord,
)
from normalizer.events.reference import (
    AddressSanctioned,
    AddressUnsanctioned,
    Change,
    CorporateEvent,
    ReferenceChanged,
    ReferenceEvent,
    ReferenceRefreshed,
)
from pipeline import reference_records as records
from pipeline.frames import Frame
from pipeline.reference_changes import (
    REFERENCE_PROVIDER,
    InForce,
    ReferenceChange,
    ReferenceKind,
)
from pipeline.reference_records import ReferenceRecord, compared, compared_account, moment

#: Of whom or what a record is told in full; of all others only the names of the fields.
_TOLD_IN_FULL: frozenset[ReferenceKind] = frozenset(
    ("token", "corporate-event", "sanction", "venue")
)
#: Kinds that have events of their own, also when a source is read for the first time.
ALWAYS_TOLD: frozenset[ReferenceKind] = frozenset(
    ("sanction", "corporate-event", "link", "override")
)
#: Changes with an event of their own, in one refresh; the rest is counted.
MOST_TOLD = 10_000
_ECS_TYPES: Mapping[Change, tuple[str, ...]] = {
    "added": ("creation",),
    "changed": ("change",),
    "withdrawn": ("deletion",),
}


class Told(Struct, frozen=True):
    """One change, and what was there before it."""

    id: str
    change: ReferenceChange
    before: ReferenceRecord | None
    after: ReferenceRecord | None

    @property
    def became(self) -> Change | None:
        """What became of the record; None where nothing did."""
        if self.before is None:
            return None if self.after is None else "added"
        return "withdrawn" if self.after is None else "changed"


class Newsroom:
    """Makes the events of one frame that says what is in force."""

    def __init__(
        self, enrichment: Enrichment, source: str, frame: Frame, original: str, marker: InForce
    ) -> None:
        self._enrichment = enrichment
        self._source = source
        self._marker = marker
        self._time = frame.received
        self._common: dict[str, Any] = {
            "timestamp": frame.received,
            "ingested": frame.received,
            "original": original,
            "provider": f"{REFERENCE_PROVIDER}{source}",
        }

    def events(self, told: Iterable[Told]) -> Iterable[ReferenceEvent | ClusterRecord]:
        """The events of changes, once they are what is looked up."""
        for one in told:
            became = one.became
            if became is None:
                continue
            record = one.after or one.before
            match record:
                case records.Sanction():
                    yield from self._sanction(one, record)
                case records.CorporateEvent():
                    yield self._corporate(one, record, became)
                case records.Link():
                    yield self._link(one, record)
                case records.Override():
                    yield self._override(one, record)
                case None:
                    pass
                case _:
                    yield self._changed(one, became)

    def refreshed(self, counts: Mapping[Change, int], untold: int) -> ReferenceRefreshed:
        """The event of the whole refresh."""
        marker = self._marker
        counted = ", ".join(f"{count} {change}" for change, count in counts.items() if count)
        return ReferenceRefreshed(
            **self._common,
            id=f"reference:{self._source}:{marker.stream}:{marker.upto}",
            reason=f"{self._source}: {counted or 'nothing other'}; {marker.records} records now",
            records=marker.records,
            added=counts["added"],
            changed=counts["changed"],
            withdrawn=counts["withdrawn"],
            untold=untold,
            digest=marker.digest,
        )

    def _sanction(self, one: Told, record: records.Sanction) -> Iterable[ReferenceEvent]:
        if one.before is not None and one.after is not None:
            yield self._changed(one, "changed")
            return
        address = compared(record.address)
        party = self._enrichment.party(address, self._time)
        listed = one.after is not None
        make = AddressSanctioned if listed else AddressUnsanctioned
        since = record.valid_from if record.since is None else record.since.isoformat()
        yield make(
            **self._common,
            id=one.id,
            reason=f"{address} is {'on' if listed else 'no longer on'} the list {record.list}",
            related_user=(address,) if party.id is None else (address, party.id),
            investor_address=address,
            investor_id=party.id,
            investor_jurisdiction=party.jurisdiction,
            investor_accreditation=party.accreditation,
            investor_cluster=party.cluster,
            investor_labels=party.labels,
            list=record.list,
            entry=record.entry,
            programs=record.programs,
            asset=record.asset,
            since=None if since is None else moment(since),
        )

    def _corporate(
        self, one: Told, record: records.CorporateEvent, became: Change
    ) -> CorporateEvent:
        return CorporateEvent(
            **self._common,
            **self._token(record.token),
            id=one.id,
            reason=record.title or f"{record.type} of {record.token}",
            corporate_id=record.id,
            corporate_type=record.type,
            change=became,
            announced=moment(record.announced),
            effective=None if record.effective is None else moment(record.effective),
            title=record.title,
            value=record.value,
            currency=record.currency,
            inside=record.inside,
        )

    def _link(self, one: Told, record: records.Link) -> ClusterRecord:
        party = self._enrichment.party(record.address, self._time)
        make = AddressesUnlinked if one.after is None else AddressesLinked
        became = "are no longer linked" if one.after is None else "are linked"
        detail = f": {record.detail}" if record.detail else ""
        return make(
            **self._common,
            id=one.id,
            reason=f"{record.address} and {record.other} {became} by {record.reason}{detail}",
            related_user=tuple(
                name for name in (record.address, record.other, party.id, party.cluster) if name
            ),
            investor_address=record.address,
            investor_id=party.id,
            investor_cluster=party.cluster,
            investor_labels=party.labels,
            other=record.other,
            link_reason=record.reason,
            weight=record.weight,
            evidence=record.evidence,
            detail=record.detail,
        )

    def _override(self, one: Told, record: records.Override) -> ClusterRecord:
        make = ClusterOverrideLifted if one.after is None else ClusterOverridden
        addresses = tuple(compared(address) for address in record.addresses)
        return make(
            **self._common,
            id=one.id,
            reason=record.why,
            related_user=addresses,
            override=record.id,
            action=record.action,
            addresses=addresses,
            who=record.who,
            said=moment(record.at),
        )

    def _changed(self, one: Told, became: Change) -> ReferenceChanged:
        change = one.change
        before, after = _fields(one.before), _fields(one.after)
        names = tuple(
            name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)
        )
        fields: dict[str, Any] = {}
        if change.kind in _TOLD_IN_FULL:
            fields["before"] = _json(before, names)
            fields["after"] = _json(after, names)
        if change.kind == "token":
            fields |= self._token(change.key)
        fields |= _who(one.after or one.before)
        listed = f": {', '.join(names)}" if became == "changed" else ""
        return ReferenceChanged(
            **self._common,
            **fields,
            id=one.id,
            type=_ECS_TYPES[became],
            reason=f"{change.kind} {became}{listed}",
            record_kind=change.kind,
            key=change.key,
            change=became,
            fields=names,
            valid_from=change.valid_from,
            valid_to=change.valid_to,
        )

    def _token(self, token: str) -> dict[str, Any]:
        """The ``token_...`` attributes of an event of it."""
        known = self._enrichment.token(token, self._time)
        return {"token_id": token} if known is None else dict(known.fields())


def _who(record: ReferenceRecord | None) -> dict[str, Any]:
    investor: str | None = None
    address: str | None = None
    account: str | None = None
    match record:
        case records.Investor():
            investor = record.id
        case records.LabelledAddress() | records.ListEntry() | records.Verification():
            investor, address = record.investor, record.address
        case records.VenueAccount():
            investor, account = record.investor, compared_account(record.account)
        case records.Risk() | records.Sanction():
            address = record.address
        case _:
            pass
    related = tuple(one for one in (address, account, investor) if one)
    return {
        "investor_id": investor,
        "investor_address": address,
        "investor_account": account,
        "related_user": related,
    }


def _fields(record: ReferenceRecord | None) -> dict[str, Any]:
    """What a record says, but for what it says by default."""
    if record is None:
        return {}
    found: dict[str, Any] = msgspec.to_builtins(record)
    return found


def _json(fields: Mapping[str, Any], names: Iterable[str]) -> str | None:
    if not fields:
        return None
    return msgspec.json.encode({name: fields.get(name) for name in names}).decode()
