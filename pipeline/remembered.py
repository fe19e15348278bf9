"""Answers that are asked for again and again, remembered within a bound."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class Remembered(dict[Key, Answer], Generic[Key, Answer]):
    """Answers by what was asked: at most `most`; when there are so many, all are made anew.

    Rather than `lru_cache`: to look up what is known is a dictionary's own `[...]`, no call.
    """

    def __init__(self, answer: Callable[[Key], Answer], most: int) -> None:
        super().__init__()
        self._answer = answer
        self._most = most

    def __missing__(self, key: Key) -> Answer:
        found = self._answer(key)
        if len(self) >= self._most:
            self.clear()
        self[key] = found
        return found
