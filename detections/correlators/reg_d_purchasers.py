"""More than 35 purchasers who are not accredited, in 90 days (Regulation D, Rule 506(b)).

17 CFR 230.506(b)(2)(i): there are no more than, or the issuer reasonably believes that there are no
more than, 35 purchasers of securities from the issuer in offerings under this section in any
90-calendar-day period; accredited investors don't count (230.501(e)(1)(iv)). Until the limit there
is an early warning at `warn_at`. Rule 506(c) admits none: that is a rule of single transfers.

Assumptions:

- A purchase is an issue, or what the issuer hands out of its own wallets (labels `issuer`,
  `treasury`). Resales don't count.
- Not accredited is who is `retail` or `none` in the reference data. Of whom nothing is known is not
  counted, and the alert says how many these are.
- Relatives of one household, and their trusts and companies, count as one (230.501(e)(1)(i) to
  (iii)): with `count_by: cluster` the reference data's clusters stand for them.
- Wallets without an investor count as one purchaser each.
- It looks back from each purchase, in 90 times 24 hours.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding
from detections.cap_table.calendar import day_of
from detections.cap_table.evidence import name_of, names, receiver, trace
from detections.cap_table.movements import sold_by_issuer
from detections.cap_table.purchasers import (
    Purchase,
    Purchasers,
    bought,
    check_warning,
    expire,
    step,
    witnesses,
)
from detections.cap_table.scope import Scope
from detections.correlators.base import Correlator, correlator
from normalizer.events.chain import TokenTransfer
from pipeline.units import DAY, Duration, format_duration

_MOST_TOKENS = 1_000
_NOT_ACCREDITED = frozenset(("retail", "none"))


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on purchasers who are not accredited sets."""

    #: So many are allowed.
    allowed: Annotated[int, Meta(ge=1, le=10_000)] = 35
    #: The time within which purchasers count together.
    window: Annotated[Duration, Meta(ge=DAY, le=3_650 * DAY)] = 90 * DAY
    #: An early warning at so many; 0 gives none.
    warn_at: Annotated[int, Meta(ge=0, le=10_000)] = 0
    #: Tells of the early warning only: for a rule of its own, of a lower level.
    warns_only: bool = False
    #: What counts as one purchaser: an investor, or a cluster of them.
    count_by: Literal["investor", "cluster"] = "investor"
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_warning(self.warns_only, "warn_at", warns=0 < self.warn_at <= self.allowed)


class State(Struct):
    """Purchasers who are not accredited, by token."""

    tokens: dict[str, Purchasers] = field(default_factory=dict[str, Purchasers])


@correlator("reg_d_purchasers")
class RegDPurchasers(Correlator[State]):
    """See the module. It tells when the limit is passed, and again after the number had fallen to
    it. Memory: 1,000 tokens with 20,000 purchasers each."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "offering_rules"
    actions = frozenset({"token-transfer"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._scope = Scope(parameters.classifications, parameters.tokens)
        self._by_cluster = parameters.count_by == "cluster"
        self._warn = parameters.warn_at or parameters.allowed + 1

    @property
    def horizon(self) -> int:
        """The window."""
        return self._p.window

    def observe(self, event: TokenTransfer) -> Iterable[Finding]:
        """Take a transfer; only what the issuer hands out matters."""
        accreditation = event.destination_accreditation
        if accreditation in ("accredited", "qualified") or not self._scope.covers(event):
            return ()
        if not sold_by_issuer(event):
            return ()
        key = event.token_id or event.contract or ""
        known = self.state.tokens.pop(key, None) or Purchasers()
        self.state.tokens[key] = known
        if len(self.state.tokens) > _MOST_TOKENS:
            del self.state.tokens[next(iter(self.state.tokens))]
        who = (self._by_cluster and event.destination_cluster) or (
            event.destination_investor or event.destination_address
        )
        purchase = Purchase(event.timestamp, trace(event))
        since = event.timestamp - self._p.window
        if accreditation not in _NOT_ACCREDITED:
            bought(known.unknown, who, purchase, self._p.window)
            return ()
        known.unknown.pop(who, None)
        expire(known.unknown, since)
        bought(known.newest, who, purchase, self._p.window)
        count = len(known.newest)
        p = self._p
        known.told, news = step(
            known.told, count, self._warn, p.allowed + 1, warns_only=p.warns_only
        )
        return [self._finding(event, known, count)] if news else ()

    def _finding(self, event: TokenTransfer, known: Purchasers, count: int) -> Finding:
        p = self._p
        over = count > p.allowed
        first = next(iter(known.newest.values())).timestamp
        unknown = len(known.unknown)
        more = f"; of {unknown} more it is not known" if unknown else ""
        verdict = "more than" if over else "near"
        return Finding(
            entities=names(
                event.token_id or event.contract,
                event.destination_investor or event.destination_address,
            ),
            reason=(
                f"{name_of(event)} was issued to {count} purchasers who are not accredited from "
                f"{day_of(first)} to {day_of(event.timestamp)}, {verdict} the {p.allowed} that "
                f"Rule 506(b)(2)(i) allows within {format_duration(p.window)}{more}; the newest is "
                f"{receiver(event)}"
            ),
            witnesses=tuple(witnesses(known.newest)),
            metrics={
                "purchasers": float(count),
                "allowed": float(p.allowed),
                "unknown_purchasers": float(unknown),
            },
        )
