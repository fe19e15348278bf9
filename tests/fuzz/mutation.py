"""Changes that break text, and structures, in the ways that people and machines break them."""

import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

#: Pieces that mean something to a reader of YAML, JSON, Sigma or regular expressions.
PIECES: tuple[bytes, ...] = (
    *(b"---\n", b"- ", b": ", b"\n", b"\n  ", b"{", b"}", b"[", b"]", b",", b"#", b"&a ", b"*a"),
    *(b"'", b'"', b"|", b">", b"!!python/object:os.system ", b"!!binary ", b"<<: *a", b"? ", b"%"),
    *(b"null", b"~", b"true", b".nan", b".inf", b"0x", b"1e999", b"-0", b"9" * 40, b"\x00", b"\t"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\xed\xa0\x80", b"\\u0000", b"${env:HOME}"),
    *(b"|re", b"|re|contains", b"|gt", b"|exists", b"|cidr", b"|windash", b"|base64offset"),
    *(b"|expand", b"|fieldref", b"|all", b"|hour", b"%list%", b"1 of ", b"all of them", b" and "),
    *(b" or ", b"not ", b"(", b")", b"*", b"?", b"(?", b"(a+)+$", b"\\", b"_", b"token.amount"),
)
WORDS: tuple[str, ...] = (
    *("", " ", "*", "?", "%x%", "%list%", "a*b?c", "\\", "(", "[", "(?P<a>", "^$"),
    *("-a /b -c -d -e", "10.0.0.0/8", "::/0", "1h", "5m", "0s", "99999y", "1M", "2026-02-30"),
    *("yes", "no", "selection", "1 of *", "all of them", "not selection", "selection and ("),
    *("a | count() > 5", "true", "null", "any", "event.action", "token.amount"),
    *("correlation.count", "{token.amount}", "[{x}]", "{{", "\u202e", "\u0000", "\ud7ff"),
    *("é" * 50, "x" * 5_000, "tapewatch", "windows", "chain", "ACME", "fieldref", "temporal"),
    *("value_sum", "absence", "event_count", "mint", "many", "large"),
)
NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 0.5, 1e308, -1e308, float("inf"), float("nan"), 2**63, -(2**63) - 1, 2**256),
    *(10**390, 10_001, 1e-320, 100, 101),
)
KEYS: tuple[str, ...] = (
    *("id", "name", "title", "detection", "condition", "correlation", "rules", "group-by"),
    *("type", "timespan", "aliases", "field", "gte", "lte", "neq", "percentile", "generate"),
    *("filter", "logsource", "product", "service", "selection", "correlator", "parameters"),
    *("exceptions", "entities", "when", "owner", "reason", "expires", "lists", "staged", "note"),
    *("level", "tags", "transformations", "vars", "priority", "timeframe", "related", "date"),
    *("a|re|i", "a|contains", "a|gt|all", "token.amount|gte", "token.symbol|re"),
    *("event.action|neq", "|all", "a||b", "a|", "a|expand", "a|fieldref|neq", "a|cidr"),
    *("a|base64offset|contains", "a|windash|all", "a|week"),
)


def mutate_bytes(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """The text with one to eight changes; now and then a piece of another one."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(changed))
        match chance.randrange(8):
            case 0:
                del changed[at : at + chance.randint(1, 20)]
            case 1:
                changed[at:at] = chance.choice(PIECES)
            case 2:
                changed[at : at + 1] = bytes((chance.randrange(256),))
            case 3:
                changed[at : at + chance.randint(0, 10)] = chance.choice(PIECES)
            case 4:
                end = min(len(changed), at + chance.randint(1, 80))
                changed[at:at] = changed[at:end] * chance.randint(1, 3)
            case 5:
                changed[at:] = b"" if chance.random() < 0.3 else changed[at:]
            case 6:
                other = chance.choice(others)
                start = chance.randint(0, len(other))
                changed[at:at] = other[start : start + chance.randint(1, 200)]
            case _:
                lines = changed.split(b"\n")
                one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
                lines[one], lines[two] = lines[two], lines[one]
                changed = bytearray(b"\n".join(lines))
    return bytes(changed)


def mutate_structure(value: Any, chance: random.Random, others: Sequence[Any]) -> Any:
    """A changed copy of what a document holds; now and then with a part of another one."""
    changed = copy.deepcopy(value)
    for _ in range(chance.randint(1, 6)):
        places = list(_places(changed))
        if not places:
            return _strange(chance, others)
        holder, key = chance.choice(places)
        match chance.randrange(7):
            case 0:
                del holder[key]
            case 1 | 2:
                holder[key] = _strange(chance, others)
            case 3:
                holder[key] = [holder[key]] * chance.randint(0, 3)
            case 4:
                holder[key] = {chance.choice(KEYS): holder[key]}
            case 5 if isinstance(holder, dict):
                holder[chance.choice(KEYS)] = holder.pop(key)
            case 6 if isinstance(holder, dict):
                holder[chance.choice(KEYS)] = _strange(chance, others)
            case _:
                other, place = chance.choice(places)
                holder[key] = copy.deepcopy(other[place])
    return changed


def _places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Every holder and key in a structure."""
    if depth > 30:
        return
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    for key, inner in pairs:
        yield value, key
        yield from _places(inner, depth + 1)


def _strange(chance: random.Random, others: Sequence[Any]) -> Any:
    match chance.randrange(8):
        case 0:
            return chance.choice((None, True, False, [], {}, [[]], {"": None}))
        case 1 | 2:
            return chance.choice(NUMBERS)
        case 3 | 4:
            return chance.choice(WORDS)
        case 5:
            return [chance.choice(WORDS) for _ in range(chance.randint(1, 5))]
        case 6:
            return {chance.choice(KEYS): chance.choice(WORDS) for _ in range(chance.randint(1, 3))}
        case _:
            places = list(_places(chance.choice(others)))
            holder, key = chance.choice(places) if places else ([None], 0)
            return copy.deepcopy(holder[key])
