"""All records of reference data that are in force, by source, and what they say of whom.

Every source has its own records: what one withdraws, another may still say. Where several sources
have the same token or investor, the one counts whose name comes first, files before all others;
labels, lists and addresses of all add up. So what holds depends only on what each source has, and
not on the order in which sources came.

A million addresses are to fit: a record without bounds in time is kept as itself, and texts that
come again (ids of investors, labels) are kept once.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar, cast

import msgspec
from msgspec import Struct

from pipeline.reference_changes import KINDS, ReferenceChange, ReferenceKind
from pipeline.reference_records import (
    Investor,
    LabelledAddress,
    Link,
    ListEntry,
    ReferenceRecord,
    Risk,
    Sanction,
    VenueAccount,
    Verification,
    compared,
    compared_account,
)

#: The source that the configuration's files are.
FILES = ""

T = TypeVar("T")


class Version(Struct, frozen=True, gc=False):
    """A record, and the event times for which it holds; None: without bound."""

    record: ReferenceRecord
    valid_from: int | None = None
    #: The first moment at which it no longer holds.
    valid_to: int | None = None

    def holds(self, time: int | None) -> bool:
        """Whether it holds at a time; at the beginning of all time for None."""
        if time is None:
            return self.valid_from is None
        return (self.valid_from is None or self.valid_from <= time) and (
            self.valid_to is None or time < self.valid_to
        )


#: A record that always holds, or versions of it, the earliest first.
Held = ReferenceRecord | tuple[Version, ...]
#: Where something is said: source, kind and key.
Place = tuple[str, ReferenceKind, str]
AccountKey = tuple[str, str]


class SourceRecords:
    """What one source has."""

    def __init__(self) -> None:
        #: Up to where its subject of REFERENCE is in force, and the digest of that.
        self.position = 0
        self.digest = ""
        self.records: dict[ReferenceKind, dict[str, Held]] = {kind: {} for kind in KINDS}

    def count(self) -> int:
        """How many records there are."""
        return sum(
            len(held) if isinstance(held, tuple) else 1
            for records in self.records.values()
            for held in records.values()
        )


class Dirty(Struct):
    """Of whom something else is said than before."""

    investors: set[str] = msgspec.field(default_factory=set[str])
    addresses: set[str] = msgspec.field(default_factory=set[str])
    accounts: set[AccountKey] = msgspec.field(default_factory=set[AccountKey])
    tokens: bool = False
    venues: bool = False


class ReferenceBook:
    """The records of all sources, and indexes over them."""

    def __init__(self) -> None:
        self.sources: dict[str, SourceRecords] = {}
        self.dirty = Dirty()
        #: By address and by account, the investors that list it.
        self.listed: dict[str, str | tuple[str, ...]] = {}
        self.listed_accounts: dict[AccountKey, str | tuple[str, ...]] = {}
        #: By investor, addresses and accounts that say themselves whose they are.
        self.owned: dict[str, list[str]] = {}
        self.owned_accounts: dict[str, list[AccountKey]] = {}
        #: By address, the cluster that its own record gives it: there are few of them.
        self.clustered: dict[str, str] = {}
        #: By investor or address, where lists, providers and sanctions speak of it.
        self.about: dict[str, tuple[Place, ...]] = {}
        self._order: list[str] = []
        self._texts: dict[str, str] = {}
        self._labels: dict[tuple[str, ...], tuple[str, ...]] = {(): ()}

    def source(self, name: str) -> SourceRecords:
        """What a source has; nothing of one that is new."""
        found = self.sources.get(name)
        if found is None:
            found = self.sources[name] = SourceRecords()
            self._order = sorted(self.sources)
        return found

    def put(
        self, source: str, change: ReferenceChange, record: ReferenceRecord | None
    ) -> ReferenceRecord | None:
        """Make a change, whose record was decoded; what was there before it.

        Nothing that is looked up changes until :meth:`taken` was asked and worked on.
        """
        kind, key = change.kind, change.key
        if record is not None:
            record = self._shared(record)
            key = _own_key(record, key)
        records = self.source(source).records[kind]
        held = records.get(key)
        before = _of_version(held, change.valid_from)
        whom = self._whom(kind, key, held)
        version = None if record is None else Version(record, change.valid_from, change.valid_to)
        after = _with(held, change.valid_from, version)
        if after is None:
            records.pop(key, None)
        else:
            records[key] = after
        self._note(kind, key, (source, kind, key), whom, after)
        return before

    def taken(self) -> Dirty:
        """Of whom something else is said since this was last asked."""
        dirty, self.dirty = self.dirty, Dirty()
        return dirty

    def versions(self, kind: ReferenceKind, key: str) -> list[Version]:
        """All versions of a record, of all sources, those that count first in front."""
        found: list[Version] = []
        for name in self._order:
            held = self.sources[name].records[kind].get(key)
            if held is None:
                continue
            if isinstance(held, tuple):
                found += reversed(held)  # where two hold at once, the later one counts
            else:
                found.append(Version(held))
        return found

    def keys(self, kind: ReferenceKind) -> Iterator[str]:
        """The keys of a kind, each once, in the order of sources."""
        seen: set[str] = set()
        for name in self._order:
            for key in self.sources[name].records[kind]:
                if key not in seen:
                    seen.add(key)
                    yield key

    def said_of(self, whom: str) -> list[Version]:
        """What lists, providers and sanctions say of an investor or an address."""
        found: list[Version] = []
        for source, kind, key in self.about.get(whom, ()):
            held = self.sources[source].records[kind][key]
            found += held if isinstance(held, tuple) else (Version(held),)
        return found

    def holdings(self, investor: str) -> tuple[set[str], set[AccountKey]]:
        """All addresses and accounts that are an investor's at any time."""
        addresses = set(self.owned.get(investor, ()))
        accounts = set(self.owned_accounts.get(investor, ()))
        for version in self.versions("investor", investor):
            record = cast(Investor, version.record)
            addresses.update(record.addresses)
            accounts.update((one.venue, one.account) for one in record.accounts)
        return addresses, accounts

    def _note(
        self,
        kind: ReferenceKind,
        key: str,
        place: Place,
        before: set[str],
        after: Held | None,
    ) -> None:
        """Keep the indexes, and note of whom something else is said."""
        match kind:
            case "token":
                self.dirty.tokens = True
            case "venue":
                self.dirty.venues = True
            case "investor":
                self._note_investor(key, before)
            case "address":
                self._note_owner(key, key, before, self.owned)
                self._note_cluster(key)
                self.dirty.addresses.add(key)
            case "account":
                venue, _, account = key.partition("/")
                self._note_owner(key, (venue, account), before, self.owned_accounts)
                self.dirty.accounts.add((venue, account))
            case "sanction" | "list-entry" | "verification" | "risk":
                now = self._whom(kind, key, after)
                for whom in before - now:
                    rest = tuple(one for one in self.about.get(whom, ()) if one != place)
                    if rest:
                        self.about[whom] = rest
                    else:
                        self.about.pop(whom, None)
                for whom in now - before:
                    places = self.about.get(whom, ())
                    self.about[whom] = tuple(sorted((*places, place)))
                self.dirty.investors |= before | now
                self.dirty.addresses |= before | now
            case "corporate-event" | "link" | "override":
                pass

    def _note_cluster(self, address: str) -> None:
        """What is said of an address's cluster is said of its investor as well."""
        records = (cast(LabelledAddress, one.record) for one in self.versions("address", address))
        cluster = next((record.cluster for record in records if record.cluster is not None), None)
        if cluster == self.clustered.get(address):
            return
        if cluster is None:
            del self.clustered[address]
        else:
            self.clustered[address] = cluster
        self.dirty.investors |= set(investors_of(self.listed.get(address)))
        self.dirty.investors |= self._whom("address", address, None)

    def _note_investor(self, key: str, before: set[str]) -> None:
        self.dirty.investors.add(key)
        now = self._whom("investor", key, None)
        for one in before - now:
            self._unlist(one, key)
        for one in now - before:
            self._list(one, key)

    def _list(self, one: str, investor: str) -> None:
        account = _account(one)
        if account is not None:
            listed = self.listed_accounts.get(account)
            self.listed_accounts[account] = _more(listed, investor)
            self.dirty.accounts.add(account)
        else:
            self.listed[one] = _more(self.listed.get(one), investor)
            self.dirty.addresses.add(one)

    def _unlist(self, one: str, investor: str) -> None:
        account = _account(one)
        if account is not None:
            _less(self.listed_accounts, account, investor)
            self.dirty.accounts.add(account)
        else:
            _less(self.listed, one, investor)
            self.dirty.addresses.add(one)

    def _note_owner(self, key: str, name: T, before: set[str], owned: dict[str, list[T]]) -> None:
        kind: ReferenceKind = "address" if name == key else "account"
        now = self._whom(kind, key, None)
        for investor in before - now:
            owned[investor].remove(name)
            if not owned[investor]:
                del owned[investor]
        for investor in now - before:
            owned.setdefault(investor, []).append(name)

    def _whom(self, kind: ReferenceKind, key: str, held: Held | None) -> set[str]:
        """Whom records are about: of an investor what it lists, of an address its investors.

        Those two are of all sources; what else is said, of the one that holds it.
        """
        if kind in ("investor", "address", "account"):
            versions: Iterable[Version] = self.versions(kind, key)
        elif held is None:
            return set()
        else:
            versions = held if isinstance(held, tuple) else (Version(held),)
        return {whom for version in versions for whom in _named(version.record)}

    def _shared(self, record: ReferenceRecord) -> ReferenceRecord:
        """The record with addresses as they are compared, and texts that come again kept once."""
        match record:
            case Investor():
                record.id = self._text(record.id)
                if record.addresses:
                    record.addresses = tuple([compared(one) for one in record.addresses])
                for account in record.accounts:
                    account.account = compared_account(account.account)
                record.labels = self._labels.setdefault(record.labels, record.labels)
                record.jurisdiction = self._optional(record.jurisdiction)
            case LabelledAddress():
                record.address = compared(record.address)
                record.labels = self._labels.setdefault(record.labels, record.labels)
                record.investor = self._optional(record.investor)
                record.cluster = self._optional(record.cluster)
            case VenueAccount():
                record.venue = self._text(record.venue)
                record.account = compared_account(record.account)
                record.investor = self._text(record.investor)
            case Sanction() | Risk():
                record.address = compared(record.address)
            case ListEntry() | Verification():
                record.investor = self._optional(record.investor)
                if record.address is not None:
                    record.address = compared(record.address)
            case Link():
                record.address, record.other = sorted(
                    (compared(record.address), compared(record.other))
                )
            case _:
                pass
        return record

    def _text(self, text: str) -> str:
        return self._texts.setdefault(text, text)

    def _optional(self, text: str | None) -> str | None:
        return None if text is None else self._texts.setdefault(text, text)


def _own_key(record: ReferenceRecord, key: str) -> str:
    """The key as a text that the record has anyway, where it is one of its own."""
    match record:
        case Investor():
            return record.id
        case LabelledAddress():
            return record.address
        case _:
            return key


#: Before an account among the names of what an investor lists: no address begins so.
_ACCOUNT = "\0"


def _named(record: ReferenceRecord) -> Iterator[str]:
    match record:
        case Investor():
            yield from record.addresses
            for one in record.accounts:
                yield f"{_ACCOUNT}{one.venue}{_ACCOUNT}{one.account}"
        case LabelledAddress():
            if record.investor is not None:
                yield record.investor
        case VenueAccount():
            yield record.investor
        case Sanction() | Risk():
            yield record.address
        case ListEntry() | Verification():
            yield record.investor or record.address or ""
        case _:
            pass


def _account(name: str) -> AccountKey | None:
    if not name.startswith(_ACCOUNT):
        return None
    _, venue, account = name.split(_ACCOUNT, 2)
    return venue, account


def _more(listed: str | tuple[str, ...] | None, investor: str) -> str | tuple[str, ...]:
    if listed is None:
        return investor
    return tuple(sorted((*investors_of(listed), investor)))


def _less(index: dict[T, str | tuple[str, ...]], name: T, investor: str) -> None:
    rest = [one for one in investors_of(index.get(name)) if one != investor]
    if not rest:
        index.pop(name, None)
    else:
        index[name] = rest[0] if len(rest) == 1 else tuple(rest)


def investors_of(listed: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """The investors that list something."""
    if listed is None:
        return ()
    return (listed,) if isinstance(listed, str) else listed


def _of_version(held: Held | None, valid_from: int | None) -> ReferenceRecord | None:
    if not isinstance(held, tuple):
        return held if valid_from is None else None
    return next((one.record for one in held if one.valid_from == valid_from), None)


def _with(held: Held | None, valid_from: int | None, version: Version | None) -> Held | None:
    """What is held, with a version in its place, or without it."""
    if held is None or (not isinstance(held, tuple) and valid_from is None):
        rest: tuple[Version, ...] = ()
    else:
        versions = held if isinstance(held, tuple) else (Version(held),)
        rest = tuple(one for one in versions if one.valid_from != valid_from)
    if version is None:
        if not rest:
            return None
        return rest[0].record if rest == (Version(rest[0].record),) else rest
    if not rest and version.valid_from is None and version.valid_to is None:
        return version.record
    return tuple(
        sorted((*rest, version), key=lambda one: (one.valid_from is not None, one.valid_from or 0))
    )


__all__ = [
    "FILES", "AccountKey", "Dirty", "Held", "Place", "ReferenceBook", "SourceRecords",
    "Version", "investors_of",
]  # fmt: skip
