"""Tokens of an offshore offering that went to US persons too early (Regulation S).

17 CFR 230.903(b): in category 2 (40 days), and in category 3 for debt (40 days) and equity (one
year, or six months where the issuer reports to the SEC), no offer or sale may be made to a US
person before the distribution compliance period is over. It begins when the securities were first
offered to others than distributors, or at the closing of the offering, whichever is later
(230.902(f)). The alert tells whether the issuer sold to the US person, or a holder abroad did
(flow-back).

Assumptions:

- The offering closes on the day `closed`; where that isn't set, with the newest issue that was seen
  (minting, or what leaves the issuer's own wallets). So a continuous offering has no end.
- A US person is an investor whose jurisdiction is one of `us_jurisdictions`. Rule 902(k) asks for
  residence, and has exceptions: label these receivers, and put the label into `exempt_labels`.
- Distributors, custodians and pools aren't the last buyers (`exempt_labels`).
- After the period nothing is said. Equity of US issuers stays restricted (Rule 905): for that, add
  `reg-s` to the classifications of a rule on Rule 144.
- Category 1 has no such period: name no such token.
- A forced transfer or a recovery is no sale.
"""

import datetime
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.cap_table.calendar import after, day_of, start_of
from detections.cap_table.early import WHOLE_HISTORY
from detections.cap_table.evidence import (
    name_of,
    names,
    receiver,
    sender,
    tokens,
    trace,
    unit_of,
)
from detections.cap_table.movements import has, movement, sold_by_issuer
from detections.cap_table.scope import Scope
from detections.cap_table.series import Series, extend
from detections.correlators.base import Correlator, correlator
from detections.idlest import drop_idlest
from normalizer.events.chain import TokenTransfer
from pipeline.units import DAY

_MOST_TOKENS = 10_000
#: Months and days, and what the rule calls it.
_PERIODS = {
    "category_2": (0, 40, "40 days (category 2)"),
    "category_3_debt": (0, 40, "40 days (category 3, debt)"),
    "category_3_equity": (12, 0, "one year (category 3, equity)"),
    "category_3_equity_reporting": (
        6,
        0,
        "six months (category 3, equity, reporting issuer)",
    ),
}
_LONGEST = 366 * DAY


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on the distribution compliance period sets."""

    #: Which of the rule's categories the offering is in.
    category: Literal[
        "category_2", "category_3_debt", "category_3_equity", "category_3_equity_reporting"
    ] = "category_3_equity"
    #: The day on which the offering closed. Without it: the day of the newest issue.
    closed: datetime.date | None = None
    #: Jurisdictions of US persons: the states, territories and possessions (Rule 902(l)).
    us_jurisdictions: tuple[str, ...] = ("US", "PR", "GU", "VI", "AS", "MP", "UM")
    #: Receivers with one of these labels are left out.
    exempt_labels: tuple[str, ...] = ("custodian", "distributor", "issuer", "treasury", "pool")
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()


class Issue(Struct):
    """The newest issue of a token."""

    timestamp: int
    seen: Witness


class State(Struct):
    """Newest issues by token, and who was told of."""

    issues: dict[str, Issue] = field(default_factory=dict[str, Issue])
    series: dict[str, Series] = field(default_factory=dict[str, Series])


@correlator("reg_s_distribution")
class RegSDistribution(Correlator[State]):
    """See the module. One alert for a receiver's first, and others whenever their number has
    doubled. Memory: 10,000 tokens."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "offering_rules"
    actions = frozenset({"token-transfer"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._scope = Scope(parameters.classifications, parameters.tokens)
        self._us = frozenset(parameters.us_jurisdictions)
        self._exempt = frozenset(parameters.exempt_labels)
        self._months, self._days, self._words = _PERIODS[parameters.category]
        self._closed = None if parameters.closed is None else start_of(parameters.closed)

    @property
    def horizon(self) -> int:
        """The newest issue matters for as long as the period lasts."""
        return WHOLE_HISTORY if self._closed is None else _LONGEST

    def observe(self, event: TokenTransfer) -> Iterable[Finding]:
        """Take a transfer."""
        if not self._scope.covers(event):
            return ()
        kind = movement(event)
        if kind == "issue" and not sold_by_issuer(event):
            return ()
        key = event.token_id or event.contract or event.token_address or ""
        issues = self.state.issues
        if kind == "issue":
            issues[key] = Issue(event.timestamp, trace(event))
            if len(issues) > _MOST_TOKENS:
                drop_idlest(issues, _MOST_TOKENS)
        elif kind != "sale" and kind != "carry":
            return ()
        if (
            event.destination_jurisdiction not in self._us
            or has(event.destination_labels, self._exempt)
            or event.transfer_type in ("forced", "recovery", "fee")
        ):
            return ()
        if kind != "issue" and event.source_jurisdiction in self._us:
            return ()  # it was told when it came to the US
        issue = issues.get(key)
        closed = self._closed if self._closed is not None else issue and issue.timestamp
        if closed is None or event.timestamp >= (end := after(closed, self._months, self._days)):
            return ()
        return self._found(event, closed, end, issue, issued=kind == "issue")

    def _found(
        self, event: TokenTransfer, closed: int, end: int, issue: Issue | None, *, issued: bool
    ) -> Iterable[Finding]:
        seen = [witness(event)]
        if self._closed is None and issue is not None and issue.seen.id != event.id:
            seen.insert(0, issue.seen)
        raw = int(event.amount_raw)
        who = event.destination_investor or event.destination_address
        told = extend(
            self.state.series,
            f"{event.token_id or event.contract} {who}",
            raw,
            seen,
            event.timestamp,
            _LONGEST,
        )
        if told is None:
            return ()
        unit = unit_of(event)
        source = "the issuer" if issued else sender(event)
        how = "was sold" if issued else "flowed back"
        begun = "the offering closed" if self._closed is not None else "the newest issue was"
        again = f", {told.count} times by now" if told.count > 1 else ""
        return [
            Finding(
                entities=names(event.destination_address, event.destination_investor),
                reason=(
                    f"{tokens(raw, unit)} {name_of(event)} {how} to the US person "
                    f"{receiver(event)} by {source} on {day_of(event.timestamp)}{again}: "
                    f"{begun} on {day_of(closed)}, and the distribution "
                    f"compliance period of {self._words} lasts until {day_of(end)}"
                ),
                witnesses=told.witnesses,
                metrics={
                    "tokens": told.amount / unit,
                    "times": float(told.count),
                    "days_left": (end - event.timestamp) / DAY,
                    "flow_back": 0.0 if issued else 1.0,
                },
            )
        ]
