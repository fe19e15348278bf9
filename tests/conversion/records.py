"""Records to be searched: those of our rules' tests, and variants that a query may confuse."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from detections.conversion.known_fields import known_case
from detections.fields import FieldType, shapes
from detections.rule_testing.planning import plan
from normalizer.events import Record

ROOT = Path(__file__).parents[2]
RULES = ROOT / "sigma_rules"

#: Texts that some query language takes for something else than text.
HOSTILE = (
    *(
        "",
        " ",
        "a b",
        "acme",
        "ACME",
        "AcMe",
        "acme ",
        "xacmex",
        "a*b",
        "a?b",
        "axb",
        "a\\b",
        "\\",
        "a\\*b",
    ),
    *(
        'a"b',
        "a'b",
        '"acme"',
        "a/b",
        "a:b",
        "a=b",
        "<5",
        ">5",
        ">=5",
        "[1 TO 2]",
        "{acme}",
        "(acme)",
    ),
    *(
        "AND",
        "OR",
        "NOT",
        "and",
        "acme OR x",
        "NOT acme",
        "-acme",
        "+acme",
        "!acme",
        "acme~",
        "acme^2",
    ),
    *(
        "&&",
        "||",
        "_exists_:x",
        "*",
        "?",
        "**",
        "null",
        "true",
        "5",
        "05",
        "-5",
        "5.0",
        "1e3",
        "0x5",
    ),
    *(
        "a\tb",
        "a\nb",
        "acme\n",
        "a\u00a0b",
        "a\u3000b",
        "\u212aelvin",
        "kelvin",
        "KELVIN",
        "ÅSE",
        "åse",
    ),
    *(
        "straße",
        "STRASSE",
        "ΑΣ",
        "\u0130x",
        "ix",
        "a😀b",
        "a.b",
        "a+b",
        "a#b",
        "a@b",
        "a&b",
        "a%b",
        "$a$",
    ),
    *(
        "`a`",
        "a|b",
        "a,b",
        "a;b",
        "{{a}}",
        "%acme%",
        "custodian",
        "sanctioned:OFAC",
        "a" * 300,
        "😀",
    ),
)
#: Some tests repeat an event a thousand times.
_OF_EACH_END = 2
_NUMBERS = (0, 1, -1, 5, -5, 0.5, -0.5, 1e-9, 1e16, 1e21, 99_999.999, 100_000, 2.0**53)
_INTEGERS = (0, 1, 5, 42, 2**31, 2**53 + 1, 2**63 - 1)
_EXACT = ("0", "1", "5", "10", "9", str(2**64), str(2**255), str(10**24))


def rule_test_records() -> list[Record]:
    """Events of the tests beside our rules: the first and the last of each."""
    found: list[Record] = []
    for test in (test for file in plan([RULES]).files for test in file.tests):
        samples = [sample.event for sample in test.samples]
        ends = [*samples[:_OF_EACH_END], *samples[_OF_EACH_END:][-_OF_EACH_END:]]
        found += [cast("Record", event) for event in ends if isinstance(event, msgspec.Struct)]
    return found


def variants(records: list[Record], chance: random.Random, count: int) -> Iterator[Record]:
    """Copies with some fields changed to another case, left out, emptied or made hostile."""
    for _ in range(count):
        yield _changed(chance.choice(records), chance)


def numbered(records: list[Record]) -> list[Record]:
    """Copies with ids of their own, so that no two are one event."""
    return [
        msgspec.structs.replace(record, id=f"event-{number}", timestamp=record.timestamp + number)
        for number, record in enumerate(records)
    ]


def _changed(record: Record, chance: random.Random) -> Record:
    shape = shapes()[type(record)]
    required = {f.encode_name for f in msgspec.structs.fields(shape.record) if f.required}
    names = [name for name in shape.attributes if name not in ("event.id", "@timestamp")]
    changes: dict[str, Any] = {}
    for name in chance.sample(names, k=min(len(names), chance.randint(1, 6))):
        attribute = shape.attributes[name]
        value = getattr(record, attribute.name)
        if chance.random() < 0.25 and name not in required:
            changes[attribute.name] = () if attribute.type.many else None
        elif attribute.type.many:
            changes[attribute.name] = tuple(
                _value(name, attribute.type, chance, None) for _ in range(chance.randint(0, 3))
            )
        else:
            changes[attribute.name] = _value(name, attribute.type, chance, value)
    return msgspec.structs.replace(record, **changes)


def _value(name: str, kind: FieldType, chance: random.Random, old: Any) -> Any:
    match kind.kind:
        case "boolean":
            return chance.random() < 0.5
        case "number":
            return float(chance.choice(_NUMBERS))
        case "integer":
            return chance.choice(_INTEGERS)
        case "exact":
            return chance.choice(_EXACT)
        case "date":
            return 1_767_225_600_000_000_000 + chance.randint(0, 3)
        case _:
            return _text(name, kind, chance, old)


def _text(name: str, kind: FieldType, chance: random.Random, old: Any) -> str:
    if kind.choices:
        return chance.choice(sorted(kind.choices))
    text = chance.choice(HOSTILE)
    if isinstance(old, str) and chance.random() < 0.5:
        text = chance.choice((old.upper(), old.lower(), old.swapcase(), f"x{old}", f"{old}x"))
    case = known_case(name, text)
    if case is None:
        return text
    # Where our own normalizer decides about the case, no other comes, and nothing beyond ASCII.
    plain = text if text.isascii() else "x"
    return plain.lower() if case == "lower" else plain.upper()
