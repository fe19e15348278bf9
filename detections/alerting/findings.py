"""What a detection found, before it is an alert."""

from collections.abc import Callable
from sys import intern
from typing import Any

import msgspec


class Witness(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
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


class Step(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is kept of a step in an order's life by who keeps the order, until it comes to an alert.

    Most never do: so it is a witness without what is the same for all steps, and is made without a
    call, by `Step(event.id, event.timestamp, event.original, event.related_hash,
    event.related_user)`.
    """

    id: str
    timestamp: int
    original: str
    related_hash: tuple[str, ...]
    related_user: tuple[str, ...]

    def witness(self, order_id: str, source: str) -> Witness:
        """As a witness, of an order of this provider."""
        return Witness(
            id=self.id,
            timestamp=self.timestamp,
            original=self.original,
            orders=(order_id,),
            related_hash=self.related_hash,
            related_user=self.related_user,
            source=source,
        )


def step(event: Any) -> Step:
    """What to keep of an event as a step."""
    return Step(event.id, event.timestamp, event.original, event.related_hash, event.related_user)


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
    of_event: bool = True
    """What the event that completed it is about, it is about as well: its token, market, party."""
    about: dict[str, str] = {}
    """Else: its token and market, by the names of an alert's fields, such as `token_address`."""


def about(event: Any) -> dict[str, str]:
    """The token and market of a record, for what comes true later, on an event of others."""
    return {name: text for name in _ABOUT if (text := getattr(event, name, None))}


def witness(event: Any) -> Witness:
    """What to keep of a record."""
    global _newest
    if event is _newest[0]:  # several detections may keep the same event, one behind the other
        return _newest[1]
    kind = event.__class__
    make = _MAKERS.get(kind)
    if make is None:
        make = _MAKERS[kind] = _maker(kind)
    if make is _of_order:
        made = _of_order(event)
        _newest = (event, made)
        return made
    # Of trades and transfers many keep each, in turns: it is made once, and kept once.
    known = _made.get(id(event))
    if known is None:
        if len(_made) >= _MOST_MADE:
            _made.clear()
        _made[id(event)] = known = (event, make(event))
    return known[1]


def _maker(kind: type[Any]) -> Callable[[Any], Witness]:
    """Makes witnesses of records of a class. Which attributes they have is looked up only once."""
    has = frozenset(kind.__struct_fields__)
    sent, mined, traded = (name in has for name in ("transaction_hash", "block_number", "trade_id"))
    orders = tuple(name for name in _ORDERS if name in has)

    if orders == ("order_id",) and not (sent or mined or traded):
        return _of_order
    if orders == ("maker_order_id", "taker_order_id") and traded and not (sent or mined):
        return _of_trade

    def make(event: Any) -> Witness:
        found = [order for name in orders if (order := getattr(event, name)) is not None]
        return Witness(
            event.id,
            event.timestamp,
            event.original,
            event.transaction_hash if sent else None,
            event.block_number if mined else None,
            tuple(found),
            event.trade_id if traded else None,
            event.related_hash,
            event.related_user,
            intern(event.provider),  # many events, and few sources
        )

    return make


def _of_order(event: Any) -> Witness:
    """Of a step in an order's life, of which there are most."""
    return Witness(
        event.id,
        event.timestamp,
        event.original,
        None,
        None,
        (event.order_id,),
        None,
        event.related_hash,
        event.related_user,
        intern(event.provider),
    )


def _of_trade(event: Any) -> Witness:
    maker, taker = event.maker_order_id, event.taker_order_id
    if maker is None or taker is None:
        orders = tuple([one for one in (maker, taker) if one is not None])
    else:
        orders = (maker, taker)
    return Witness(
        event.id,
        event.timestamp,
        event.original,
        None,
        None,
        orders,
        event.trade_id,
        event.related_hash,
        event.related_user,
        intern(event.provider),
    )


_ABOUT = ("network", "token_id", "token_address", "token_symbol", "venue", "instrument", "currency")
_ORDERS = ("order_id", "maker_order_id", "taker_order_id")
_MAKERS: dict[type[Any], Callable[[Any], Witness]] = {}
_newest: tuple[Any, Witness] = (None, Witness("", 0))
_MOST_MADE = 1_000
_made: dict[int, tuple[Any, Witness]] = {}
"""By the identity of events, which are kept, so that it stays theirs."""
