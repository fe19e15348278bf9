"""An affiliate of the issuer who sold more than 17 CFR 230.144(e) allows in three months.

144(e)(1): what is sold for the account of an affiliate, together with all that it sold within the
preceding three months, may not exceed the greater of

1. one percent of the class outstanding, as the issuer's newest report has it; and
2. the average weekly volume of trading on national securities exchanges in the four calendar weeks
   before.

Of debt it is ten percent of the tranche (144(e)(2)): set `share`.

Assumptions:

- Affiliates have one of `affiliate_labels`. Who acts in concert counts together (144(e)(3)(vi)), by
  the cluster of the reference data.
- A sale is a transfer to another investor. Moves between own wallets, to custodians and to who is
  labelled `permitted_transferee`, forced transfers and recoveries are none; nor is what goes back
  to the issuer. Sales of donees and pledgees, which the rule adds, are not seen.
- Outstanding is all that was issued and not redeemed, without the issuer's own wallets (labels
  `issuer`, `treasury`), or `outstanding` where it is set. Where the token is older than what was
  seen and it isn't set, nothing is said.
- Volume counts on `volume_venues` only: which of them are exchanges in the sense of the rule is for
  counsel to say. Without any, the limit is one percent. Weeks go from Monday to Sunday, in UTC.
- Three months are calendar months, by days in UTC.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import percent
from detections.cap_table.calendar import after, day_of
from detections.cap_table.early import WHOLE_HISTORY
from detections.cap_table.evidence import name_of, names, sender, tokens, trace, unit_of
from detections.cap_table.movements import AFFILIATE_LABELS, has, movement
from detections.cap_table.register import Register, forget, record, register_of
from detections.cap_table.scope import Scope
from detections.correlators.base import Correlator, correlator
from detections.engine.correlator_state import Whole
from detections.float_sum import float_sum
from detections.idlest import drop_idlest
from normalizer.events.chain import PoolSwap, TokenTransfer
from normalizer.events.market import Trade
from pipeline.units import DAY, Ratio

_MOST_AFFILIATES = 10_000
_MOST_SALES = 1_000
_WEEKS = 4
#: 1970 began on a Thursday.
_MONDAY = 3


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on affiliates' sales sets."""

    #: Part of what is outstanding.
    share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.01
    #: Months in which sales count together.
    months: Annotated[int, Meta(ge=1, le=24)] = 3
    #: Whole tokens that are outstanding, by the issuer's newest report. Without it: as issued.
    outstanding: Annotated[float, Meta(gt=0)] | None = None
    #: Venues whose trades count as reported volume.
    volume_venues: tuple[str, ...] = ()
    #: Who has one of these labels is an affiliate.
    affiliate_labels: tuple[str, ...] = AFFILIATE_LABELS
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()


class Sale(Struct, array_like=True, gc=False):
    """A sale, in the token's smallest unit."""

    timestamp: int
    amount: Whole
    seen: Witness


class Affiliate(Struct):
    """What an affiliate sold within the window."""

    sales: list[Sale] = field(default_factory=list[Sale])
    told: Whole = Whole(0)
    """How much it was when it was told."""


class State(Struct):
    """Registers and weekly volumes by token, affiliates by token and name."""

    registers: dict[str, Register] = field(default_factory=dict[str, Register])
    volumes: dict[str, dict[int, float]] = field(default_factory=dict[str, dict[int, float]])
    affiliates: dict[tuple[str, str], Affiliate] = field(
        default_factory=dict[tuple[str, str], Affiliate]
    )


@correlator("rule_144_volume")
class Rule144Volume(Correlator[State]):
    """See the module. It tells when the limit is passed, and again whenever the sum has doubled.
    Memory: 1,000 tokens with 200,000 wallets, and 10,000 affiliates with 1,000 sales each."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    typology = "offering_rules"

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._scope = Scope(parameters.classifications, parameters.tokens)
        self._affiliate = frozenset(parameters.affiliate_labels)
        self._venues = frozenset(parameters.volume_venues)
        traded = {"trade", "pool-swap"} if self._venues else set[str]()
        self.actions = frozenset({"token-transfer", *traded})

    @property
    def horizon(self) -> int:
        """What is outstanding may have been issued at any time."""
        return WHOLE_HISTORY

    def observe(self, event: TokenTransfer | Trade | PoolSwap) -> Iterable[Finding]:
        """Take a transfer, or a trade of a venue that counts."""
        if not self._scope.covers(event):
            return ()
        if not isinstance(event, TokenTransfer):
            self._traded(event)
            return ()
        register = register_of(self.state.registers, event)
        touched = record(register, event, by_cluster=False, exempt=frozenset())
        for name in touched:
            forget(register, name)
        if not has(event.source_labels, self._affiliate) or movement(event) != "sale":
            return ()
        who = event.source_cluster or event.source_investor or event.source_address
        key = (event.token_id or event.contract or event.token_address or "", who)
        affiliates = self.state.affiliates
        affiliate = affiliates.pop(key, None) or Affiliate()
        affiliates[key] = affiliate
        if len(affiliates) > _MOST_AFFILIATES:
            drop_idlest(affiliates, _MOST_AFFILIATES)
        now = event.timestamp
        since = after(now, -self._p.months)
        affiliate.sales.append(Sale(now, Whole(int(event.amount_raw)), trace(event)))
        affiliate.sales = [one for one in affiliate.sales[-_MOST_SALES:] if one.timestamp >= since]
        return self._judged(event, register, affiliate, key)

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: the week's volume, without it."""
        week = self.state.volumes.get(was.token_id or "", {})
        if was.venue in self._venues and self._scope.covers(was) and _week(was.timestamp) in week:
            more = (0.0 if now is None else now.quantity) - was.quantity
            week[_week(was.timestamp)] = max(0.0, week[_week(was.timestamp)] + more)

    def _judged(
        self, event: TokenTransfer, register: Register, affiliate: Affiliate, key: tuple[str, str]
    ) -> Iterable[Finding]:
        p = self._p
        unit = unit_of(event)
        if p.outstanding:
            outstanding = int(p.outstanding * unit)
        elif register.whole and not register.refused:
            outstanding = register.outstanding
        else:
            return ()
        weekly = self._weekly(key[0], event.timestamp)
        part = outstanding * p.share
        limit = max(part, weekly * unit)
        sold = sum(one.amount for one in affiliate.sales)
        if sold <= limit:
            affiliate.told = Whole(0)
            return ()
        if sold < 2 * affiliate.told:
            return ()
        affiliate.told = Whole(sold)
        which = (
            f"the greater of {percent(p.share)} of {tokens(outstanding, unit)} outstanding and the "
            f"weekly volume of {tokens(int(weekly * unit), unit)}"
            if weekly
            else f"{percent(p.share)} of {tokens(outstanding, unit)} outstanding"
        )
        first = affiliate.sales[0].timestamp
        seen = [one.seen for one in affiliate.sales[:-1]]
        return [
            Finding(
                entities=names(event.source_address, event.source_investor, event.source_cluster),
                reason=(
                    f"{sender(event)}, an affiliate of the issuer, sold {tokens(sold, unit)} "
                    f"{name_of(event)} in {len(affiliate.sales)} transfers from {day_of(first)} to "
                    f"{day_of(event.timestamp)}: Rule 144(e) allows {tokens(int(limit), unit)} "
                    f"within {p.months} months, {which}"
                ),
                witnesses=(*seen, witness(event)),
                metrics={
                    "sold": sold / unit,
                    "allowed": limit / unit,
                    "outstanding": outstanding / unit,
                    "weekly_volume": weekly,
                },
            )
        ]

    def _traded(self, event: Trade | PoolSwap) -> None:
        token = event.token_id
        if event.venue not in self._venues or token is None or not event.quantity:
            return
        volumes = self.state.volumes.setdefault(token, {})
        week = _week(event.timestamp)
        volumes[week] = volumes.get(week, 0.0) + event.quantity
        for old in [one for one in volumes if one < week - _WEEKS]:
            del volumes[old]

    def _weekly(self, token: str, now: int) -> float:
        """The average weekly volume of the four weeks before this one, in whole tokens."""
        volumes = self.state.volumes.get(token)
        if not volumes:
            return 0.0
        week = _week(now)
        return float_sum(volumes.get(week - back, 0.0) for back in range(1, _WEEKS + 1)) / _WEEKS


def _week(moment: int) -> int:
    return (moment // DAY + _MONDAY) // 7
