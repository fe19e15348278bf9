"""Crowdfunding securities passed on within a year of their issue (Regulation Crowdfunding).

17 CFR 227.501(a): securities issued under Regulation Crowdfunding may not be transferred by any
purchaser during one year beginning when they were issued, unless to

1. the issuer (labels `issuer`, `treasury`);
2. an accredited investor (`permitted_accreditations`);
3. a registered offering, which a chain doesn't show: write an exception;
4. family of the purchaser, a trust for it, or by death, divorce or the like: who gets it so has the
   label `permitted_transferee` in the reference data, and is bound until the year is over.

Assumptions: the year runs from the issue, not from who got it when, so each later holder is bound
as well. It is over on the same day of the next year, in UTC. Lots leave first in, first out. Moves
between wallets of one investor, forced transfers, recoveries and custodians transfer nothing. The
accreditation is what the reference data had at the transfer; the rule asks for a reasonable belief.
Of tokens held before what was seen the time is unknown, which is no breach.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Annotated

from msgspec import Meta, Struct

from detections.alerting.findings import Finding
from detections.cap_table.early import too_early
from detections.cap_table.holding import HoldingPeriod
from detections.correlators.base import correlator
from normalizer.events.chain import TokenTransfer


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on the resale of crowdfunding securities sets."""

    #: Months from the issue on.
    months: Annotated[int, Meta(ge=1, le=120)] = 12
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()
    #: Who has one of these accreditations may get it at any time.
    permitted_accreditations: tuple[str, ...] = ("accredited", "qualified")
    #: Receivers with one of these labels are left out.
    exempt_labels: tuple[str, ...] = ()


@correlator("reg_cf_resale")
class RegCFResale(HoldingPeriod):
    """See the module. One alert for a holder's first, and others whenever their number has doubled.
    Memory: per token 100,000 wallets with 256 lots each."""

    parameters_type = Parameters
    begun = attrgetter("issued")
    words = "issued on"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    def observe(self, event: TokenTransfer) -> Iterable[Finding]:
        """Take a transfer."""
        moved = self._sold(event)
        if (
            moved is None
            or event.destination_accreditation in self._p.permitted_accreditations
            or not self._exempt.isdisjoint(event.destination_labels)
        ):
            return ()
        early = too_early(moved, event.timestamp, self._p.months, type(self).begun)
        return self._told(event, moved, early)
