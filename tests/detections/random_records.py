"""Records of any class, filled at random from few values, so that they meet each other."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, get_args

import msgspec

from detections.fields import FieldType, actions, shapes
from normalizer.events import Record
from tests.detections.samples import START

SECOND = 1_000_000_000
Draw = Callable[[random.Random], Any]
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
    # Most tokens are neither items nor of kinds.
    "item_id": (None, None, "7"),
    # A medium says little, and sometimes very much.
    "messages": (1, 2, 2, 3, 100),
    "medium": ("telegram",),
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
        if "messages" in values:  # of a stretch of time that follows the one before
            values |= {"start": now - 1, "end": now}
        values |= {"id": f"event-{number}", "timestamp": now - late, "ingested": now}
        made.append(shape.record(**values))
    return made


class _Field(NamedTuple):
    """How a field of a record is drawn."""

    name: str
    required: bool
    draw: Draw
    common: tuple[Any] | None
    """What most records have in it."""


@cache
def _fields(record: type[msgspec.Struct]) -> tuple[_Field, ...]:
    info = msgspec.inspect.type_info(record)
    assert isinstance(info, msgspec.inspect.StructType)
    attributes = shapes()[record].attributes
    made: list[_Field] = []
    for field in info.fields:
        if field.name in _MEANT:
            draw, common = _one_of(_MEANT[field.name]), None
        else:
            draw = _drawing(attributes[field.encode_name].type)
            common = (draw(random.Random(0)),) if field.name in _COMMON else None
        made.append(_Field(field.name, field.required, draw, common))
    return tuple(made)


def _values(record: type[msgspec.Struct], chance: random.Random) -> dict[str, Any]:
    values: dict[str, Any] = {}
    roll = chance.random
    for name, required, draw, common in _fields(record):
        if not required and roll() < 0.3:
            continue
        values[name] = common[0] if common and roll() < 0.9 else draw(chance)
    return values


def _one_of(choices: Sequence[Any]) -> Draw:
    """As `Random.choice` does it, but without its calls: a record has fifty fields."""
    count = len(choices)
    bits = count.bit_length()

    def draw(chance: random.Random) -> Any:
        number = chance.getrandbits(bits)
        while number >= count:
            number = chance.getrandbits(bits)
        return choices[number]

    return draw


def _drawing(type_: FieldType) -> Draw:
    if type_.many:
        one = _drawing(FieldType(type_.kind, many=False, choices=type_.choices))
        how_many = _one_of(range(3))
        return lambda chance: tuple([one(chance) for _ in range(how_many(chance))])
    match type_.kind:
        case "keyword":
            return _one_of(sorted(type_.choices) or _WORDS)
        case "exact":
            return _one_of(_EXACT)
        case "integer":
            return _one_of(range(-3, 4))
        case "number":
            return _one_of(_NUMBERS)
        case "boolean":
            return lambda chance: chance.random() < 0.5
        case "date":
            return _one_of([START + seconds * SECOND for seconds in range(10)])


def all_actions() -> list[str]:
    """`event.action` of every record."""
    return [shapes()[record].action for record in get_args(Record)]
