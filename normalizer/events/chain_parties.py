"""Both ends of what moves on a chain."""

from typing import Annotated

from msgspec import field

from normalizer.events.base import Keywords
from normalizer.events.chain_event import ChainEvent
from normalizer.events.fields import Address, described


class SourceAndDestination(ChainEvent, kw_only=True):
    """From whom something went to whom, with what the reference data says of both."""

    source_address: Annotated[Address, described("Wallet that the tokens leave")] = field(
        name="source.address"
    )
    source_investor: Annotated[str | None, described("Investor behind the source")] = field(
        name="investor.source.id", default=None
    )
    source_jurisdiction: Annotated[str | None, described("Jurisdiction of the source")] = field(
        name="investor.source.jurisdiction", default=None
    )
    source_accreditation: Annotated[str | None, described("Accreditation of the source")] = field(
        name="investor.source.accreditation", default=None
    )
    source_cluster: Annotated[str | None, described("Cluster of the source")] = field(
        name="investor.source.cluster", default=None
    )
    source_labels: Annotated[Keywords, described("Labels of the source")] = field(
        name="investor.source.labels", default=()
    )
    destination_address: Annotated[Address, described("Wallet that receives")] = field(
        name="destination.address"
    )
    destination_investor: Annotated[str | None, described("Investor behind the destination")] = (
        field(name="investor.destination.id", default=None)
    )
    destination_jurisdiction: Annotated[
        str | None, described("Jurisdiction of the destination")
    ] = field(name="investor.destination.jurisdiction", default=None)
    destination_accreditation: Annotated[
        str | None, described("Accreditation of the destination")
    ] = field(name="investor.destination.accreditation", default=None)
    destination_cluster: Annotated[str | None, described("Cluster of the destination")] = field(
        name="investor.destination.cluster", default=None
    )
    destination_labels: Annotated[Keywords, described("Labels of the destination")] = field(
        name="investor.destination.labels", default=()
    )
