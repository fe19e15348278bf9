"""Straight code for the rules that an event may meet: each field is read once.

Python source is written of names that are ours alone: variables, and the attributes of records.
Every text and number of a rule is bound as a constant, and never part of the source.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sigma.types import CompareOperators

from detections.sigma.compiler import anywhere, compile_condition, is_present, related
from detections.sigma.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Equals,
    FieldTest,
    Keyword,
    Not,
    Part,
    Present,
    Related,
)
from detections.sigma.readers import Attribute, Constant, Key, Reader

#: Gives the numbers of the rules that match, or None. In no order; each at most once.
Program = Callable[[Any], list[int] | None]
#: A rule's number and its condition.
Numbered = tuple[int, Condition]

#: A condition nested deeper is left to closures: Python's parser has a limit.
_DEEPEST = 40
_COMPARE = {
    CompareOperators.LT: "<",
    CompareOperators.LTE: "<=",
    CompareOperators.GT: ">",
    CompareOperators.GTE: ">=",
    CompareOperators.NEQ: "!=",
}


def straight_program(rules: Sequence[Numbered], reader: Reader) -> Program:
    """A function that tries all of these rules, folded for the reader's shape, on an event."""
    return _Writer(reader).program(rules)


def straight_test(node: Condition, reader: Reader) -> Callable[[Any], bool]:
    """A function that tries one condition, folded for the reader's shape, on an event."""
    return _Writer(reader).test(node)


def read_source(name: str, reader: Reader, bind: Callable[[Any], str], variable: str) -> list[str]:
    """Statements that read a field of the event `e` into a variable."""
    access = reader.access(name)
    match access:
        case Attribute():
            lines = [f"{variable} = e.{access.path}"]
            if access.default is not None:
                lines.append(f"if {variable} is None: {variable} = {bind(access.default)}")
            return lines
        case Key():
            return [f"{variable} = e.get({bind(access.name)})"]
        case Constant():
            return [f"{variable} = {bind(access.value)}"]


class _Field:
    """A field in the code: its variables, and how often they are used."""

    def __init__(self, number: int) -> None:
        self.value = f"v{number}"
        self.text = f"t{number}"
        self.lower = f"w{number}"
        self.uses = 0
        self.needs_text = False
        self.needs_lower = False


class _Writer:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._constants: dict[str, Any] = {}
        self._fields: dict[str, _Field] = {}

    def program(self, rules: Sequence[Numbered]) -> Program:
        tests: list[str] = []
        for number, node in rules:
            call = f"found = [{number}] if found is None else [*found, {number}]"
            if node is True:
                tests.append(f"    {call}")
            elif node is not False:
                tests.append(f"    if {self._expression(node, 0)}: {call}")
        return self._function(["    found = None", *self._reads(), *tests, "    return found"])

    def test(self, node: Condition) -> Callable[[Any], bool]:
        expression = self._expression(node, 0)
        return self._function([*self._reads(), f"    return {expression}"])

    def _function(self, lines: Sequence[str]) -> Any:
        namespace: dict[str, Any] = dict(self._constants)
        source = "\n".join(["def function(e):", *lines])
        exec(compile(source, "<sigma rules>", "exec"), namespace)  # noqa: S102
        return namespace["function"]

    def _reads(self) -> list[str]:
        lines: list[str] = []
        for name, field in self._fields.items():
            v, t, w = field.value, field.text, field.lower
            lines += [f"    {line}" for line in read_source(name, self._reader, self._bind, v)]
            if field.needs_text:
                lines.append(f"    {t} = {v}.__class__ is str")
            if field.needs_lower:
                lines.append(f"    {w} = {v}.lower() if {t} else None")
        return lines

    def _bind(self, value: Any) -> str:
        name = f"k{len(self._constants)}"
        self._constants[name] = value
        return name

    def _field(self, name: str) -> _Field:
        return self._fields.setdefault(name, _Field(len(self._fields)))

    def _expression(self, node: Condition, depth: int) -> str:
        if depth > _DEEPEST:
            return f"{self._bind(compile_condition(node, self._reader))}(e)"
        match node:
            case AllOf():
                parts = sorted(node.parts, key=_cost)
                return f"({' and '.join(self._expression(p, depth + 1) for p in parts)})"
            case AnyOf():
                parts = sorted(node.parts, key=_cost)
                return f"({' or '.join(self._expression(p, depth + 1) for p in parts)})"
            case Not():
                return f"(not {self._expression(node.part, depth + 1)})"
            case FieldTest():
                return self._test(node)
            case Present():
                v = self._field(node.field).value
                # Most values are no lists: only those need a closer look.
                return f"({v} is not None and {self._bind(is_present)}({v}))"
            case Related():
                ours, theirs = self._field(node.field).value, self._field(node.other).value
                return f"{self._bind(related(node))}({ours}, {theirs})"
            case Keyword():
                return f"{self._bind(compile_condition(node, self._reader))}(e)"
            case _:
                return str(bool(node))

    def _test(self, node: FieldTest) -> str:
        field = self._field(node.field)
        v = field.value
        otherwise = f"({v} is not None and {self._bind(anywhere(node.test))}({v}))"
        match node.form:
            case Equals():
                quick = self._equals(field, node.form)
            case Part():
                quick = self._part(field, node.form)
            case Compare():
                number = self._bind(node.form.number)
                operator = _COMPARE[node.form.operator]
                kind = f"({v}.__class__ is float or {v}.__class__ is int)"
                return f"({v} {operator} {number} if {kind} else {otherwise})"
            case _:
                return otherwise
        field.needs_text = True
        return f"({quick} if {field.text} else {otherwise})"

    def _equals(self, field: _Field, form: Equals) -> str:
        field.needs_lower = True
        if len(form.texts) == 1:
            return f"{field.lower} == {self._bind(next(iter(form.texts)))}"
        return f"{field.lower} in {self._bind(form.texts)}"

    def _part(self, field: _Field, form: Part) -> str:
        field.needs_lower = field.needs_lower or not form.cased
        text = field.value if form.cased else field.lower
        piece = self._bind(form.text)
        if form.start and form.end:
            return f"{text} == {piece}"
        if form.start:
            return f"{text}.startswith({piece})"
        if form.end:
            return f"{text}.endswith({piece})"
        return f"{piece} in {text}"


def _cost(node: Condition) -> int:
    """What a part costs, roughly: the cheap ones are tried first, since no test has an effect."""
    match node:
        case FieldTest():
            return _COSTS.get(type(node.form), 10)
        case Present():
            return 1
        case Not():
            return _cost(node.part)
        case AllOf() | AnyOf():
            return sum(_cost(part) for part in node.parts)
        case Related():
            return 15
        case _:
            return 100


_COSTS: dict[type[Any], int] = {Compare: 1, Equals: 2, Part: 3}
