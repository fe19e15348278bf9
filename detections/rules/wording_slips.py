"""How people write numbers and comparisons where a rule wants them in one form."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline.problems import did_you_mean

#: Names of modifiers in other languages, and signs.
OTHER_MODIFIERS: Mapping[str, str] = {
    ">=": "gte",
    "=>": "gte",
    ">": "gt",
    "<=": "lte",
    "=<": "lte",
    "<": "lt",
    "!=": "neq",
    "<>": "neq",
    "not": "neq",
    "ne": "neq",
    "regex": "re",
    "regexp": "re",
    "matches": "re",
    "like": "contains",
    "begins": "startswith",
    "begins_with": "startswith",
    "ends": "endswith",
    "ends_with": "endswith",
    "greater": "gt",
    "less": "lt",
    "min": "gte",
    "max": "lte",
}
#: What people call the parts of a field's name.
_OTHER_PARTS: Mapping[str, str] = {
    "country": "jurisdiction",
    "nationality": "jurisdiction",
    "residence": "jurisdiction",
    "sender": "source",
    "from": "source",
    "receiver": "destination",
    "recipient": "destination",
    "to": "destination",
    "seller": "source",
    "buyer": "destination",
}
_GROUPED = re.compile(r"(-?[0-9]{1,3})((?:[,_' ][0-9]{3})+)(\.[0-9]+)?")
_THOUSANDS = re.compile(r"(-?[0-9]+)[kK]")
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_COMPARED = re.compile(rf"(>=|=>|<=|=<|>|<)\s*({_PLAIN.pattern})")
_ASSIGNED = re.compile(r"([@\w.]+)\s*(==|!=|<>|>=|=>|<=|=<|[=:<>])\s*(\S+)")
_LONGEST = 100
_MOST_PARTS = 8


def field_meant(name: str, known: Iterable[str]) -> str | None:
    """The field that is called otherwise, or misspelt."""
    names = list(known)
    parts = name.split(".")[:_MOST_PARTS]
    others = [_OTHER_PARTS.get(part.lower(), part) for part in parts]
    one_other = [[*parts[:at], other, *parts[at + 1 :]] for at, other in enumerate(others)]
    fitting = (".".join(one) for one in (*one_other, others) if one != parts)
    return next((one for one in fitting if one in names), None) or did_you_mean(name, names)


def number_meant(text: str) -> str | None:
    """The number that a text such as `"1000"`, `1,000`, `1_000` or `10k` was meant to be."""
    if len(text) > _LONGEST:
        return None
    if _PLAIN.fullmatch(text):
        return text
    if (found := _GROUPED.fullmatch(text)) is not None:
        return found[1] + re.sub(r"[^0-9]", "", found[2]) + (found[3] or "")
    if (found := _THOUSANDS.fullmatch(text)) is not None:
        return found[1] + "000"
    return None


def comparison_meant(text: str) -> tuple[str, str] | None:
    """Modifier and number of a text such as `>= 1000`."""
    found = _COMPARED.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    return None if found is None else (OTHER_MODIFIERS[found[1]], found[2])


class Assignment(NamedTuple):
    """A field, a modifier that may be empty, and a value, as in `token.amount >= 5`."""

    field: str
    modifier: str
    value: str
    sign: str

    def __str__(self) -> str:
        key = f"{self.field}|{self.modifier}" if self.modifier else self.field
        return f"{key}: {self.value}"


def assignment_in(text: str) -> Assignment | None:
    """What a text such as `event.action = trade` begins with."""
    found = _ASSIGNED.match(text.strip()[:_LONGEST])
    if found is None:
        return None
    return Assignment(found[1], OTHER_MODIFIERS.get(found[2], ""), found[3], found[2])
