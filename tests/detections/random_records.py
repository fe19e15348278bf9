"""Records of any class, filled at random from few values, so that they meet each other."""

import random
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, get_args

import msgspec

from detections.fields import FieldType, actions, shapes
from normalizer.events import Record
from tests.detections.samples import START

SECOND = 1_000_000_000
#: An amount of a token may have 256 bits; MessagePack's integers have 64.
_GREAT = 2**127 - 1
_WORDS = ("a", "b", "c", "d")
#: Of these most records have the same, or hardly two would be about one thing.
_COMMON = frozenset(("provider", "venue", "instrument", "pool", "chain_id", "token_id", "currency"))
#: How much later one is than the one before: at a venue's pace, and at a chain's.
_PACES = (
    (0, 1, SECOND // 1_000, SECOND // 100, SECOND // 10),
    (0, 1, SECOND // 10, SECOND, 60 * SECOND, 3_600 * SECOND),
)
_NUMBERS = (0.1, 0.5, 1.0, 2.0, 10.0, 10.5, 11.0, 100.0)
#: What only some texts mean something in.
_MEANT: Mapping[str, Sequence[Any]] = {
    "transfer_type": ("transfer", "transfer", "mint", "burn", "forced"),
    **dict.fromkeys(
        ("source_accreditation", "destination_accreditation"), ("retail", "none", "accredited")
    ),
    **dict.fromkeys(("source_jurisdiction", "destination_jurisdiction"), ("US", "DE", None)),
    **dict.fromkeys(
        ("source_labels", "destination_labels"),
        ((), (), ("issuer_affiliate",), ("net_worth:9",), ("mixer",)),
    ),
    **dict.fromkeys(("buyer_labels", "seller_labels"), ((), (), ("insider",), ("restricted",))),
    # A level of a book that has nothing is gone.
    **dict.fromkeys(
        ("bid_quantities", "ask_quantities"), ((), (0.0,), (0.0, 100.0), (1.0, 10.0), (100.0, 0.0))
    ),
    # A swap gives a pool one asset and takes the other.
    **dict.fromkeys(("amount0_raw", "amount1_raw"), ("1000", "-1000", "-1000", "7", "-1")),
    **dict.fromkeys(("coin0", "coin1"), (None,)),
    # Some are just below ten thousand, from which on much must be reported.
    "amount": (*_NUMBERS, 9_000.0, 9_500.0, 9_999.0),
}
_EXACT = ("0", "1", "1000", str(_GREAT // 2), str(_GREAT))


def records(of: Iterable[str], count: int, chance: random.Random) -> list[Any]:
    """Records with one of these values in `event.action`, mostly in the order of their time."""
    shapes_of = [actions()[action] for action in sorted(of)]
    now, made, pace = START, list[Any](), chance.choice(_PACES)
    for number in range(count):
        now += chance.choice(pace)
        late = chance.choice((0, 0, 0, 0, max(pace)))
        shape = chance.choice(shapes_of)
        values = _values(shape.record, chance)
        values |= {"id": f"event-{number}", "timestamp": now - late, "ingested": now}
        made.append(shape.record(**values))
    return made


@cache
def _fields(record: type[msgspec.Struct]) -> tuple[msgspec.inspect.Field, ...]:
    info = msgspec.inspect.type_info(record)
    assert isinstance(info, msgspec.inspect.StructType)
    return info.fields


def _values(record: type[msgspec.Struct], chance: random.Random) -> dict[str, Any]:
    attributes = shapes()[record].attributes
    values: dict[str, Any] = {}
    for field in _fields(record):
        if not field.required and chance.random() < 0.3:
            continue
        type_ = attributes[field.encode_name].type
        if field.name in _MEANT:
            values[field.name] = chance.choice(_MEANT[field.name])
            continue
        common = field.name in _COMMON and chance.random() < 0.9
        values[field.name] = _value(type_, random.Random(0) if common else chance)
    return values


def _value(type_: FieldType, chance: random.Random) -> Any:
    if type_.many:
        one = FieldType(type_.kind, many=False, choices=type_.choices)
        return tuple(_value(one, chance) for _ in range(chance.randrange(3)))
    match type_.kind:
        case "keyword":
            return chance.choice(sorted(type_.choices) or _WORDS)
        case "exact":
            return chance.choice(_EXACT)
        case "integer":
            return chance.randrange(-3, 4)
        case "number":
            return chance.choice(_NUMBERS)
        case "boolean":
            return chance.random() < 0.5
        case "date":
            return START + chance.randrange(10) * SECOND


def all_actions() -> list[str]:
    """`event.action` of every record."""
    return [shapes()[record].action for record in get_args(Record)]
