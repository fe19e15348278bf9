"""What links addresses into clusters, and what an analyst says to that.

These events come where it is in force from: what comes behind them has the cluster that follows.
"""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords, PartyEvent
from normalizer.events.fields import Address, Nanoseconds, Text, described
from normalizer.events.reference import DATASET


class _LinkEvent(PartyEvent, kw_only=True):
    dataset: str = field(name="event.dataset", default=DATASET)
    category: Annotated[Keywords, described("ECS categories; empty where none fits")] = field(
        name="event.category", default=("iam",)
    )
    other: Annotated[Address, described("The other one of the two wallets that a link is of")] = (
        field(name="surveillance.link.other.address")
    )
    link_reason: Annotated[
        str, described("Why they are linked: funding, deposit, identity, ...")
    ] = field(name="surveillance.link.reason")
    weight: Annotated[
        float, described("How much the link says that they are of one owner: 0 to 1")
    ] = field(name="surveillance.link.weight")
    evidence: Annotated[Keywords, described("Ids of events that show the link")] = field(
        name="surveillance.link.evidence", default=()
    )
    detail: Annotated[Text | None, described("The link in words", personal="text")] = field(
        name="surveillance.link.detail", default=None
    )


class AddressesLinked(_LinkEvent, tag="addresses-linked", kw_only=True):
    """A link holds a cluster together from here on, or weighs something else than before.

    The party is one of the two wallets, with its cluster.
    """

    type: Annotated[Keywords, described("ECS types of the categories")] = field(
        name="event.type", default=("user", "change")
    )


class AddressesUnlinked(_LinkEvent, tag="addresses-unlinked", kw_only=True):
    """A link counts no longer: the chain was reorganised, a hub was found, an analyst said so."""

    type: Annotated[Keywords, described("ECS types of the categories")] = field(
        name="event.type", default=("user", "change")
    )


class _OverrideEvent(PartyEvent, kw_only=True):
    dataset: str = field(name="event.dataset", default=DATASET)
    category: Annotated[Keywords, described("ECS categories; empty where none fits")] = field(
        name="event.category", default=("iam", "configuration")
    )
    type: Annotated[Keywords, described("ECS types of the categories")] = field(
        name="event.type", default=("change",)
    )
    override: Annotated[str, described("The override's id")] = field(
        name="surveillance.override.id"
    )
    action: Annotated[str, described("join or separate; of a single address: from all others")] = (
        field(name="surveillance.override.action")
    )
    addresses: Annotated[
        tuple[Address, ...], described("Wallets that it is about", personal="wallet")
    ] = field(name="surveillance.override.addresses")
    who: Annotated[str, described("Who said so", personal="staff")] = field(
        name="surveillance.override.author"
    )
    said: Annotated[Nanoseconds, described("When")] = field(name="surveillance.override.said")


class ClusterOverridden(_OverrideEvent, tag="cluster-overridden", kw_only=True):
    """An analyst says that wallets are of one owner, or that they are not (`event.reason`: why)."""


class ClusterOverrideLifted(_OverrideEvent, tag="cluster-override-lifted", kw_only=True):
    """An override counts no longer."""


ClusterRecord = AddressesLinked | AddressesUnlinked | ClusterOverridden | ClusterOverrideLifted

__all__ = [
    "AddressesLinked", "AddressesUnlinked", "ClusterOverridden", "ClusterOverrideLifted",
    "ClusterRecord",
]  # fmt: skip
