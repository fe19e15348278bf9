"""Tokens that left a holder who is locked up: until a date, or for some time after the issue.

A lock-up is a contract, not a law: between issuer and founders, employees or early investors,
mostly 180 days after an offering (FINRA Rule 5110(e) makes underwriters keep one of 180 days; token
sales have theirs in the terms). Set who is bound by `labels` (none: every holder), and either

- `until`: nothing may leave before this day (UTC); or
- `days`, or `months`: what was issued less than so long before may not leave. 180 days are a
  few less than six months. Lots leave first in, first out, and who buys a locked lot is bound by it
  as well, if a label or no label says so.

Assumptions: moves between wallets of one investor, forced transfers, recoveries, and what goes to
or from a custodian, or to who is labelled `permitted_transferee`, change nothing. The lot stays
locked there, if a label or no label says so. Giving back to the issuer is free. Of tokens held
before what was seen the time of issue is unknown, which is no breach; with `until` it doesn't
matter.
"""

import datetime
from collections.abc import Iterable
from operator import attrgetter
from typing import Annotated

from msgspec import Meta, Struct

from detections.alerting.findings import Finding
from detections.cap_table.calendar import start_of
from detections.cap_table.early import too_early
from detections.cap_table.holding import HoldingPeriod
from detections.cap_table.lot_book import Moved
from detections.cap_table.lots import FREE, Lot
from detections.correlators.base import correlator
from normalizer.events.chain import TokenTransfer


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on a lock-up sets."""

    #: Holders with one of these labels are bound; none means all.
    labels: tuple[str, ...] = ()
    #: Months from the issue on. Left aside where there are `days`, or there is an `until`.
    months: Annotated[int, Meta(ge=1, le=240)] = 6
    #: Days from the issue on, in the place of months; 0 for none.
    days: Annotated[int, Meta(ge=0, le=7_320)] = 0
    #: The first day on which tokens may leave.
    until: datetime.date | None = None
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()


@correlator("lock_up")
class LockUp(HoldingPeriod):
    """See the module. One alert for a holder's first, and others whenever their number has doubled.
    Memory: per token 100,000 wallets with 256 lots each."""

    parameters_type = Parameters
    begun = attrgetter("issued")
    words = "issued on"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters, days=parameters.days)
        self._p = parameters
        self._labels = frozenset(parameters.labels)
        self._until = None if parameters.until is None else start_of(parameters.until)

    def observe(self, event: TokenTransfer) -> Iterable[Finding]:
        """Take a transfer."""
        moved = self._sold(event)
        if moved is None or (self._labels and self._labels.isdisjoint(event.source_labels)):
            return ()
        now, until = event.timestamp, self._until
        if until is None:
            months = 0 if self._p.days else self._p.months
            early = too_early(moved, now, months, type(self).begun, self._p.days)
            return self._told(event, moved, early)
        if now >= until:
            return ()
        dated = [(_dated(lot, now), until) for lot in moved.lots]
        # When they came doesn't matter.
        held = Moved("sale", tuple(lot for lot, _ in dated))
        return self._told(event, held, dated, words="held on")


def _dated(lot: Lot, now: int) -> Lot:
    """The lot with a time, where it has none: it was there now at the latest."""
    issued = now if lot.issued <= FREE else lot.issued
    return Lot(lot.acquired, lot.since, issued, lot.amount, lot.origin)
