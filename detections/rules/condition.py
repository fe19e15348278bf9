"""The `condition` of a detection: `selection and not 1 of filter_*`, as pySigma's tree.

The grammar is pySigma's. It is read here, so that a mistake is known by its place, and because a
general parser takes more time for a rule's condition than all the rest of it together.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, cast

from sigma.conditions import (
    ConditionAND,
    ConditionIdentifier,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionSelector,
)

from detections.rules.boolean_grammar import ConditionError, Parser, Word
from pipeline.problems import did_you_mean, one_of, shown

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PATTERN = re.compile(r"[A-Za-z0-9_*-]+")
_QUANTIFIERS = ("1", "any", "all")
_MOST_WILDCARDS = 8
LONGEST = 10_000


class Parsed(NamedTuple):
    """A condition before its selections are put in."""

    tree: ConditionItem | None
    """None where there are errors."""
    used: frozenset[str]
    """The selections that it names."""
    errors: tuple[ConditionError, ...]


def parse_condition(text: str, names: Collection[str]) -> Parsed:
    """The condition over selections of these names; it raises nothing."""
    if len(text) > LONGEST:
        error = ConditionError("this condition is too long", LONGEST, LONGEST + 1)
        return Parsed(None, frozenset(), (error,))
    parser = _Parser(text, names)
    try:
        tree = parser.whole()
    except ConditionError as error:
        parser.errors.append(error)
        tree = None
    return Parsed(None if parser.errors else tree, frozenset(parser.used), tuple(parser.errors))


def asked_for(tree: ConditionItem, names: Collection[str]) -> set[str]:
    """The selections among these that a condition wants to hold, and not to leave out."""
    return {name for name, wanted in _wanted(tree, names, True) if wanted}


def _wanted(item: object, names: Collection[str], wanted: bool) -> Iterator[tuple[str, bool]]:
    match item:
        case ConditionNOT():
            yield from _wanted(item.args[0], names, not wanted)
        case ConditionAND() | ConditionOR():
            for part in item.args:
                yield from _wanted(part, names, wanted)
        case ConditionIdentifier():
            yield str(item.args[0]), wanted
        case ConditionSelector():
            for name in _matching(str(item.args[1]), names):
                yield name, wanted
        case _:
            pass


class _Parser(Parser[ConditionItem]):
    """Selections by their names, and `1 of filter_*`."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        super().__init__(text, "a selection")
        self.used: set[str] = set()
        self.errors: list[ConditionError] = []
        """Names that aren't there; after anything else it can't go on."""
        self._names = names

    def either(self, parts: list[ConditionItem]) -> ConditionItem:
        return ConditionOR(cast("Any", parts))

    def both(self, parts: list[ConditionItem]) -> ConditionItem:
        return ConditionAND(cast("Any", parts))

    def negated(self, part: ConditionItem) -> ConditionItem:
        return ConditionNOT([part])

    def named(self, word: Word) -> ConditionItem:
        return self._selector(word) if self.take("of") else self._identifier(word)

    def _identifier(self, word: Word) -> ConditionItem:
        name = word.text
        if name not in self._names:
            if name.endswith(",") and name[:-1] in self._names:
                end = word.end
                raise ConditionError("a comma can't stand in a condition", end - 1, end, hint="and")
            if name.lower() == "not" or name == "!":
                said = f"no selection is called {shown(name)}"
                raise ConditionError(said, word.start, word.end, hint="not")
            hint = did_you_mean(name, self._names)
            if name.startswith("!") and name[1:] in self._names:
                hint = f"not {name[1:]}"
            if "*" in name and not _NAME.fullmatch(name):
                hint = f"1 of {name}"
            self._missing(f"no selection is called {shown(name)}", word, hint)
        self.used.add(name)
        return ConditionIdentifier(cast("Any", [name]))

    def _selector(self, quantifier: Word) -> ConditionItem:
        if quantifier.text not in _QUANTIFIERS:
            raise ConditionError(
                f"{shown(quantifier.text)} of can't be said",
                quantifier.start,
                quantifier.end,
                expected="1 of, any of or all of",
                hint=did_you_mean(quantifier.text, _QUANTIFIERS),
            )
        word = self.following()
        if word is None or not _PATTERN.fullmatch(word.text):
            start, end = (word.start, word.end) if word else (quantifier.start, self._length)
            raise ConditionError(
                "what these are of is missing",
                start,
                end,
                expected="them, or names such as filter_*",
            )
        self.take()
        pattern = re.sub(r"\*+", "*", word.text)
        if pattern.count("*") > _MOST_WILDCARDS:
            raise ConditionError("there are too many * in this", word.start, word.end)
        found = set(_matching(pattern, self._names))
        if not found:
            hint = self._pattern_meant(pattern)
            self._missing(f"no selection matches {shown(pattern)}", word, hint)
        self.used |= found
        return ConditionSelector(cast("Any", [quantifier.text, pattern]))

    def _pattern_meant(self, pattern: str) -> str | None:
        plain = pattern.strip("*_")
        if "*" not in pattern:
            return did_you_mean(plain, ["them", *self._names])
        # Also the beginnings of names: `fitler_*` among filter_a and filter_b.
        begun = {f"{name.split('_')[0]}_*" for name in self._names if "_" in name[1:]}
        meant = did_you_mean(plain, [one[:-2] for one in begun])
        return f"{meant}_*" if meant else did_you_mean(plain, self._names)

    def _missing(self, message: str, word: Word, hint: str | None) -> None:
        expected = one_of(sorted(self._names)) if self._names else None
        self.errors.append(
            ConditionError(message, word.start, word.end, hint=hint, expected=expected)
        )


def _matching(pattern: str, names: Collection[str]) -> Iterator[str]:
    """As pySigma's selector: names with a leading _ only for a pattern that has one."""
    expression = re.compile(".*" if pattern == "them" else re.escape(pattern).replace(r"\*", ".*"))
    for name in names:
        hidden = name.startswith("_") and not pattern.startswith("_")
        if not hidden and expression.fullmatch(name):
            yield name
