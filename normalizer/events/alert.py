"""The alert: what a detection found, why, and what it rests on."""

from typing import Annotated, Literal

from msgspec import Struct, field

from normalizer.events.base import Keywords
from normalizer.events.fields import Address, Hash, Nanoseconds, Text, described

#: Sigma's levels, which every rule has.
Level = Literal["informational", "low", "medium", "high", "critical"]

#: ECS ``event.severity``: as in Elastic Security, where a higher number is more severe.
SEVERITY: dict[Level, int] = {
    "informational": 10,
    "low": 21,
    "medium": 47,
    "high": 73,
    "critical": 99,
}


class Alert(
    Struct, kw_only=True, omit_defaults=True, gc=False, tag_field="event.action", tag="alert"
):
    """An alert as it travels on the bus: flat JSON with dotted ECS names.

    ``id`` is a hash of rule id, rule hash, entities and window or triggering events, so that the
    same facts always give the same id and a sink can drop a second copy.
    """

    id: Annotated[str, described("Deterministic identity of the alert")] = field(name="event.id")
    timestamp: Annotated[Nanoseconds, described("Event time of the event that completed it")] = (
        field(name="@timestamp")
    )
    created: Annotated[
        Nanoseconds | None, described("Event time of the first event that it rests on")
    ] = field(name="event.start", default=None)
    ended: Annotated[
        Nanoseconds | None, described("Event time of the last event that it rests on")
    ] = field(name="event.end", default=None)
    kind: Annotated[str, described("ECS kind")] = field(name="event.kind", default="alert")
    dataset: Annotated[str, described("Data set")] = field(
        name="event.dataset", default="tapewatch.alert"
    )
    provider: Annotated[str, described("Source of the completing event")] = field(
        name="event.provider"
    )
    severity: Annotated[int, described("0 to 100, from the rule's level")] = field(
        name="event.severity"
    )
    risk_score: Annotated[float, described("0 to 100: severity weighted with confidence")] = field(
        name="event.risk_score"
    )
    reason: Annotated[
        str, described("One sentence with the numbers that made it an alert", personal="text")
    ] = field(name="event.reason")
    message: Annotated[Text, described("The rule's title and the reason", personal="text")] = field(
        name="message"
    )

    rule_id: Annotated[str, described("The rule's id (UUID)")] = field(name="rule.id")
    rule_name: Annotated[str, described("The rule's title")] = field(name="rule.name")
    rule_version: Annotated[str, described("The rule's version or date of change")] = field(
        name="rule.version"
    )
    rule_description: Annotated[str | None, described("What the rule looks for")] = field(
        name="rule.description", default=None
    )
    rule_author: Annotated[Keywords, described("Who wrote it", personal="staff")] = field(
        name="rule.author", default=()
    )
    rule_reference: Annotated[str | None, described("First reference of the rule")] = field(
        name="rule.reference", default=None
    )
    rule_hash: Annotated[str, described("SHA-256 of the rule's canonical content")] = field(
        name="surveillance.rule.hash"
    )
    rule_note: Annotated[str | None, described("What the analyst should look at")] = field(
        name="surveillance.rule.note", default=None
    )
    staged: Annotated[bool, described("Whether the rule is on trial: its alerts notify nobody")] = (
        field(name="surveillance.staged", default=False)
    )
    level: Annotated[Level, described("Sigma level of the rule")] = field(name="surveillance.level")
    typology: Annotated[str, described("Kind of abuse, such as wash_trading")] = field(
        name="surveillance.typology"
    )
    confidence: Annotated[float, described("0 to 1: how sure the detection is")] = field(
        name="surveillance.confidence", default=1.0
    )
    entities: Annotated[
        Keywords, described("Investors, accounts, addresses that it is about", personal="mixed")
    ] = field(name="surveillance.entities", default=())
    evidence_events: Annotated[Keywords, described("event.id of every event that it rests on")] = (
        field(name="surveillance.evidence.event_ids", default=())
    )
    evidence_originals: Annotated[Keywords, described("Where their raw frames lie")] = field(
        name="surveillance.evidence.originals", default=()
    )
    evidence_orders: Annotated[Keywords, described("Order ids")] = field(
        name="surveillance.evidence.order_ids", default=()
    )
    evidence_trades: Annotated[Keywords, described("Trade ids")] = field(
        name="surveillance.evidence.trade_ids", default=()
    )
    evidence_transactions: Annotated[Keywords, described("Transaction hashes")] = field(
        name="surveillance.evidence.transaction_hashes", default=()
    )
    evidence_blocks: Annotated[tuple[int, ...], described("Block numbers")] = field(
        name="surveillance.evidence.block_numbers", default=()
    )
    metrics: Annotated[
        dict[str, float], described("The numbers behind the reason, by name", es="float_map")
    ] = field(name="surveillance.metrics", default_factory=dict[str, float])

    status: Annotated[
        Literal["retracted", "reinstated", "amended"] | None,
        described("What a later alert-update made of it, as far as the sink could mark it"),
    ] = field(name="surveillance.alert.status", default=None)
    status_reason: Annotated[str | None, described("Why, as the update says", personal="text")] = (
        field(name="surveillance.alert.status_reason", default=None)
    )
    chain_id: Annotated[int | None, described("EIP-155 chain id")] = field(
        name="blockchain.chain.id", default=None
    )
    network: Annotated[str | None, described("Name of the network")] = field(
        name="blockchain.network", default=None
    )
    block_number: Annotated[int | None, described("Block of the completing event")] = field(
        name="blockchain.block.number", default=None
    )
    block_hash: Annotated[Hash | None, described("Its hash")] = field(
        name="blockchain.block.hash", default=None
    )
    finality: Annotated[
        str | None, described("The least final of its evidence: pending, latest, safe or finalized")
    ] = field(name="blockchain.finality", default=None)
    transaction_hash: Annotated[Hash | None, described("Transaction of the completing event")] = (
        field(name="blockchain.transaction.hash", default=None)
    )
    token_id: Annotated[str | None, described("The token's id in the reference data")] = field(
        name="token.id", default=None
    )
    token_address: Annotated[Address | None, described("The token's contract", personal="no")] = (
        field(name="token.address", default=None)
    )
    token_symbol: Annotated[str | None, described("Ticker of the token")] = field(
        name="token.symbol", default=None
    )
    token_classification: Annotated[str | None, described("Regulatory class")] = field(
        name="token.classification", default=None
    )
    token_issuer_name: Annotated[str | None, described("Issuer's name")] = field(
        name="token.issuer.name", default=None
    )
    venue: Annotated[str | None, described("Name of the venue")] = field(
        name="market.venue", default=None
    )
    instrument: Annotated[str | None, described("The venue's symbol")] = field(
        name="market.instrument", default=None
    )
    currency: Annotated[
        str | None, described("Quote currency, which the metrics' values are in")
    ] = field(name="market.currency", default=None)
    related_hash: Annotated[Keywords, described("Transaction and block hashes, to pivot by")] = (
        field(name="related.hash", default=())
    )
    related_user: Annotated[
        Keywords, described("Addresses, accounts, investor ids", personal="mixed")
    ] = field(name="related.user", default=())
    accreditations: Annotated[
        Keywords, described("Of whom it is about, as the event that completed it tells")
    ] = field(name="investor.accreditation", default=())
    jurisdictions: Annotated[
        Keywords, described("Of whom it is about, ISO 3166-1 alpha-2, as that event tells")
    ] = field(name="investor.jurisdiction", default=())
    labels: Annotated[
        Keywords,
        described("What the reference data says of whom it is about, as that event tells"),
    ] = field(name="investor.labels", default=())
    gap_source: Annotated[
        str | None, described("Source whose feed had a gap in the time that it rests on")
    ] = field(name="surveillance.gap.source", default=None)
    gap_start: Annotated[
        Nanoseconds | None, described("Newest event of that source before the gap")
    ] = field(name="surveillance.gap.start", default=None)
    gap_end: Annotated[Nanoseconds | None, described("When its feed went on")] = field(
        name="surveillance.gap.end", default=None
    )
    gap_reason: Annotated[str | None, described("What its collector says of the gap")] = field(
        name="surveillance.gap.reason", default=None
    )
    tags: Annotated[Keywords, described("The rule's tags, and marks such as unsure")] = field(
        name="tags", default=()
    )
