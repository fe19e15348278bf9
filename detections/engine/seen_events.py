"""Which events were taken lately: one that comes again counts once."""

from collections.abc import Iterable

#: Event ids that are remembered, at least; at most twice as many.
REMEMBERED_EVENTS = 100_000


class SeenEvents:
    """Remembers at least the last `remembered` events by their ids, and at most twice as many.

    Two generations: forgetting the older one whole costs nothing per event.
    """

    def __init__(self, remembered: int) -> None:
        self.repeated = 0
        """Events that came again."""
        self._remembered = remembered
        # Dicts for their order: the same state must give the same bytes.
        self._young: dict[str, None] = {}
        self._old: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def again(self, event_id: str) -> bool:
        """Whether the event was taken before; it is remembered now."""
        if event_id in self._young or event_id in self._old:
            self.repeated += 1
            return True
        self._young[event_id] = None
        if len(self._young) >= self._remembered:
            self._old, self._young = self._young, {}
        return False

    @property
    def generations(self) -> tuple[list[str], list[str]]:
        """The younger ids and the older ones, each in the order in which they came."""
        return list(self._young), list(self._old)

    def restore(self, young: Iterable[str], old: Iterable[str]) -> None:
        """Take what `generations` were."""
        self._young, self._old = dict.fromkeys(young), dict.fromkeys(old)
