"""What a replay is of: messages of EVENTS by number, or alerts by event time."""

from msgspec import Struct


class Span(Struct, frozen=True, kw_only=True):
    """Messages `first` to `last`, both included; or event times `since` to before `until`.

    One that isn't said is open. Either numbers or times are said, not both.
    """

    first: int | None = None
    last: int | None = None
    since: int | None = None
    until: int | None = None

    @property
    def by_time(self) -> bool:
        """Whether event times say what belongs to it."""
        return self.since is not None or self.until is not None

    def covers(self, first: int, last: int) -> bool | None:
        """Whether these messages are of it: all of them, none, or (None) not all."""
        if self.by_time:
            return True
        begin, end = self.first or 1, self.last
        if last < begin or (end is not None and first > end):
            return False
        return True if first >= begin and (end is None or last <= end) else None

    def may_hold(self, timestamp: int, inside: bool | None) -> bool:
        """Whether an alert of this time belongs to it, or may, if its message's answer is this."""
        if not self.by_time:
            return inside is not False
        return self.holds(timestamp, 0)

    def holds(self, timestamp: int, sequence: int) -> bool:
        """Whether an alert of this time, which this message caused, belongs to it."""
        if self.by_time:
            return (self.since is None or timestamp >= self.since) and (
                self.until is None or timestamp < self.until
            )
        return (self.first or 1) <= sequence and (self.last is None or sequence <= self.last)
