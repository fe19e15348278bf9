"""Which names of labels stand in any event: of the others no alert can be found.

Looked for in the events' lines, where a name is a text of its own between quotes: to decode them
for it would take as long as the rules do.
"""

from collections.abc import Iterable, Iterator

from detections.backtest.labels import Label


class Mentions:
    """Looks at lines of events as they pass."""

    def __init__(self, labels: Iterable[Label]) -> None:
        self._unseen = {name.lower().encode() for one in labels for name in _names(one)}

    def through(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The same lines."""
        unseen = self._unseen
        for line in lines:
            if unseen:
                unseen.difference_update(line.lower().split(b'"'))
            yield line

    def has(self, label: Label) -> bool:
        """Whether an event has one of the label's names; also of a label that has none."""
        names = _names(label)
        return not names or any(name.lower().encode() not in self._unseen for name in names)


def _names(label: Label) -> frozenset[str]:
    """An alert belongs to a label by its events, where it has some, else by its entities."""
    return label.events or label.entities
