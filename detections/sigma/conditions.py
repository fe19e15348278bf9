"""What a Sigma condition says, apart from how an event holds its fields.

pySigma's tree, with its values as tests of one value each. The compiler makes functions of it, the
index looks for what must hold in any event that matches.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    CompareOperators,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from detections.sigma.numbers import as_number
from detections.sigma.texts import plain_text
from detections.sigma.values import (
    COMPARE,
    Unsupported,
    ValueTest,
    as_text,
    keyword_test,
    text_set_test,
    value_test,
)


class Equals(msgspec.Struct, frozen=True):
    """The text is one of these, which are in lower case; case makes no difference."""

    texts: frozenset[str]


class Part(msgspec.Struct, frozen=True):
    """The text begins with, ends with or contains this; lower case unless `cased`."""

    text: str
    start: bool
    """Bound to the beginning."""
    end: bool
    """Bound to the end. Both: it is the whole text."""
    cased: bool = False


class Compare(msgspec.Struct, frozen=True):
    """The number compares so with this one."""

    operator: CompareOperators
    number: int | float


class Network(msgspec.Struct, frozen=True):
    """The text is an IP address of this network: `number` are the bits before the last `shift`."""

    version: int
    shift: int
    number: int


_NUMBER_BEGINS = frozenset("+-0123456789")

#: What a test is where it is a simple one, for faster code and for the index.
Form = Equals | Part | Compare | Network | None


class FieldTest(msgspec.Struct, frozen=True):
    """A value of the field passes; of a list, any element. A missing field never does."""

    field: str
    test: ValueTest
    form: Form = None


class Present(msgspec.Struct, frozen=True):
    """The field has a value."""

    field: str


class Related(msgspec.Struct, frozen=True):
    """Values of two fields compare so, for any pair of their elements."""

    field: str
    other: str
    compare: Callable[[Any, Any], bool]


class Keyword(msgspec.Struct, frozen=True):
    """Any value of the event passes."""

    test: ValueTest
    piece: str | None = None
    """A text, in lower case, that is in any value that passes; None where none has to be."""


class AllOf(msgspec.Struct, frozen=True):
    """Every part holds."""

    parts: "tuple[Condition, ...]"


class AnyOf(msgspec.Struct, frozen=True):
    """At least one part holds."""

    parts: "tuple[Condition, ...]"


class Not(msgspec.Struct, frozen=True):
    """The part does not hold."""

    part: "Condition"


#: True or False where the answer is known.
Condition = FieldTest | Present | Related | Keyword | AllOf | AnyOf | Not | bool


def conditions(trees: Iterable[object]) -> Condition:
    """One of pySigma's postprocessed trees holds. Raises Unsupported."""
    return any_of([condition(tree) for tree in trees])


def condition(tree: object) -> Condition:
    """A tree of pySigma, postprocessed. Raises Unsupported."""
    match tree:
        case ConditionAND():
            return all_of([condition(arg) for arg in tree.args])
        case ConditionOR():
            return any_of([condition(arg) for arg in tree.args])
        case ConditionNOT():
            return negation(condition(tree.args[0]))
        case ConditionFieldEqualsValueExpression():
            return _field(tree.field, tree.value)
        case ConditionValueExpression():
            return _keyword(tree.value)
        case _:
            raise Unsupported("this condition selects nothing")


def all_of(parts: Iterable[Condition]) -> Condition:
    """`and`, flattened; what is known is left out."""
    found: list[Condition] = []
    for part in parts:
        if part is False:
            return False
        if isinstance(part, AllOf):
            found += part.parts
        elif part is not True:
            found.append(part)
    return AllOf(tuple(found)) if len(found) > 1 else found[0] if found else True


def any_of(parts: Iterable[Condition]) -> Condition:
    """`or`, flattened; texts of one field are gathered for one look-up."""
    found: list[Condition] = []
    texts: dict[str, set[str]] = {}
    for part in parts:
        if part is True:
            return True
        for one in part.parts if isinstance(part, AnyOf) else (part,):
            if isinstance(one, FieldTest) and isinstance(one.form, Equals):
                if one.field not in texts:
                    texts[one.field] = set()
                    found.append(one)  # its place; replaced below
                texts[one.field] |= one.form.texts
            elif one is not False:
                found.append(one)
    gathered = [
        _equals(one.field, frozenset(texts[one.field]))
        if isinstance(one, FieldTest) and isinstance(one.form, Equals)
        else one
        for one in found
    ]
    return AnyOf(tuple(gathered)) if len(gathered) > 1 else gathered[0] if gathered else False


def negation(part: Condition) -> Condition:
    """`not`."""
    if isinstance(part, bool):
        return not part
    return part.part if isinstance(part, Not) else Not(part)


def fields(node: Condition) -> set[str]:
    """The fields that a condition reads."""
    match node:
        case FieldTest() | Present():
            return {node.field}
        case Related():
            return {node.field, node.other}
        case AllOf() | AnyOf():
            return {name for part in node.parts for name in fields(part)}
        case Not():
            return fields(node.part)
        case _:
            return set()


def has_keywords(node: Condition) -> bool:
    """Whether it searches the whole event."""
    match node:
        case Keyword():
            return True
        case AllOf() | AnyOf():
            return any(has_keywords(part) for part in node.parts)
        case Not():
            return has_keywords(node.part)
        case _:
            return False


def _equals(field: str, texts: frozenset[str]) -> FieldTest:
    return FieldTest(field, text_set_test(texts), Equals(texts))


def _field(name: str, value: SigmaType) -> Condition:
    match value:
        case SigmaNull():
            return Not(Present(name))
        case SigmaExists():
            return Present(name) if value.exists else Not(Present(name))
        case SigmaFieldReference():
            return Related(name, value.field, _comparison(value))
        case SigmaExpansion():
            return any_of([_field(name, one) for one in value.values])
        case SigmaString():
            test = value_test(value)  # first, since it refuses placeholders
            plain = plain_text(value)
            if plain is not None and not isinstance(value, SigmaCasedString):
                return _equals(name, frozenset((plain.lower(),)))
            return FieldTest(name, test, _part(value))
        case SigmaTimestampPart():
            return FieldTest(name, value_test(value))
        case SigmaCompareExpression():
            number = value.number.number
            return FieldTest(name, value_test(value), Compare(value.op, number))
        case SigmaCIDRExpression():
            return FieldTest(name, value_test(value), _network(value))
        case _:
            return FieldTest(name, value_test(value))


def _network(value: SigmaCIDRExpression) -> Network:
    network = value.network
    shift = network.max_prefixlen - network.prefixlen
    return Network(network.version, shift, int(network.network_address) >> shift)


def _keyword(value: SigmaType) -> Condition:
    if isinstance(value, SigmaExpansion):
        return any_of([_keyword(one) for one in value.values])
    pieces: list[str] = []
    if isinstance(value, SigmaString):
        pieces = [part.lower() for part in value.s if isinstance(part, str)]
    return Keyword(keyword_test(value), max(pieces, key=len, default=None))


def _part(pattern: SigmaString) -> Part | None:
    """The form of a pattern whose text stands in one piece."""
    pieces = [part for part in pattern.s if isinstance(part, str)]
    wild = [part for part in pattern.s if not isinstance(part, str)]
    if len(pieces) != 1 or any(part is not SpecialChars.WILDCARD_MULTI for part in wild):
        return None
    cased = isinstance(pattern, SigmaCasedString)
    return Part(
        pieces[0] if cased else pieces[0].lower(),
        start=isinstance(pattern.s[0], str),
        end=isinstance(pattern.s[-1], str),
        cased=cased,
    )


def compares(form: Compare, value: int | float) -> bool:
    """Whether a number passes."""
    return COMPARE[form.operator](value, form.number)


def _comparison(reference: SigmaFieldReference) -> Callable[[Any, Any], bool]:
    if reference.starts_with and reference.ends_with:
        return lambda a, b: as_text(b).lower() in as_text(a).lower()
    if reference.starts_with:
        return lambda a, b: as_text(a).lower().startswith(as_text(b).lower())
    if reference.ends_with:
        return lambda a, b: as_text(a).lower().endswith(as_text(b).lower())
    return _same


def _same(a: Any, b: Any) -> bool:
    if a.__class__ is str and b.__class__ is str:
        if a.lower() == b.lower():
            return True
        if a[:1] not in _NUMBER_BEGINS or b[:1] not in _NUMBER_BEGINS:
            return False
    left = as_number(a)
    if left is not None and left == as_number(b):
        return True
    return as_text(a).lower() == as_text(b).lower()
