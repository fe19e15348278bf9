"""What became of an alert after it was given. It is never deleted or changed, only updated."""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Struct, field

from normalizer.events.alert import Level
from normalizer.events.base import Keywords
from normalizer.events.fields import Hash, Nanoseconds, Text, described

#: `retracted`: what it rests on did not happen. `reinstated`: after that, it did after all.
#: `amended`: it stands, but a trade that it rests on was busted or corrected.
AlertStatus = Literal["retracted", "reinstated", "amended"]


class AlertUpdate(
    Struct, kw_only=True, omit_defaults=True, gc=False, tag_field="event.action", tag="alert-update"
):
    """An alert no longer holds, or holds again, since its chain was reorganised; or a trade that it
    rests on was busted or corrected.

    It travels with the alerts, always behind the one that it is about. ``id`` is made of the
    alert's id, the status and the event that caused it.
    """

    id: Annotated[str, described("Deterministic identity of the update")] = field(name="event.id")
    timestamp: Annotated[Nanoseconds, described("Event time of what caused it")] = field(
        name="@timestamp"
    )
    kind: Annotated[str, described("ECS kind")] = field(name="event.kind", default="event")
    dataset: Annotated[str, described("Data set")] = field(
        name="event.dataset", default="tapewatch.alert"
    )
    provider: Annotated[str, described("Source of the event that caused it")] = field(
        name="event.provider"
    )
    original: Annotated[str, described("Where the raw frame lies that caused it")] = field(
        name="event.original", default=""
    )
    reason: Annotated[str, described("Why, in one sentence", personal="text")] = field(
        name="event.reason"
    )
    message: Annotated[
        Text, described("The rule's title, the status and the reason", personal="text")
    ] = field(name="message")
    alert_id: Annotated[str, described("event.id of the alert")] = field(
        name="surveillance.alert.id"
    )
    status: Annotated[AlertStatus, described("What the alert is from now on")] = field(
        name="surveillance.alert.status"
    )
    rule_id: Annotated[str, described("The rule's id (UUID)")] = field(name="rule.id")
    rule_name: Annotated[str, described("The rule's title")] = field(name="rule.name")
    level: Annotated[Level, described("Sigma level of the rule")] = field(name="surveillance.level")
    typology: Annotated[str, described("Kind of abuse, such as wash_trading")] = field(
        name="surveillance.typology"
    )
    staged: Annotated[bool, described("Whether the rule is on trial: its alerts notify nobody")] = (
        field(name="surveillance.staged", default=False)
    )
    evidence_events: Annotated[
        Keywords,
        described(
            "event.id of what caused it: a chain-reorganised, trade-busted or trade-corrected"
        ),
    ] = field(name="surveillance.evidence.event_ids", default=())
    evidence_trades: Annotated[Keywords, described("Id of the trade that was revised")] = field(
        name="surveillance.evidence.trade_ids", default=()
    )
    venue: Annotated[str | None, described("Venue that revised it")] = field(
        name="market.venue", default=None
    )
    instrument: Annotated[str | None, described("The venue's symbol of what was traded")] = field(
        name="market.instrument", default=None
    )
    chain_id: Annotated[int | None, described("EIP-155 chain id")] = field(
        name="blockchain.chain.id", default=None
    )
    network: Annotated[str | None, described("Name of the network")] = field(
        name="blockchain.network", default=None
    )
    common_number: Annotated[int | None, described("The last block that both branches share")] = (
        field(name="blockchain.reorganisation.common.number", default=None)
    )
    common_hash: Annotated[Hash | None, described("Its hash")] = field(
        name="blockchain.reorganisation.common.hash", default=None
    )
    orphaned: Annotated[
        tuple[Hash, ...], described("Hashes of orphaned blocks, as far as they are known")
    ] = field(name="blockchain.reorganisation.orphaned.hash", default=())
    related_hash: Annotated[Keywords, described("Block hashes, to pivot by")] = field(
        name="related.hash", default=()
    )
    related_user: Annotated[Keywords, described("Whom the alert is about", personal="mixed")] = (
        field(name="related.user", default=())
    )
    tags: Annotated[Keywords, described("Marks")] = field(name="tags", default=())


def still_retracted(updates: Iterable[AlertUpdate]) -> frozenset[str]:
    """Ids of alerts that were retracted and not reinstated after that; updates in any order."""
    newest: dict[str, AlertUpdate] = {}
    for update in updates:
        known = newest.get(update.alert_id)
        if update.status != "amended" and (
            known is None or (known.timestamp, known.id) < (update.timestamp, update.id)
        ):
            newest[update.alert_id] = update
    return frozenset(alert for alert, update in newest.items() if update.status == "retracted")
