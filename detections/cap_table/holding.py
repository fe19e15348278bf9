"""What correlators on tokens that leave before their time have in common: lots, and who alerts."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

from msgspec import Struct, field

from detections.alerting.findings import Finding
from detections.cap_table.early import WHOLE_HISTORY, early_finding, longest
from detections.cap_table.lot_book import LotBook, Moved, book_of, move
from detections.cap_table.lots import Lot
from detections.cap_table.movements import TERMS, Terms
from detections.cap_table.scope import Scope
from detections.cap_table.series import Series
from detections.correlators.base import Correlator
from normalizer.events.chain import TokenTransfer


class HoldingParameters(Protocol):
    """What all rules on a period of holding set."""

    @property
    def months(self) -> int: ...

    @property
    def classifications(self) -> tuple[str, ...]: ...

    @property
    def tokens(self) -> tuple[str, ...]: ...


class HoldingState(Struct):
    """Lots by token and wallet, and who passed on early."""

    books: dict[str, LotBook] = field(default_factory=dict[str, LotBook])
    series: dict[str, Series] = field(default_factory=dict[str, Series])


class HoldingPeriod(Correlator[HoldingState]):
    """Lots of every holder, and one alert for a holder's first that left before its time, with
    others whenever their number has doubled."""

    partition_by = "asset"
    state_type = HoldingState
    typology = "offering_rules"
    actions = frozenset({"token-transfer"})
    begun: ClassVar[Callable[[Lot], int]]
    """When the period of a lot began."""
    words: ClassVar[str]
    """What began then, such as "issued on"."""

    def __init__(
        self, parameters: HoldingParameters, terms: Terms = TERMS, *, days: int = 0
    ) -> None:
        super().__init__(parameters)
        self._scope = Scope(parameters.classifications, parameters.tokens)
        self._terms = terms
        self._longest = longest(0 if days else parameters.months, days)

    @property
    def horizon(self) -> int:
        """A lot may be of any age."""
        return WHOLE_HISTORY

    def _sold(self, event: TokenTransfer) -> Moved | None:
        """The lots that a transfer took from one owner to another; None where it didn't."""
        if not self._scope.covers(event):
            return None
        book = book_of(self.state.books, event)
        moved = move(book, event, event.timestamp - self._longest, self._terms)
        return moved if moved.kind == "sale" else None

    def _told(
        self,
        event: TokenTransfer,
        moved: Moved,
        early: Sequence[tuple[Lot, int]],
        words: str | None = None,
    ) -> list[Finding]:
        """The alert on lots that left before their time, if there are any and it is due."""
        if not early:
            return []
        return early_finding(
            event,
            moved,
            early,
            self.state.series,
            rest=self._longest,
            words=words or self.words,
            begun=type(self).begun,
        )
