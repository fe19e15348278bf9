"""An index over rules, so that an event meets only those that could match it.

Of each rule it is known what must hold in any event that it matches: one of some texts in a field,
or a piece of text in one. Fields whose values lead to rules are looked up; what is found there is
tried, and what can't be indexed is tried always.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import ahocorasick_rs
from sigma.types import CompareOperators

from detections.sigma.compiler import fold, plain_values
from detections.sigma.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Equals,
    FieldTest,
    Network,
    Not,
    Part,
    all_of,
    any_of,
    negation,
)
from detections.sigma.functions import (
    Numbered,
    Program,
    read_source,
    straight_program,
    straight_test,
)
from detections.sigma.numbers import Number, as_number
from detections.sigma.readers import Reader
from detections.sigma.values import address_of, as_text

#: So many rules are tried faster than looked up.
_FEW = 10
#: A look-up of a field pays from so many rules on.
_WORTH = 4
#: A shorter piece is in so many texts that it leads nowhere.
_SHORTEST_PIECE = 3
#: A rule that waits for more texts than these is no use to the index.
_MOST_TEXTS = 5_000
_MOST_REMEMBERED = 20_000


def build_program(rules: Iterable[Numbered], reader: Reader) -> Program | None:
    """The program for events of the reader's shape; None if no rule can match any of them."""
    folded = [(number, fold(node, reader)) for number, node in rules]
    possible = [(number, node) for number, node in folded if node is not False]
    return _program(possible, reader, frozenset()) if possible else None


def _program(rules: Sequence[Numbered], reader: Reader, used: frozenset[str]) -> Program:
    if len(rules) <= _FEW:
        return straight_program(rules, reader)
    field = _best_field(rules, used)
    if field is not None:
        return _partition(field, rules, reader, used)
    return _lookup(rules, reader, used)


# -- by the value of one field, with all that goes with it in one program --------------------------


def _best_field(rules: Sequence[Numbered], used: frozenset[str]) -> str | None:
    """The field that most rules need one of some texts in, if that is worth it."""
    counts: dict[str, int] = {}
    for _, node in rules:
        for name in _exact_fields(node) - used:
            counts[name] = counts.get(name, 0) + 1
    best = max(counts, key=lambda name: (counts[name], name), default=None)
    return best if best is not None and counts[best] * 2 >= len(rules) else None


def _exact_fields(node: Condition) -> set[str]:
    parts = node.parts if isinstance(node, AllOf) else (node,)
    return {part.field for part in parts if isinstance(part, FieldTest) and _is_exact(part)}


def _is_exact(test: FieldTest) -> bool:
    return isinstance(test.form, Equals) and len(test.form.texts) <= _MOST_TEXTS


def _partition(
    field: str, rules: Sequence[Numbered], reader: Reader, used: frozenset[str]
) -> Program:
    by_text: dict[str, list[Numbered]] = {}
    rest: list[Numbered] = []
    for rule in rules:
        needed = necessary(rule[1], lambda test: test.field == field and _is_exact(test))
        if needed is None:
            rest.append(rule)
            continue
        for text in {text for test in needed for text in _texts(test)}:
            by_text.setdefault(text, []).append(rule)
    inner = used | {field}
    # Rules that come together for several texts share one program.
    programs: dict[tuple[Numbered, ...], Program] = {}
    table: dict[str, Program] = {}
    for text, some in sorted(by_text.items()):
        rest_of_them = [(number, _given(node, field, text)) for number, node in some]
        key = tuple(rest_of_them)
        if key not in programs:
            programs[key] = _program(rest_of_them, reader, inner)
        table[text] = programs[key]
    remembered = _Remembered(lambda text: table.get(text.lower()))

    def for_list(value: Any, event: Any) -> list[int] | None:
        found: list[int] = []
        for text in sorted({as_text(one).lower() for one in plain_values(value)}):
            if (run := table.get(text)) is not None:
                found += run(event) or ()
        return list(dict.fromkeys(found)) or None

    lines = [
        *read_source(field, reader, bind := _Binding(), "value"),
        "if value.__class__ is str:",
        "    run = known[value]",
        "    found = None if run is None else run(e)",
        "else:",
        "    found = None if value is None else for_list(value, e)",
    ]
    names: dict[str, Any] = {"known": remembered, "for_list": for_list}
    if rest:
        names["rest"] = _program(rest, reader, used)
        lines += [
            "more = rest(e)",
            "if more is not None: found = more if found is None else [*found, *more]",
        ]
    return _function([*lines, "return found"], {**names, **bind.constants})


def _given(node: Condition, field: str, text: str) -> Condition:
    """What is left of a condition where the field has this text, perhaps among others."""
    match node:
        case FieldTest():
            same = node.field == field and isinstance(node.form, Equals)
            return True if same and text in _texts(node) else node
        case AllOf():
            return all_of([_given(part, field, text) for part in node.parts])
        case AnyOf():
            return any_of([_given(part, field, text) for part in node.parts])
        case Not():
            return negation(_given(node.part, field, text))
        case _:
            return node


def _texts(test: FieldTest) -> frozenset[str]:
    assert isinstance(test.form, Equals)
    return test.form.texts


# -- by pieces of text in any field, with a test of its own for each rule --------------------------


def _lookup(rules: Sequence[Numbered], reader: Reader, used: frozenset[str]) -> Program:
    tables: dict[str, _Table] = {}
    anchors: dict[int, list[FieldTest]] = {}
    weight: dict[str, int] = {}
    for number, node in rules:
        needed = necessary(node, lambda test: test.field not in used and _is_indexable(test))
        if needed is not None:
            anchors[number] = needed
            for name in {test.field for test in needed}:
                weight[name] = weight.get(name, 0) + 1
    rest: list[Numbered] = []
    indexed: dict[int, Condition] = {}
    for number, node in rules:
        needed = anchors.get(number)
        if needed is None or any(weight[test.field] < _WORTH for test in needed):
            rest.append((number, node))
            continue
        indexed[number] = node
        for test in needed:
            tables.setdefault(test.field, _Table()).add(test, number)
    if not tables:
        return straight_program(rules, reader)

    tests = _Tests(indexed, reader)

    def confirm(numbers: tuple[int, ...], event: Any) -> list[int] | None:
        return [n for n in dict.fromkeys(numbers) if tests[n](event)] or None

    bind = _Binding()
    bind.constants.update(below=bisect_right, above=bisect_left)
    lines = ["some = ()"]
    for field, table in tables.items():
        lines += [*read_source(field, reader, bind, "value"), *_look_up_source(table, bind)]
    lines.append("found = confirm(some, e) if some else None")
    names: dict[str, Any] = {"confirm": confirm}
    if rest:
        names["rest"] = straight_program(rest, reader)
        lines += [
            "more = rest(e)",
            "if more is not None: found = more if found is None else [*found, *more]",
        ]
    return _function([*lines, "return found"], {**names, **bind.constants})


def _look_up_source(table: "_Table", bind: "_Binding") -> list[str]:
    """Statements that add to `some` what the variable `value` leads to."""
    table.finish()
    lines: list[str] = []
    if table.has_texts:
        if (whole := table.whole_texts) is not None:
            # Nothing to remember: the look-up itself is as fast, also where no text comes twice.
            one = f"{bind(whole)}.get(value.lower(), ())"
        else:
            one = f"{bind(_Remembered(table.look_up))}[value]"
        if table.has_numbers:
            one = f"{one} + {bind(table.look_up_number_text)}(value)"
        lines.append(f"if value.__class__ is str: some += {one}")
    if table.has_numbers:
        kind = "value.__class__ is float or value.__class__ is int"
        lines.append(f"{'elif' if lines else 'if'} {kind}:")
        for sizes, function, part in (
            (table.at_least, "below", "[:{}]"),
            (table.at_most, "above", "[{}:]"),
        ):
            numbers, rules = bind([n for n, _ in sizes]), bind(tuple(rule for _, rule in sizes))
            if sizes:
                lines.append(f"    some += {rules}{part.format(f'{function}({numbers}, value)')}")
        if table.has_texts:
            lines.append(f"    some += {bind(table.look_up_all)}(value)")
    return [*lines, f"elif value is not None: some += {bind(table.look_up_all)}(value)"]


def _is_indexable(test: FieldTest) -> bool:
    match test.form:
        case Equals():
            return len(test.form.texts) <= _MOST_TEXTS
        case Part():
            return len(test.form.text) >= _SHORTEST_PIECE
        case Compare():
            return test.form.operator is not CompareOperators.NEQ
        case Network():
            return True
        case _:
            return False


class _Table:
    """What the texts of one field lead to: numbers of rules."""

    def __init__(self) -> None:
        self._whole: dict[str, list[int]] = {}
        self._starts: dict[int, dict[str, list[int]]] = {}
        self._ends: dict[int, dict[str, list[int]]] = {}
        self._inside: dict[str, list[int]] = {}
        self._networks: dict[tuple[int, int], dict[int, list[int]]] = {}
        self._search: ahocorasick_rs.AhoCorasick | None = None
        self._found: list[list[int]] = []
        self.at_least: list[tuple[int | float, int]] = []
        """Numbers that a value must reach, ascending, each with its rule."""
        self.at_most: list[tuple[int | float, int]] = []
        """Numbers that a value must not pass, ascending, each with its rule."""

    def add(self, test: FieldTest, number: int) -> None:
        match test.form:
            case Equals():
                for text in test.form.texts:
                    self._whole.setdefault(text, []).append(number)
            case Part():
                piece = test.form.text.lower()
                if test.form.start and test.form.end:
                    self._whole.setdefault(piece, []).append(number)
                elif test.form.start:
                    self._starts.setdefault(len(piece), {}).setdefault(piece, []).append(number)
                elif test.form.end:
                    self._ends.setdefault(len(piece), {}).setdefault(piece, []).append(number)
                else:
                    self._inside.setdefault(piece, []).append(number)
            case Network():
                same_size = self._networks.setdefault((test.form.version, test.form.shift), {})
                same_size.setdefault(test.form.number, []).append(number)
            case Compare():
                rising = test.form.operator in (CompareOperators.GT, CompareOperators.GTE)
                sizes = self.at_least if rising else self.at_most
                sizes.append((test.form.number, number))
            case _:
                raise AssertionError(f"{test.form} can't be looked up")

    def finish(self) -> None:
        """All is added: one search for all pieces."""
        if self._inside:
            self._search = ahocorasick_rs.AhoCorasick(list(self._inside))
            self._found = list(self._inside.values())
        self.at_least.sort()
        self.at_most.sort()

    @property
    def has_texts(self) -> bool:
        return bool(self._whole or self._starts or self._ends or self._inside or self._networks)

    @property
    def has_numbers(self) -> bool:
        return bool(self.at_least or self.at_most)

    @property
    def whole_texts(self) -> dict[str, tuple[int, ...]] | None:
        """What texts lead to, in lower case, where only whole ones do."""
        if self._starts or self._ends or self._inside or self._networks:
            return None
        return {text: tuple(numbers) for text, numbers in self._whole.items()}

    def look_up(self, text: str) -> tuple[int, ...]:
        """The rules that a text of the field leads to."""
        text = text.lower()
        found = [*self._whole.get(text, ())]
        for length, table in self._starts.items():
            found += table.get(text[:length], ())
        for length, table in self._ends.items():
            found += table.get(text[-length:], ())
        if self._search is not None:
            for piece, _, _ in self._search.find_matches_as_indexes(text, overlapping=True):
                found += self._found[piece]
        if self._networks and (address := address_of(text)) is not None:
            version, number = address
            for (kind, shift), networks in self._networks.items():
                if kind == version:
                    found += networks.get(number >> shift, ())
        return tuple(dict.fromkeys(found))

    def look_up_all(self, value: Any) -> tuple[int, ...]:
        """The same for a list, or a value that is no text."""
        found: tuple[int, ...] = ()
        for one in plain_values(value):
            found += self.look_up(as_text(one))
            if self.has_numbers:
                found += self._look_up_number(as_number(one))
        return found

    def look_up_number_text(self, text: str) -> tuple[int, ...]:
        """The rules that a number leads to that stands as text."""
        return self._look_up_number(as_number(text))

    def _look_up_number(self, number: Number | None) -> tuple[int, ...]:
        if number is None:
            return ()
        first = bisect_right(self.at_least, number, key=_size)
        last = bisect_left(self.at_most, number, key=_size)
        return tuple(n for _, n in (*self.at_least[:first], *self.at_most[last:]))


def _size(entry: tuple[int | float, int]) -> int | float:
    return entry[0]


def necessary(node: Condition, suits: Callable[[FieldTest], bool]) -> list[FieldTest] | None:
    """Tests of which one holds in any event that matches; None if there are none that suit."""
    match node:
        case FieldTest():
            return [node] if suits(node) else None
        case AllOf():
            choices = [needed for part in node.parts if (needed := necessary(part, suits))]
            return min(choices, key=_cost, default=None)
        case AnyOf():
            parts = [necessary(part, suits) for part in node.parts]
            found = [test for part in parts if part for test in part]
            return found if all(parts) else None
        case _:
            return None


def _cost(tests: Sequence[FieldTest]) -> tuple[int, int]:
    """Whole texts before pieces at an end before pieces anywhere; then few before many."""
    worst, count = 0, 0
    for test in tests:
        match test.form:
            case Equals():
                count += len(test.form.texts)
            case Part():
                count += 1
                worst = max(worst, 1 if test.form.start or test.form.end else 2)
            case Network():
                count += 1
                worst = max(worst, 1)
            case Compare():
                count += 1
                worst = 3
            case _:
                pass
    return worst, count


class _Tests(dict[int, Callable[[Any], bool]]):
    """Each rule's own test, made when the first event asks for it."""

    def __init__(self, nodes: Mapping[int, Condition], reader: Reader) -> None:
        super().__init__()
        self._nodes = nodes
        self._reader = reader

    def __missing__(self, number: int) -> Callable[[Any], bool]:
        self[number] = test = straight_test(self._nodes[number], self._reader)
        return test


class _Binding:
    """Names for constants, as they are bound."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}

    def __call__(self, value: Any) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name


class _Remembered(dict[str, Any]):
    """Answers by text, remembered for the first so many texts."""

    def __init__(self, answer: Callable[[str], Any]) -> None:
        super().__init__()
        self._answer = answer

    def __missing__(self, text: str) -> Any:
        found = self._answer(text)
        if len(self) < _MOST_REMEMBERED:
            self[text] = found
        return found


def _function(lines: Sequence[str], names: dict[str, Any]) -> Program:
    source = "def program(e):\n" + "\n".join(f"    {line}" for line in lines)
    exec(compile(source, "<sigma index>", "exec"), names)  # noqa: S102
    return names["program"]
