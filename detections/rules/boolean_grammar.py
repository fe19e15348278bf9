"""Names joined by `and`, `or`, `not` and brackets: what conditions have in common.

`not` binds more than `and`, and `and` more than `or`, as in pySigma.
"""

import re
from abc import ABC, abstractmethod
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

WORDS = ("and", "or", "not")
_TOKEN = re.compile(r"[()|]|[^\s()|]+")
_OTHER_WORDS = {"&&": "and", "&": "and", "||": "or", "!": "not", "+": "and", ",": "and"}
_DEEPEST = 50


class ConditionError(ValueError):
    """The text is no condition; `start` and `end` (from 0) are where."""

    def __init__(
        self,
        message: str,
        start: int,
        end: int,
        *,
        hint: str | None = None,
        expected: str | None = None,
        advice: str | None = None,
    ) -> None:
        self.start = start
        self.end = end
        self.hint = hint
        self.expected = expected
        self.advice = advice
        super().__init__(message)


class Word(NamedTuple):
    """A word or sign, and where it stands in the text."""

    text: str
    start: int
    end: int


def is_joining(text: str) -> bool:
    """Whether a word joins others, here or in another language, and so is no name."""
    return text.lower() in WORDS or text in _OTHER_WORDS


def words(text: str) -> list[Word]:
    """All words, brackets and bars."""
    return [Word(found[0], *found.span()) for found in _TOKEN.finditer(text)]


class Parser(ABC, Generic[T]):
    """Reads a condition. What its parts are made into, and what a name is, say others."""

    def __init__(self, text: str, noun: str) -> None:
        """`noun` is what a name calls, such as a selection."""
        self._words = words(text)
        self._length = len(text)
        self._noun = noun
        self._at = 0
        self._depth = 0

    @abstractmethod
    def either(self, parts: list[T]) -> T:
        """Two or more of which one must hold."""

    @abstractmethod
    def both(self, parts: list[T]) -> T:
        """Two or more that must all hold."""

    @abstractmethod
    def negated(self, part: T) -> T:
        """What must not hold."""

    @abstractmethod
    def named(self, word: Word) -> T:
        """What begins with this word, behind which it stands."""

    def whole(self) -> T:
        """All of the text. Raises ConditionError."""
        found = self._alternatives()
        if (word := self.following()) is None:
            return found
        if word.text == "|":
            twice = self._at + 1 < len(self._words) and self._words[self._at + 1].text == "|"
            raise ConditionError(
                "counting with | belonged to an old form of Sigma",
                word.start,
                word.end,
                hint="or" if twice else None,
                advice=None if twice else "a correlation counts within a timespan",
            )
        if word.text == ")":
            raise ConditionError("this bracket was never opened", word.start, word.end)
        lower = word.text.lower()
        meant = lower if lower in WORDS and lower != word.text else None
        raise ConditionError(
            '"and" or "or" is missing before this',
            word.start,
            word.end,
            hint=meant or _OTHER_WORDS.get(word.text),
        )

    def following(self) -> Word | None:
        """The next word."""
        return self._words[self._at] if self._at < len(self._words) else None

    def take(self, text: str = "") -> bool:
        """Go on behind the next word, if it is this one, or if there is any."""
        word = self.following()
        if word is None or text not in ("", word.text):
            return False
        self._at += 1
        return True

    def _alternatives(self) -> T:
        parts = [self._conjunction()]
        while self.take("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else self.either(parts)

    def _conjunction(self) -> T:
        parts = [self._operand()]
        while self.take("and"):
            parts.append(self._operand())
        return parts[0] if len(parts) == 1 else self.both(parts)

    def _operand(self) -> T:
        word = self.following()
        if word is None:
            end = self._length
            raise ConditionError(f"{self._noun} is missing here", max(0, end - 1), end)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ConditionError("this is nested too deeply", word.start, word.end)
        self._at += 1
        if word.text == "not":
            found = self.negated(self._operand())
        elif word.text == "(":
            found = self._alternatives()
            if not self.take(")"):
                raise ConditionError("this bracket isn't closed", word.start, word.end)
        elif word.text in (")", "|", *WORDS):
            raise ConditionError(f"{self._noun} is missing before this", word.start, word.end)
        else:
            found = self.named(word)
        self._depth -= 1
        return found
