"""A boolean condition over rules: `(mint_seen or burn_seen) and not announced`."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from detections.rules.model import Expression, Junction, Negation, Reference

_TOKEN = re.compile(r"[()]|[^\s()]+")
_WORDS = ("and", "or", "not")
_DEEPEST = 50


class ExpressionError(ValueError):
    """The text is no such condition; `start` and `end` (from 0) are where."""

    def __init__(self, message: str, start: int, end: int, hint: str | None = None) -> None:
        self.start = start
        self.end = end
        self.hint = hint
        super().__init__(message)


class Word(NamedTuple):
    """A word or bracket, and where it stands in the text."""

    text: str
    start: int
    end: int


def rule_words(text: str) -> list[Word]:
    """The words that name rules, each as often as it stands there."""
    return [word for word in words(text) if word.text not in (*_WORDS, "(", ")")]


def parse_expression(text: str, resolve: Callable[[str], str]) -> Expression:
    """The condition, with `resolve` giving a rule's id for its name. Raises ExpressionError."""
    return _Parser(text, resolve).whole()


def words(text: str) -> Iterator[Word]:
    """All words and brackets."""
    for found in _TOKEN.finditer(text):
        yield Word(found[0], *found.span())


class _Parser:
    """`not` binds more than `and`, and `and` more than `or`."""

    def __init__(self, text: str, resolve: Callable[[str], str]) -> None:
        self._words = list(words(text))
        self._length = len(text)
        self._resolve = resolve
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        found = self._alternatives()
        if self._at < len(self._words):
            word = self._words[self._at]
            hint = word.text.lower() if word.text.lower() in _WORDS else None
            raise ExpressionError("and or or is missing before this", word.start, word.end, hint)
        return found

    def _alternatives(self) -> Expression:
        parts = [self._conjunction()]
        while self._take("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Junction("or", tuple(parts))

    def _conjunction(self) -> Expression:
        parts = [self._operand()]
        while self._take("and"):
            parts.append(self._operand())
        return parts[0] if len(parts) == 1 else Junction("and", tuple(parts))

    def _operand(self) -> Expression:
        if self._at == len(self._words):
            end = self._length
            raise ExpressionError("a rule's name is missing here", max(0, end - 1), end)
        word = self._words[self._at]
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ExpressionError("this is nested too deeply", word.start, word.end)
        self._at += 1
        found: Expression
        if word.text == "not":
            found = Negation(self._operand())
        elif word.text == "(":
            found = self._alternatives()
            if not self._take(")"):
                raise ExpressionError("this bracket isn't closed", word.start, word.end)
        elif word.text == ")" or word.text in _WORDS:
            raise ExpressionError("a rule's name is missing before this", word.start, word.end)
        else:
            found = Reference(self._resolve(word.text))
        self._depth -= 1
        return found

    def _take(self, text: str) -> bool:
        if self._at < len(self._words) and self._words[self._at].text == text:
            self._at += 1
            return True
        return False
