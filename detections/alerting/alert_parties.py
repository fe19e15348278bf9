"""What is known of whom an alert is about: read of the event that completed it, once it alerts."""

from collections.abc import Callable, Collection
from typing import Any, cast

from msgspec import Struct

from detections.sigma.documents import Document


class KnownOfParties(Struct, frozen=True):
    """Each once, in the order of the alphabet."""

    accreditations: tuple[str, ...] = ()
    #: ISO 3166-1 alpha-2.
    jurisdictions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


class _Side(Struct, frozen=True):
    """Who takes part in an event in one way: attributes of a record with their ECS names."""

    #: By any of these an alert may name them.
    named: dict[str, str]
    accreditation: tuple[str, str]
    jurisdiction: tuple[str, str]
    labels: tuple[str, str]


def _side(attributes: str, fields: str, named: dict[str, str]) -> _Side:
    return _Side(
        named | {f"{attributes}_cluster": f"{fields}.cluster"},
        (f"{attributes}_accreditation", f"{fields}.accreditation"),
        (f"{attributes}_jurisdiction", f"{fields}.jurisdiction"),
        (f"{attributes}_labels", f"{fields}.labels"),
    )


def _end(side: str) -> _Side:
    named = {f"{side}_investor": f"investor.{side}.id", f"{side}_address": f"{side}.address"}
    return _side(side, f"investor.{side}", named)


def _trader(side: str) -> _Side:
    named = {f"{side}_{one}": f"investor.{side}.{one}" for one in ("id", "account")}
    return _side(side, f"investor.{side}", named)


_SIDES = (
    _side(
        "investor",
        "investor",
        {f"investor_{one}": f"investor.{one}" for one in ("id", "account", "address")},
    ),
    _end("source"),
    _end("destination"),
    _trader("buyer"),
    _trader("seller"),
)


#: What is traded in an event, and where: an alert that names nothing else is about a market.
_MARKET = (
    "token_id", "token_address", "token_symbol", "contract", "pool", "instrument", "venue",
    "network",
)  # fmt: skip


def known_of_finding(event: Any, entities: Collection[str]) -> KnownOfParties:
    """The same of what a correlator found when it saw a record.

    It may come true on a record of others, such as the next trade of anybody: where whom it names
    takes no part in it, nothing is told, and least of all of those who do.
    """
    market = {getattr(event, name, None) for name in _MARKET}
    if not market.issuperset(entities) and not any(
        getattr(event, name, None) in entities for side in _SIDES for name in side.named
    ):
        return KnownOfParties()
    return known_of_parties(event, entities)


def known_of_parties(event: Any, entities: Collection[str]) -> KnownOfParties:
    """Of those who take part in a record or flat document and are among the entities.

    Where nobody is (the alert is about a token or a market), of all who take part.
    """
    read = _of_document(cast("Document", event)) if isinstance(event, dict) else _of_record(event)
    sides = [
        (
            any(one in entities for name in side.named.items() for one in read(name)),
            read(side.accreditation),
            read(side.jurisdiction),
            read(side.labels),
        )
        for side in _SIDES
    ]
    meant = [side for side in sides if side[0]] or sides
    return KnownOfParties(
        _sorted(value for _, found, _, _ in meant for value in found),
        _sorted(value for _, _, found, _ in meant for value in found),
        _sorted(value for _, _, _, found in meant for value in found),
    )


def _sorted(values: Any) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


_Read = Callable[[tuple[str, str]], tuple[str, ...]]


def _of_record(event: Any) -> _Read:
    def read(name: tuple[str, str]) -> tuple[str, ...]:
        return _texts(getattr(event, name[0], None))

    return read


def _of_document(event: Document) -> _Read:
    def read(name: tuple[str, str]) -> tuple[str, ...]:
        return _texts(event.get(name[1]))

    return read


def _texts(value: Any) -> tuple[str, ...]:
    """Its texts, however many."""
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, list | tuple):
        return tuple(one for one in value if isinstance(one, str) and one)  # pyright: ignore[reportUnknownVariableType]
    return ()
