"""``fields.md``: every ``event.action`` with its fields, from the records themselves."""

from collections.abc import Collection, Iterable, Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from docs.generator.markdown import anchor, code, document, sentence, table
from normalizer.events import Alert, AssetEvent, Event, PartyEvent, PendingEvent
from normalizer.events.chain import ChainEvent
from normalizer.events.market import MarketEvent, OrderEvent
from normalizer.events.taxonomy import FieldInfo, fields, record_classes, struct_type
from pipeline.personal_data import PERSONAL

_INTRODUCTION = """\
Names are ECS names; types are those of Elasticsearch. On the bus and in `.test.yml` files a record
is flat JSON with these names as keys; at a sink it is a nested ECS document. A rule names them as
they stand here, and `tapewatch rules check` refuses any other.

An exact amount (`token.amount_raw`) is a whole number as decimal text, so that a uint256 never
passes through a float. Times are nanoseconds since 1970 in UTC on the bus, RFC 3339 at sinks. A
field that has no value is left out.

"Personal" says what of a person a field can tell; names, birth dates and documents are in none of
them. A sink's `mask` goes by it. The same list for machines:
[personal-data.json](personal-data.json)."""

_COLUMNS = ("field", "type", "personal", "meaning")
_SHARED: dict[type[Struct], str] = {
    Event: "Every event",
    AssetEvent: "Every event about a token",
    PartyEvent: "Every event of a party",
    ChainEvent: "Every event of a chain",
    PendingEvent: "Every event of a pending transaction",
    MarketEvent: "Every event of a venue",
    OrderEvent: "Every event of an order",
}


def page() -> str:
    """The page."""
    records = record_classes()
    overview = table(
        ("event.action", "what happened"),
        [(f"[{_action(one)}]({anchor(_action(one))})", sentence(one.__doc__)) for one in records],
    )
    classes = table(("personal", "what it is"), [(code(one), PERSONAL[one]) for one in PERSONAL])
    added = [info for info in fields().values() if info.attribute is None]
    return document(
        "Fields",
        _INTRODUCTION,
        classes,
        overview,
        *(_shared(cls, heading) for cls, heading in _SHARED.items()),
        f"## What a sink adds\n\n{_table(_row_of(info.name, info) for info in added)}",
        *(_record(one) for one in records),
    )


def _action(record: type[Struct]) -> str:
    return str(struct_type(record).tag)


def _shared(cls: type[Struct], heading: str) -> str:
    parts = [f"## {heading}", sentence(cls.__doc__)]
    if above := _above(cls):
        parts.append(f"Has besides what is under {above}.")
    own = {name for name in cls.__annotations__ if cls is Event or name not in _ALWAYS}
    return "\n\n".join([*parts, _table(_rows(cls, own))])


def _record(record: type[Struct]) -> str:
    parts = [f"## {_action(record)}", sentence(record.__doc__)]
    if record is not Alert:
        parts.append(f"Has besides what is under {_above(record)}.")
    own = [
        name
        for base in reversed(record.__mro__)
        if base not in _SHARED and base is not Struct
        for name in getattr(base, "__annotations__", {})
    ]
    fixed = _fixed(record)
    if fixed:
        parts.append(f"Always: {', '.join(fixed)}.")
    rows = list(_rows(record, {name for name in own if name not in _ALWAYS}))
    if rows:
        parts.append(_table(rows))
    return "\n\n".join(parts)


#: Fields that records give another default, which holds for all of their kind.
_ALWAYS = ("category", "type", "outcome", "dataset", "kind")


def _fixed(record: type[Struct]) -> list[str]:
    return [
        f"{code(field.encode_name)} is {code(_plain(field.default))}"
        for field in msgspec.structs.fields(record)
        if field.name in _ALWAYS and field.default not in (None, (), "event")
    ]


def _plain(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _above(cls: type[Struct]) -> str:
    """A link to what a class has besides its own fields; empty where that is nothing."""
    nearest = next((base for base in cls.__mro__[1:] if base in _SHARED), None)
    return f"[{_SHARED[nearest]}]({anchor(_SHARED[nearest])})" if nearest else ""


def _rows(cls: type[Struct], names: Collection[str]) -> Iterator[tuple[str, str, str, str]]:
    hints = get_type_hints(cls, include_extras=True)
    for field in msgspec.structs.fields(cls):
        if field.name in names:
            info = fields()[field.encode_name]
            yield _row_of(field.encode_name, info, _description(hints[field.name]))


def _row_of(
    name: str, info: FieldInfo, description: str | None = None
) -> tuple[str, str, str, str]:
    text = sentence(description or info.description)
    if info.choices and info.name != "event.action":
        text += f": {', '.join(map(code, info.choices))}"
    return code(name), f"{info.es}{', several' if info.many else ''}", info.personal or "", text


def _description(hint: Any) -> str | None:
    """What this record says of the field, which may be more than what the field says anywhere."""
    if get_origin(hint) is not Annotated:
        return None
    said = [m.description for m in get_args(hint)[1:] if isinstance(m, Meta) and m.description]
    return said[-1] if said else None


def _table(rows: Iterable[tuple[str, str, str, str]]) -> str:
    return table(_COLUMNS, rows)
