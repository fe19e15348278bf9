"""Parties made from records of reference data, and made again where these change.

What is not bounded in time, and said of an investor as a whole, makes one party for all of the
investor's addresses and accounts. Bounds in time make a timeline: a party for each stretch between
two of them.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import cast

from msgspec import Struct, field

from normalizer.parties import NOBODY, Known, Party, Timeline
from normalizer.reference_book import AccountKey, Dirty, ReferenceBook, Version, investors_of
from pipeline.reference_records import (
    Investor,
    LabelledAddress,
    ListEntry,
    Risk,
    Sanction,
    VenueAccount,
    Verification,
    moment,
)

#: The label of an investor whose accreditation has run out.
ACCREDITATION_EXPIRED = "accreditation-expired"


def of_token(label: str, token: str) -> str:
    """The label of who is on a list that is about one token."""
    return f"{label}:{token}"


class _Said(Struct):
    """What records say of somebody at one time."""

    id: str | None = None
    jurisdiction: str | None = None
    accreditation: str | None = None
    cluster: str | None = None
    labels: list[str] = field(default_factory=list[str])

    def party(self) -> Party:
        """The party of it."""
        return Party(
            self.id,
            self.jurisdiction,
            self.accreditation,
            self.cluster,
            tuple(dict.fromkeys(self.labels)),
        )


class Parties:
    """All parties, by address and by account."""

    def __init__(self, book: ReferenceBook) -> None:
        self._book = book
        self._pools: frozenset[str] = frozenset()
        self._investors: dict[str, Known] = {}
        self.by_address: dict[str, Known] = {}
        self.by_account: dict[AccountKey, Known] = {}

    def take_pools(self, pools: Iterable[str]) -> frozenset[str]:
        """The pools of all tokens; those that are new, or none any more."""
        before, self._pools = self._pools, frozenset(pools)
        return before ^ self._pools

    def settle(self, dirty: Dirty) -> None:
        """Make anew what something else is said of. Adds to ``dirty`` who is concerned as well."""
        for investor in dirty.investors:
            self._investors.pop(investor, None)
            addresses, accounts = self._book.holdings(investor)
            dirty.addresses |= addresses
            dirty.accounts |= accounts
        for address in dirty.addresses:
            known = self._of_address(address)
            if known is NOBODY:
                self.by_address.pop(address, None)
            else:
                self.by_address[address] = known
        for account in dirty.accounts:
            known = self._of_account(account)
            if known is NOBODY:
                self.by_account.pop(account, None)
            else:
                self.by_account[account] = known

    def _of_address(self, address: str) -> Known:
        book = self._book
        said, own = book.said_of(address), book.versions("address", address)
        investors = investors_of(book.listed.get(address))
        if not said and address not in self._pools and (not own or _plain(own)):
            if own and not investors:
                investor = cast(LabelledAddress, own[0].record).investor
                return NOBODY if investor is None else self._of_investor(investor)
            if len(investors) == 1 and self._always_lists(investors[0], address):
                return self._of_investor(investors[0])
        owners = [
            *investors,
            *(
                record.investor
                for record in (cast(LabelledAddress, one.record) for one in own)
                if record.investor is not None
            ),
        ]
        times = {*_times(said), *_times(own)}
        for owner in owners:
            times |= self._times_of(owner)

        def at(time: int | None) -> Party:
            result = _Said()
            owner = next(
                (one for one in investors if self._lists(one, time, address=address)), None
            )
            addresses = [cast(LabelledAddress, one.record) for one in own if one.holds(time)]
            if owner is None:
                named = (one.investor for one in addresses if one.investor is not None)
                owner = next(named, None)
            if owner is not None:
                self._say_investor(result, owner, time)
            if address in self._pools:
                result.labels.append("pool")
            for record in addresses:
                result.labels += record.labels
                result.cluster = result.cluster or record.cluster
            _say(result, said, time)
            return result.party()

        return _known(times, at)

    def _of_account(self, account: AccountKey) -> Known:
        own = self._book.versions("account", "/".join(account))
        investors = investors_of(self._book.listed_accounts.get(account))
        named = [cast(VenueAccount, one.record).investor for one in own]
        times = set(_times(own))
        for owner in (*investors, *named):
            times |= self._times_of(owner)

        def at(time: int | None) -> Party:
            owner = next(
                (one for one in investors if self._lists(one, time, account=account)), None
            )
            if owner is None:
                held = (one for one in own if one.holds(time))
                owner = next((cast(VenueAccount, one.record).investor for one in held), None)
            if owner is None:
                return NOBODY
            result = _Said()
            self._say_investor(result, owner, time)
            return result.party()

        if not times and len({*investors, *named}) == 1:
            return self._of_investor(next(iter((*investors, *named))))
        return _known(times, at)

    def _of_investor(self, investor: str) -> Known:
        """The party of an investor's addresses of which nothing else is said."""
        known = self._investors.get(investor)
        if known is None:

            def at(time: int | None) -> Party:
                result = _Said()
                self._say_investor(result, investor, time)
                return result.party()

            known = self._investors[investor] = _known(self._times_of(investor), at)
        return known

    def _say_investor(self, result: _Said, investor: str, time: int | None) -> None:
        versions = [
            cast(Investor, one.record)
            for one in self._book.versions("investor", investor)
            if one.holds(time)
        ]
        result.id = investor
        if versions:
            first = versions[0]
            result.jurisdiction = first.jurisdiction
            result.accreditation = first.accreditation
            result.cluster = first.cluster
            if _over(first.accredited_until, time):
                result.accreditation = "none"
                result.labels.append(ACCREDITATION_EXPIRED)
            for version in versions:
                result.labels += version.labels
        if result.cluster is None and self._book.clustered:
            result.cluster = self._cluster_of(investor)
        _say(result, self._book.said_of(investor), time)

    def _cluster_of(self, investor: str) -> str | None:
        """The cluster of an investor's addresses, for all of them and for his accounts.

        Addresses of one investor are mostly in one; else the first by name is taken.
        """
        addresses, _ = self._book.holdings(investor)
        clustered = self._book.clustered
        return min((clustered[one] for one in addresses if one in clustered), default=None)

    def _times_of(self, investor: str) -> set[int]:
        versions = self._book.versions("investor", investor)
        times = {*_times(versions), *_times(self._book.said_of(investor))}
        for version in versions:
            until = cast(Investor, version.record).accredited_until
            if until is not None:
                times.add(moment(until, end=True))
        return times

    def _always_lists(self, investor: str, address: str) -> bool:
        versions = self._book.versions("investor", investor)
        return all(address in cast(Investor, one.record).addresses for one in versions) and any(
            one.valid_from is None and one.valid_to is None for one in versions
        )

    def _lists(
        self,
        investor: str,
        time: int | None,
        *,
        address: str | None = None,
        account: AccountKey | None = None,
    ) -> bool:
        for version in self._book.versions("investor", investor):
            if not version.holds(time):
                continue
            record = cast(Investor, version.record)
            if address in record.addresses:
                return True
            if any((one.venue, one.account) == account for one in record.accounts):
                return True
        return False


def _plain(own: list[Version]) -> bool:
    """Whether an address's one record says nothing but whose it is."""
    if len(own) != 1 or own[0].valid_from is not None or own[0].valid_to is not None:
        return False
    record = cast(LabelledAddress, own[0].record)
    return not record.labels and record.cluster is None


def _times(versions: Iterable[Version]) -> Iterator[int]:
    """The moments at which what is said changes."""
    for version in versions:
        if version.valid_from is not None:
            yield version.valid_from
        if version.valid_to is not None:
            yield version.valid_to
        match version.record:
            case Sanction(since=since) if since is not None:
                yield moment(since.isoformat())
            case Verification(expires=expires) if expires is not None:
                yield moment(expires, end=True)
            case _:
                pass


def _say(result: _Said, said: Iterable[Version], time: int | None) -> None:
    """What lists, providers and sanctions say, at a time."""
    for version in said:
        if not version.holds(time):
            continue
        match version.record:
            case Sanction() as sanction:
                since = sanction.since
                if since is None or (time is not None and moment(since.isoformat()) <= time):
                    result.labels += ("sanctioned", f"sanctioned:{sanction.list}")
            case ListEntry() as entry:
                result.labels.append(
                    entry.list if entry.token is None else of_token(entry.list, entry.token)
                )
            case Verification() as verification:
                over = _over(verification.expires, time)
                status = "expired" if over else verification.status
                result.labels.append(f"kyc:{status}")
                if status == "verified":
                    result.jurisdiction = result.jurisdiction or verification.country
                    result.accreditation = result.accreditation or verification.accreditation
            case Risk() as risk:
                if risk.level is not None:
                    result.labels.append(f"risk:{risk.level}")
                result.labels += [f"risk:{category}" for category in risk.categories]
            case _:
                pass


def _over(until: str | None, time: int | None) -> bool:
    return until is not None and time is not None and moment(until, end=True) <= time


def _known(times: Iterable[int], at: Callable[[int | None], Party]) -> Known:
    """A party where nothing changes with time, else a timeline; nobody where nothing is said."""
    bounds = tuple(sorted(set(times)))
    parties = tuple(_or_nobody(at(time)) for time in (None, *bounds))
    if all(party == parties[0] for party in parties):
        return parties[0]
    return Timeline(bounds, parties)


def _or_nobody(party: Party) -> Party:
    return NOBODY if party == NOBODY else party
