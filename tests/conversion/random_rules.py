"""Rules made by chance over the fields of our records, with values that are likely to occur."""

import random
import uuid

import msgspec

from detections.fields import ACTION, FieldType, taxonomy
from detections.rules import RuleSet
from detections.rules.loading import parse_rules
from tests.conversion.records import HOSTILE

_TEXT = (
    "",
    "",
    "|contains",
    "|startswith",
    "|endswith",
    "|cased",
    "|contains|cased",
    "|neq",
    "|re",
)
_SIZES = ("|gt", "|gte", "|lt", "|lte")
_EXPRESSIONS = (
    *(
        "^acme$",
        "^ACME",
        "acme$",
        "a.b",
        "(?i)acme",
        "^(a|b)",
        "a|b$",
        "[a-c]{2,3}",
        "[^a]",
        "x?y*",
    ),
    *(
        "a\\*b",
        "a\\.b",
        "^$",
        "",
        "^.$",
        "(?s)a.b",
        "(?i)[k-s]",
        "^a[^x]b$",
        "\\\\",
        '"',
        "/",
        "#@&<>~",
    ),
    *("(?m)^b", "(?m)a$", "a{2}", "(?:ab)+", "\\s", "(?a)\\d+", "(?a)\\w{4}", "\\S\\s\\S", "^\\[1"),
)
_HEADER = (
    "title: Rule {number}\nid: {id}\nstatus: test\nlevel: low\ndescription: For a test.\n"
    "author: Tester\ndate: 2026-01-31\nreferences: []\nfalsepositives: []\ntypology: spoofing\n"
    "logsource: {{product: tapewatch}}\ndetection:\n{detection}\n"
)


def random_rules(chance: random.Random, count: int) -> RuleSet:
    """Rules with one to three selections, of one to three items each."""
    documents = [_rule(chance, number) for number in range(count)]
    return parse_rules("---\n".join(documents).encode(), name="random.yml")


def item_rules(items: list[str]) -> RuleSet:
    """A rule for each item of a detection."""
    return parse_rules(
        "---\n".join(
            _document(number, f"  s:\n    {item}\n  condition: s")
            for number, item in enumerate(items)
        ).encode(),
        name="items.yml",
    )


def _document(number: int, detection: str) -> str:
    rule_id = uuid.UUID(int=number + 1, version=4)
    return _HEADER.format(number=number, id=rule_id, detection=detection)


def _rule(chance: random.Random, number: int) -> str:
    names = "abc"[: chance.randint(1, 3)]
    lines: list[str] = []
    for name in names:
        lines.append(f"  {name}:")
        fields = chance.sample(sorted(taxonomy()), k=chance.randint(1, 2))
        items = [_item(chance, field, taxonomy()[field]) for field in fields]
        # A name that begins with @ must be in quotes.
        lines += [f"    {_quoted(k)}: {v}" for k, v in (i.split(": ", 1) for i in items)]
    operands = [f"not {name}" if chance.random() < 0.3 else name for name in names]
    condition = operands[0]
    for operand in operands[1:]:
        condition = f"({condition} {chance.choice(('and', 'or'))} {operand})"
    if chance.random() < 0.2:
        condition = f"not {condition}"
    return _document(number, "\n".join([*lines, f"  condition: {condition}"]))


def _item(chance: random.Random, field: str, kind: FieldType) -> str:
    roll = chance.random()
    if roll < 0.08:
        return f"{field}: null"
    if roll < 0.16:
        return f"{field}|exists: {chance.choice(('true', 'false'))}"
    match kind.kind:
        case "boolean":
            return f"{field}: {chance.choice(('true', 'false'))}"
        case "number":
            return _number(chance, field, (0, 1, -1, 0.5, -0.5, 5, 1e16, 100_000, 1e-9))
        case "integer":
            return _number(chance, field, (0, 1, 5, -5, 42, 2**31, 2**53 + 1))
        case "date":
            moment = 1_767_225_600_000_000_000 + chance.randint(0, 9)
            return f"{field}{chance.choice(_SIZES)}: {moment}"
        case "exact":
            return f"{field}: {chance.choice((0, 1, 5, 2**64, 10**24))}"
        case _:
            return _text(chance, field, kind)


def _number(chance: random.Random, field: str, numbers: tuple[int | float, ...]) -> str:
    number = chance.choice(numbers)
    if chance.random() < 0.3:
        return f"{field}: [{number}, {chance.choice(numbers)}]"
    return f"{field}{chance.choice(_SIZES)}: {number}"


def _text(chance: random.Random, field: str, kind: FieldType) -> str:
    if field == ACTION or kind.choices:
        choices = chance.sample(
            sorted(kind.choices), k=min(len(kind.choices), chance.randint(1, 4))
        )
        return f"{field}: [{', '.join(choices)}]"
    modifier = chance.choice(_TEXT)
    if modifier == "|re":
        return f"{field}|re: {_quoted(chance.choice(_EXPRESSIONS))}"
    texts = chance.sample(HOSTILE, k=chance.randint(1, 3))
    return f"{field}{modifier}: [{', '.join(_quoted(text) for text in texts)}]"


def _quoted(text: str) -> str:
    """A text as YAML, whatever is in it; JSON is a part of YAML."""
    return msgspec.json.encode(text).decode()
