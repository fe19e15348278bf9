"""What every event carries, and what every event about a security token carries."""

from typing import Annotated

from msgspec import Struct, field

from normalizer.events.fields import Address, Nanoseconds, described

Keywords = tuple[str, ...]


class Event(
    Struct, kw_only=True, omit_defaults=True, gc=False, tag_field="event.action", dict=False
):
    """Fields of every event. On the bus: flat JSON with these dotted names as keys."""

    id: Annotated[
        str, described("Deterministic identity of the event, the same in every replay")
    ] = field(name="event.id")
    timestamp: Annotated[Nanoseconds, described("Event time, by the source's clock")] = field(
        name="@timestamp"
    )
    ingested: Annotated[Nanoseconds, described("When a collector received the raw frame")] = field(
        name="event.ingested"
    )
    original: Annotated[
        str, described("Where the raw frame lies: stream/sequence/index of the frame in the batch")
    ] = field(name="event.original")
    provider: Annotated[str, described("Name of the configured source")] = field(
        name="event.provider"
    )
    kind: Annotated[str, described("ECS kind")] = field(name="event.kind", default="event")
    category: Annotated[Keywords, described("ECS categories; empty where none fits")] = field(
        name="event.category", default=()
    )
    type: Annotated[Keywords, described("ECS types of the categories")] = field(
        name="event.type", default=()
    )
    outcome: Annotated[str | None, described("success, failure or unknown")] = field(
        name="event.outcome", default=None
    )
    dataset: Annotated[str, described("Protocol that the event came by")] = field(
        name="event.dataset", default="tapewatch"
    )
    sequence: Annotated[int | None, described("The source's own sequence number")] = field(
        name="event.sequence", default=None
    )
    reason: Annotated[
        str | None, described("Why it happened, as the source says", personal="text")
    ] = field(name="event.reason", default=None)
    related_hash: Annotated[Keywords, described("Transaction and block hashes, to pivot by")] = (
        field(name="related.hash", default=())
    )
    related_user: Annotated[
        Keywords, described("Addresses, accounts and investor ids, to pivot by", personal="mixed")
    ] = field(name="related.user", default=())
    tags: Annotated[Keywords, described("Marks: undecoded, inferred, unsure, ...")] = field(
        name="tags", default=()
    )


class AssetEvent(Event, kw_only=True):
    """An event about a security token: enriched with what the reference data says of it."""

    token_id: Annotated[str | None, described("The token's id in the reference data")] = field(
        name="token.id", default=None
    )
    token_address: Annotated[Address | None, described("The token's contract", personal="no")] = (
        field(name="token.address", default=None)
    )
    token_symbol: Annotated[str | None, described("Ticker of the token")] = field(
        name="token.symbol", default=None
    )
    token_name: Annotated[str | None, described("Name of the token")] = field(
        name="token.name", default=None
    )
    token_standard: Annotated[str | None, described("Token standard, such as ERC-3643")] = field(
        name="token.standard", default=None
    )
    token_classification: Annotated[
        str | None, described("Regulatory class of the offering, such as reg-d-506c")
    ] = field(name="token.classification", default=None)
    token_issuer_id: Annotated[str | None, described("Issuer's id in the reference data")] = field(
        name="token.issuer.id", default=None
    )
    token_issuer_name: Annotated[str | None, described("Issuer's name")] = field(
        name="token.issuer.name", default=None
    )


class PartyEvent(AssetEvent, kw_only=True):
    """An event of one party: a wallet or a venue account, with the investor behind it."""

    investor_address: Annotated[Address | None, described("The party's wallet")] = field(
        name="investor.address", default=None
    )
    investor_account: Annotated[str | None, described("The party's account at the venue")] = field(
        name="investor.account", default=None
    )
    investor_id: Annotated[str | None, described("Pseudonymous id of the investor")] = field(
        name="investor.id", default=None
    )
    investor_jurisdiction: Annotated[
        str | None, described("Investor's jurisdiction, ISO 3166-1 alpha-2")
    ] = field(name="investor.jurisdiction", default=None)
    investor_accreditation: Annotated[
        str | None, described("accredited, qualified, retail or none")
    ] = field(name="investor.accreditation", default=None)
    investor_cluster: Annotated[
        str | None, described("Group of accounts with one beneficial owner or under one control")
    ] = field(name="investor.cluster", default=None)
    investor_labels: Annotated[
        Keywords,
        described("What the reference data says of the address: custodian, sanctioned, ..."),
    ] = field(name="investor.labels", default=())
