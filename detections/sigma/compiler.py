"""A Sigma condition compiled to one function for one shape of event.

Values are bound as constants of closures; no source text is made of them. What a shape can't have,
and its `event.action`, are known when compiling: a condition that can't hold for a record class
becomes False, so that its rule never meets these records.
"""

from collections.abc import Callable, Iterable
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    SigmaCasedString,
    SigmaExists,
    SigmaFieldReference,
    SigmaNull,
    SigmaString,
    SigmaType,
)

from detections.sigma.numbers import as_number
from detections.sigma.readers import Constant, Read, Reader
from detections.sigma.texts import plain_text
from detections.sigma.values import (
    Unsupported,
    ValueTest,
    as_text,
    keyword_test,
    text_set_test,
    value_test,
)

Match = Callable[[Any], bool]
#: True or False where the answer is the same for every event of the shape.
Compiled = Match | bool


def compile_conditions(conditions: Iterable[object], reader: Reader) -> Compiled:
    """The function that tells whether one of a rule's conditions holds. Raises Unsupported."""
    return _any([compile_condition(condition, reader) for condition in conditions])


def compile_condition(condition: object, reader: Reader) -> Compiled:
    """The function that tells whether an event matches. Raises Unsupported.

    `condition` is pySigma's tree after postprocessing.
    """
    match condition:
        case ConditionAND():
            return _all([compile_condition(arg, reader) for arg in condition.args])
        case ConditionOR():
            plain, others = _gather_texts(condition.args)
            sets = [_field_test(name, text_set_test(texts), reader) for name, texts in plain]
            return _any([*sets, *(compile_condition(arg, reader) for arg in others)])
        case ConditionNOT():
            return _not(compile_condition(condition.args[0], reader))
        case ConditionFieldEqualsValueExpression():
            return _field(condition.field, condition.value, reader)
        case ConditionValueExpression():
            return _keyword(condition.value, reader)
        case _:
            raise Unsupported("this condition selects nothing")


def _all(parts: list[Compiled]) -> Compiled:
    if any(part is False for part in parts):
        return False
    tests = [part for part in parts if not isinstance(part, bool)]
    match tests:
        case []:
            return True
        case [only]:
            return only
        case [first, second]:
            return lambda event: first(event) and second(event)
        case [first, second, third]:
            return lambda event: first(event) and second(event) and third(event)
        case _:

            def test(event: Any) -> bool:
                for part in tests:  # noqa: SIM110 - a generator would cost twice the time
                    if not part(event):
                        return False
                return True

            return test


def _any(parts: list[Compiled]) -> Compiled:
    if any(part is True for part in parts):
        return True
    tests = [part for part in parts if not isinstance(part, bool)]
    match tests:
        case []:
            return False
        case [only]:
            return only
        case [first, second]:
            return lambda event: first(event) or second(event)
        case _:

            def test(event: Any) -> bool:
                for part in tests:  # noqa: SIM110 - a generator would cost twice the time
                    if part(event):
                        return True
                return False

            return test


def _not(part: Compiled) -> Compiled:
    if isinstance(part, bool):
        return not part
    return lambda event: not part(event)


def _gather_texts(args: Iterable[object]) -> tuple[list[tuple[str, frozenset[str]]], list[object]]:
    """Alternatives of one field that are plain texts, gathered for one look-up; and the rest."""
    texts: dict[str, set[str]] = {}
    others: list[object] = []
    for arg in args:
        if isinstance(arg, ConditionFieldEqualsValueExpression):
            value = arg.value
            if isinstance(value, SigmaString) and not isinstance(value, SigmaCasedString):
                plain = plain_text(value)
                if plain is not None:
                    texts.setdefault(arg.field, set()).add(plain.lower())
                    continue
        others.append(arg)
    return [(name, frozenset(found)) for name, found in texts.items()], others


def _field(name: str, value: SigmaType, reader: Reader) -> Compiled:
    if isinstance(value, SigmaNull):
        return _not(_present(reader.field(name)))
    if isinstance(value, SigmaExists):
        present = _present(reader.field(name))
        return present if value.exists else _not(present)
    if isinstance(value, SigmaFieldReference):
        return _reference(name, value, reader)
    return _field_test(name, value_test(value), reader)


def _present(read: Read | Constant) -> Compiled:
    if isinstance(read, Constant):
        return read.value is not None

    def test(event: Any) -> bool:
        value = read(event)
        return value is not None and value != () and value != []

    return test


def _field_test(name: str, test: ValueTest, reader: Reader) -> Compiled:
    read = reader.field(name)
    if isinstance(read, Constant):
        return read.value is not None and test(read.value)
    is_list = reader.is_list(name)
    if is_list is False:

        def scalar(event: Any) -> bool:
            value = read(event)
            return value is not None and test(value)

        return scalar
    if is_list is True:

        def elements(event: Any) -> bool:
            for value in read(event):  # noqa: SIM110 - a generator would cost twice the time
                if test(value):
                    return True
            return False

        return elements

    def either(event: Any) -> bool:
        value = read(event)
        if isinstance(value, list):
            return any(test(one) for one in value)  # pyright: ignore[reportUnknownVariableType]
        return value is not None and test(value)

    return either


def _reference(name: str, reference: SigmaFieldReference, reader: Reader) -> Compiled:
    ours, theirs = reader.field(name), reader.field(reference.field)
    if any(isinstance(read, Constant) and read.value is None for read in (ours, theirs)):
        return False
    compare = _comparison(reference)

    def test(event: Any) -> bool:
        left, right = _elements(ours, event), _elements(theirs, event)
        return any(compare(a, b) for a in left for b in right)

    return test


def _elements(read: Read | Constant, event: Any) -> Iterable[Any]:
    value = read.value if isinstance(read, Constant) else read(event)
    if value is None:
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)  # pyright: ignore[reportUnknownVariableType]


def _comparison(reference: SigmaFieldReference) -> Callable[[Any, Any], bool]:
    if reference.starts_with and reference.ends_with:
        return lambda a, b: as_text(b).lower() in as_text(a).lower()
    if reference.starts_with:
        return lambda a, b: as_text(a).lower().startswith(as_text(b).lower())
    if reference.ends_with:
        return lambda a, b: as_text(a).lower().endswith(as_text(b).lower())
    return _same


def _same(a: Any, b: Any) -> bool:
    left = as_number(a)
    if left is not None and left == as_number(b):
        return True
    return as_text(a).lower() == as_text(b).lower()


def _keyword(value: SigmaType, reader: Reader) -> Compiled:
    test, values = keyword_test(value), reader.values
    return lambda event: any(test(one) for one in values(event))
