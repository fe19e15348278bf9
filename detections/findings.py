"""What a detection found, before it is an alert."""

from sys import intern
from typing import Any

import msgspec


class Witness(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an alert keeps of an event that it rests on."""

    id: str
    timestamp: int
    original: str = ""
    transaction: str | None = None
    block: int | None = None
    orders: tuple[str, ...] = ()
    trade: str | None = None
    related_hash: tuple[str, ...] = ()
    related_user: tuple[str, ...] = ()
    source: str = ""
    """The event's provider."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a correlator found, on the event that completed it."""

    entities: tuple[str, ...]
    """Investors, accounts, clusters, addresses that it is about."""
    reason: str
    """One sentence with the numbers that made it a finding."""
    witnesses: tuple[Witness, ...]
    """The events that it rests on, in order of event time."""
    confidence: float = 1.0
    """0 to 1."""
    metrics: dict[str, float] = {}
    tags: tuple[str, ...] = ()


def witness(event: Any) -> Witness:
    """What to keep of a record."""
    orders = (
        getattr(event, "order_id", None),
        getattr(event, "maker_order_id", None),
        getattr(event, "taker_order_id", None),
    )
    return Witness(
        id=event.id,
        timestamp=event.timestamp,
        original=event.original,
        transaction=getattr(event, "transaction_hash", None),
        block=getattr(event, "block_number", None),
        orders=tuple(order for order in orders if order is not None),
        trade=getattr(event, "trade_id", None),
        related_hash=event.related_hash,
        related_user=event.related_user,
        source=intern(event.provider),  # many events, and few sources
    )
