"""The ids that a sink took lately, in bounded memory."""

from collections.abc import Callable, Iterable


class RecentIds:
    """Remembers at least the last `least` ids that were added, and at most twice as many.

    Two generations: when the younger is full it becomes the older, whose ids are forgotten.
    """

    def __init__(self, least: int) -> None:
        self._least = least
        self._younger: set[str] = set()
        self._older: set[str] = set()

    def __contains__(self, document_id: str) -> bool:
        return document_id in self._younger or document_id in self._older

    def __len__(self) -> int:
        return len(self._younger | self._older)

    def add(self, document_ids: Iterable[str]) -> None:
        """Remember them. Ids that are added together are never forgotten before earlier ones."""
        self._younger.update(document_ids)
        if len(self._younger) >= self._least:
            self._older, self._younger = self._younger, set()

    def forget(self, which: Callable[[str], bool]) -> None:
        """Forget those for which it is true. Looks at all."""
        self._younger = {one for one in self._younger if not which(one)}
        self._older = {one for one in self._older if not which(one)}

    def clear(self) -> None:
        """Forget all."""
        self._younger, self._older = set(), set()
