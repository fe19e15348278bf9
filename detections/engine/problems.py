"""What failed in an engine: rules that couldn't deal with an event."""

from detections.rules.model import Rule

_MOST_PROBLEMS = 1_000


class Problems:
    """Counts all, and keeps at most 1,000 for the next that asks."""

    def __init__(self) -> None:
        self.count = 0
        """All that there ever were."""
        self._kept: list[str] = []

    def fail(self, rule: Rule, event_id: str, error: Exception) -> None:
        """A rule failed on an event."""
        self.note(f"rule {rule.id} ({rule.title}) failed on event {event_id}", error)

    def note(self, what: str, error: Exception) -> None:
        """Something failed; `what` says who on which event."""
        self.count += 1
        if len(self._kept) < _MOST_PROBLEMS:
            self._kept.append(f"{what}: {type(error).__name__}: {error}")

    def take(self) -> list[str]:
        """What is kept, which is forgotten then."""
        kept, self._kept = self._kept, []
        return kept

    def carry_over(self, before: "Problems") -> None:
        """Go on counting where another one is, which is of no use any more."""
        self.count = before.count
        self._kept += before.take()
