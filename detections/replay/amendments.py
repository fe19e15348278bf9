"""What became of alerts by busts and corrections of trades: of a replay, and live."""

from collections.abc import Collection, Mapping

import msgspec

from normalizer.events import AlertUpdate

_encode = msgspec.json.Encoder().encode


class Amended(msgspec.Struct, frozen=True):
    """Amendments of alerts that both sides gave."""

    same: int = 0
    """Byte by byte."""
    differing: int = 0
    """One side hasn't them, or has them otherwise."""
    unread: int = 0
    """Of busts that the live detections haven't read yet."""


class Amendments:
    """Those of a replay, to be held against the live ones."""

    def __init__(self) -> None:
        self._told: dict[str, AlertUpdate] = {}
        self._unread: set[str] = set()
        self._of_others: set[str] = set()

    def tell(self, update: AlertUpdate, *, inside: bool, read: bool) -> None:
        """The replay gave one. `inside`: it is of the span; `read`: the live run came so far."""
        if not inside:
            self._of_others.add(update.id)
            return
        self._told[update.id] = update
        if not read:
            self._unread.add(update.id)

    def compare(
        self, live: Mapping[str, tuple[str, bytes]], both: Collection[str], doubtful: set[str]
    ) -> Amended:
        """Hold them against the live ones: by the update's id, the alert that it is about and its
        bytes on the bus. `both`: the alerts that both sides gave. What is `doubtful` is of the span
        if the replay says so."""
        known = {
            key: line
            for key, (about, line) in live.items()
            if about in both and not (key in doubtful and key in self._of_others)
        }
        same = differing = unread = 0
        for key, update in self._told.items():
            if update.alert_id not in both:
                continue
            line = known.pop(key, None)
            if line == _encode(update):
                same += 1
            elif line is None and key in self._unread:
                unread += 1
            else:
                differing += 1
        return Amended(same, differing + len(known), unread)
