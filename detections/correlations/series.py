"""Series: a condition that stays true alerts at its begin and at each doubling, not at each event.

A series begins when a group's condition becomes true. It ends when the condition is false at an
event, or when nothing came for a timespan.
"""

import msgspec


class Series(msgspec.Struct, array_like=True):
    """A run of events over which a group's condition was true."""

    first: int
    """Time of its first event."""
    last: int
    """Time of its last event."""
    count: int
    """Its events, whether they are still kept or not."""
    due: int
    """How many events it must have for its next alert."""
    alerts: int = 0
    """Alerts so far."""
    touched: int = 0
    """The time that was reached when it last got an event."""
    lost: int = 0
    """Of windows that close: the events that had to be let go."""

    def alert(self) -> bool:
        """Whether an alert is due; it is counted."""
        if self.count < self.due:
            return False
        self.alerts += 1
        self.due = 2 * self.count
        return True
