"""Which tokens a rule on an offering is about."""

from normalizer.events.base import AssetEvent


class Scope:
    """Tokens by classification (or how it begins) and by id. Nothing named: every token."""

    def __init__(self, classifications: tuple[str, ...], tokens: tuple[str, ...]) -> None:
        self._beginnings = classifications
        self._tokens = frozenset(tokens)
        self._all = not classifications and not tokens

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scope) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def covers(self, event: AssetEvent) -> bool:
        """Whether the event is about one of the tokens."""
        if self._all:
            return True
        found = event.token_classification
        if found is not None and self._beginnings and found.startswith(self._beginnings):
            return not self._tokens or event.token_id in self._tokens
        return not self._beginnings and event.token_id in self._tokens
