"""Restricted securities resold before their holding period is over (17 CFR 230.144(d)).

Rule 144(d)(1): at least six months (issuers that report to the SEC) or one year (all others) must
lie between any resale and the later of the acquisition from the issuer, or from an affiliate of it.
Set `months` to 6 or 12. Of one that resells its lots leave first in, first out; the alert names
each that is too young, when it was got and when it is free.

Assumptions:

- A period begins when tokens are issued, handed out by the issuer's own wallets (labels `issuer`,
  `treasury`), or sold by an affiliate (`affiliate_labels`). Who buys from anybody else goes on with
  the seller's period: it runs from the issuer or affiliate, not from each holder.
- Holding periods go over (tacking) between wallets of one investor, by forced transfers and
  recoveries, to who is labelled `permitted_transferee` (gifts, trusts, estates: 144(d)(3)(v) to
  (vii)), and to and from a `custodian`. Pledges and conversions are not seen.
- A period of months is over on the day of the same number, in UTC.
- The log has no papers: a resale may rest on another exemption (Section 4(a)(7), Rule 144A,
  Regulation S). `exempt_accreditations` leaves out receivers who may buy restricted securities.
- Of tokens that were held before what was seen the time is unknown, which is no breach.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Annotated

from msgspec import Meta, Struct

from detections.alerting.findings import Finding
from detections.cap_table.early import too_early
from detections.cap_table.holding import HoldingPeriod
from detections.cap_table.movements import AFFILIATE_LABELS, Terms
from detections.correlators.base import correlator
from normalizer.events.chain import TokenTransfer


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on the holding period of restricted securities sets."""

    #: Months that must have passed: 6 where the issuer reports to the SEC, else 12.
    months: Annotated[int, Meta(ge=1, le=120)] = 6
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()
    #: A sale by who has one of these labels begins a new period.
    affiliate_labels: tuple[str, ...] = AFFILIATE_LABELS
    #: Receivers of whose accreditation nothing is said: they may buy restricted securities.
    exempt_accreditations: tuple[str, ...] = ()
    #: Receivers with one of these labels are left out.
    exempt_labels: tuple[str, ...] = ()


@correlator("rule_144_holding")
class Rule144Holding(HoldingPeriod):
    """See the module. One alert for a holder's first early resale, and others whenever their number
    has doubled. Memory: per token 100,000 wallets with 256 lots each; of older ones the time is
    forgotten, to the holder's advantage."""

    parameters_type = Parameters
    begun = attrgetter("since")
    words = "got from the issuer or an affiliate on"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters, Terms(affiliate=frozenset(parameters.affiliate_labels)))
        self._p = parameters
        self._exempt = frozenset(parameters.exempt_labels)

    def observe(self, event: TokenTransfer) -> Iterable[Finding]:
        """Take a transfer."""
        moved = self._sold(event)
        if (
            moved is None
            or event.destination_accreditation in self._p.exempt_accreditations
            or not self._exempt.isdisjoint(event.destination_labels)
        ):
            return ()
        early = too_early(moved, event.timestamp, self._p.months, type(self).begun)
        return self._told(event, moved, early)
