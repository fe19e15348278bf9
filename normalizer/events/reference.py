"""What changed in reference data: who was added to a list, what an issuer made known.

These events come where the change is in force from, among all others. Their time is when the change
was read, which is when it was known; it moves event time of nothing else on. `event.provider` is
``reference:`` and the source's name.
"""

from typing import Annotated, Literal

from msgspec import field

from normalizer.events.base import AssetEvent, Keywords, PartyEvent
from normalizer.events.fields import Nanoseconds, Text, described

#: What became of a record.
Change = Literal["added", "changed", "withdrawn"]
DATASET = "tapewatch.reference"


class ReferenceChanged(PartyEvent, tag="reference-changed", kw_only=True):
    """A record of reference data is another from here on.

    What a source begins with is told by `reference-refreshed` alone, but for overrides. Before and
    after are told of tokens, sanctions, links and overrides; of investors, addresses, accounts,
    lists and verifications, which are personal, only the names of the fields.
    """

    dataset: str = field(name="event.dataset", default=DATASET)
    category: Annotated[Keywords, described("ECS categories; empty where none fits")] = field(
        name="event.category", default=("configuration",)
    )
    record_kind: Annotated[
        str, described("Kind of the record, such as token or investor", personal="no")
    ] = field(name="surveillance.reference.kind")
    key: Annotated[
        str, described("What names the record among those of its kind", personal="identity")
    ] = field(name="surveillance.reference.key")
    change: Annotated[Change, described("What became of it")] = field(
        name="surveillance.reference.change"
    )
    fields: Annotated[Keywords, described("Names of the fields that are other than before")] = (
        field(name="surveillance.reference.fields", default=())
    )
    before: Annotated[
        Text | None, described("These fields as they were, as JSON", personal="encoded")
    ] = field(name="surveillance.reference.before", default=None)
    after: Annotated[
        Text | None, described("These fields as they are, as JSON", personal="encoded")
    ] = field(name="surveillance.reference.after", default=None)
    valid_from: Annotated[Nanoseconds | None, described("From when the record holds")] = field(
        name="surveillance.reference.valid_from", default=None
    )
    valid_to: Annotated[
        Nanoseconds | None, described("The first moment at which it no longer holds")
    ] = field(name="surveillance.reference.valid_to", default=None)


class ReferenceRefreshed(AssetEvent, tag="reference-refreshed", kw_only=True):
    """What a source gave is in force from here on: the report of one refresh."""

    dataset: str = field(name="event.dataset", default=DATASET)
    category: Annotated[Keywords, described("ECS categories; empty where none fits")] = field(
        name="event.category", default=("configuration",)
    )
    type: Annotated[Keywords, described("ECS types of the categories")] = field(
        name="event.type", default=("change",)
    )
    records: Annotated[int, described("How many records the source has now")] = field(
        name="surveillance.reference.records"
    )
    added: Annotated[int, described("How many of them are new")] = field(
        name="surveillance.reference.added", default=0
    )
    changed: Annotated[int, described("How many are other than before")] = field(
        name="surveillance.reference.changed", default=0
    )
    withdrawn: Annotated[int, described("How many are gone")] = field(
        name="surveillance.reference.withdrawn", default=0
    )
    untold: Annotated[
        int, described("How many changes have no event of their own: too many, or the first ones")
    ] = field(name="surveillance.reference.untold", default=0)
    digest: Annotated[
        str | None, described("SHA-256 over all that the source ever gave, in order")
    ] = field(name="surveillance.reference.digest", default=None)


class _Listing(PartyEvent, kw_only=True):
    dataset: str = field(name="event.dataset", default=DATASET)
    category: Annotated[Keywords, described("ECS categories; empty where none fits")] = field(
        name="event.category", default=("threat",)
    )
    type: Annotated[Keywords, described("ECS types of the categories")] = field(
        name="event.type", default=("indicator",)
    )
    list: Annotated[str, described("Name of the sanctions list")] = field(
        name="surveillance.sanction.list"
    )
    entry: Annotated[str | None, described("The list's number of the entry")] = field(
        name="surveillance.sanction.entry", default=None
    )
    programs: Annotated[Keywords, described("Sanctions programmes")] = field(
        name="surveillance.sanction.programs", default=()
    )
    asset: Annotated[str | None, described("The list's name of the asset, such as ETH")] = field(
        name="surveillance.sanction.asset", default=None
    )
    since: Annotated[Nanoseconds | None, described("From when the list names it, if it says")] = (
        field(name="surveillance.sanction.since", default=None)
    )


class AddressSanctioned(_Listing, tag="address-sanctioned", kw_only=True):
    """An address (`investor.address`) is on a sanctions list, which was not known before."""


class AddressUnsanctioned(_Listing, tag="address-unsanctioned", kw_only=True):
    """A sanctions list names an address no longer."""


class CorporateEvent(AssetEvent, tag="corporate-event", kw_only=True):
    """An issuer made something known, or will: an announcement, a NAV, a capital call.

    `@timestamp` and `event.ingested` are when it was known here, which may be before or after the
    public learned of it (`token.corporate_event.announced`).
    """

    dataset: str = field(name="event.dataset", default=DATASET)
    corporate_id: Annotated[str, described("Its id in the reference data")] = field(
        name="token.corporate_event.id"
    )
    corporate_type: Annotated[
        str, described("announcement, nav, capital-call, distribution, split, ...")
    ] = field(name="token.corporate_event.type")
    change: Annotated[Change, described("What became of it")] = field(
        name="surveillance.reference.change"
    )
    announced: Annotated[Nanoseconds, described("When the public learns of it")] = field(
        name="token.corporate_event.announced"
    )
    effective: Annotated[Nanoseconds | None, described("When it takes effect")] = field(
        name="token.corporate_event.effective", default=None
    )
    title: Annotated[Text | None, described("What it is, in words")] = field(
        name="token.corporate_event.title", default=None
    )
    value: Annotated[str | None, described("A NAV, or an amount per token, exact")] = field(
        name="token.corporate_event.value", default=None
    )
    currency: Annotated[str | None, described("Currency of the value")] = field(
        name="token.corporate_event.currency", default=None
    )
    inside: Annotated[bool, described("Whether it is inside information until it is announced")] = (
        field(name="token.corporate_event.inside", default=False)
    )


ReferenceEvent = (
    ReferenceChanged | ReferenceRefreshed | AddressSanctioned | AddressUnsanctioned | CorporateEvent
)

__all__ = [
    "AddressSanctioned", "AddressUnsanctioned", "CorporateEvent", "ReferenceChanged",
    "ReferenceEvent", "ReferenceRefreshed",
]  # fmt: skip
