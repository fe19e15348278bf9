"""An offer that 150 persons of one member state took up, so that it needs a prospectus.

Regulation (EU) 2017/1129 Article 1(4)(b) for securities, Regulation (EU) 2023/1114 (MiCA) Article
4(2)(a) for other crypto-assets, which then need a white paper:

- Prospectus Regulation, Article 1(4)(b): no prospectus for "an offer of securities addressed to
  fewer than 150 natural or legal persons per Member State, other than qualified investors". Leave
  `exempt_accreditations` as it is: `qualified`.
- MiCA, Article 4(2)(a): no white paper for "an offer to fewer than 150 natural or legal persons per
  Member State where such persons are acting on their own account". Qualified investors count: set
  `exempt_accreditations: []`.

The 150th person of a state makes the alert, with an early warning at `warn_at`.

Assumptions: the law counts whom the offer is addressed to. The log shows only who bought, so the
number is the least that it can be, and to stay below it proves nothing. A purchase is an issue, or
what leaves the issuer's own wallets. A person's state is the jurisdiction in the reference data; of
whom it isn't known is not counted. The law has no window; `window` says how long an offer lasts.
`accredited` is a notion of US law and makes nobody a qualified investor.
"""

from collections.abc import Iterable
from typing import Annotated

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
    step,
    witnesses,
)
from detections.cap_table.scope import Scope
from detections.correlators.base import Correlator, correlator
from detections.idlest import drop_idlest
from normalizer.events.chain import TokenTransfer
from pipeline.units import DAY, Duration

_MOST_STATES = 10_000
#: The European Economic Area, where both regulations apply.
EEA = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"),
    *("IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"),
)


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on the number of persons per member state sets."""

    #: Fewer than so many persons per state are exempt.
    limit: Annotated[int, Meta(ge=1, le=100_000)] = 150
    #: An early warning at so many; 0 gives none.
    warn_at: Annotated[int, Meta(ge=0, le=100_000)] = 0
    #: Tells of the early warning only: for a rule of its own, of a lower level.
    warns_only: bool = False
    #: How long an offer lasts: purchases within this time count together.
    window: Annotated[Duration, Meta(ge=DAY, le=3_650 * DAY)] = 365 * DAY
    #: Who has one of these accreditations doesn't count.
    exempt_accreditations: tuple[str, ...] = ("qualified",)
    #: The states that count, by ISO 3166-1 alpha-2: the European Economic Area.
    states: tuple[str, ...] = EEA
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_warning(self.warns_only, "warn_at", warns=0 < self.warn_at < self.limit)


class State(Struct):
    """Purchasers by token and state."""

    tokens: dict[tuple[str, str], Purchasers] = field(
        default_factory=dict[tuple[str, str], Purchasers]
    )


@correlator("eu_offer_limit")
class EUOfferLimit(Correlator[State]):
    """See the module. It tells when the limit is reached, and again after the number had fallen.
    Memory: 10,000 pairs of token and state with 20,000 purchasers each."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "offering_rules"
    actions = frozenset({"token-transfer"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._scope = Scope(parameters.classifications, parameters.tokens)
        self._states = frozenset(parameters.states)
        self._warn = parameters.warn_at or parameters.limit

    @property
    def horizon(self) -> int:
        """The window."""
        return self._p.window

    def observe(self, event: TokenTransfer) -> Iterable[Finding]:
        """Take a transfer; only what the issuer hands out matters."""
        p = self._p
        state = event.destination_jurisdiction
        if state is None or not self._scope.covers(event) or not sold_by_issuer(event):
            return ()
        if state not in self._states:
            return ()
        if event.destination_accreditation in p.exempt_accreditations:
            return ()
        key = (event.token_id or event.contract or "", state)
        known = self.state.tokens.pop(key, None) or Purchasers()
        self.state.tokens[key] = known
        if len(self.state.tokens) > _MOST_STATES:
            drop_idlest(self.state.tokens, _MOST_STATES)
        who = event.destination_investor or event.destination_address
        bought(known.newest, who, Purchase(event.timestamp, trace(event)), p.window)
        count = len(known.newest)
        known.told, news = step(known.told, count, self._warn, p.limit, warns_only=p.warns_only)
        return [self._finding(event, known, count, state)] if news else ()

    def _finding(self, event: TokenTransfer, known: Purchasers, count: int, state: str) -> Finding:
        limit = self._p.limit
        first = next(iter(known.newest.values())).timestamp
        verdict = (
            f"the exemption is for fewer than {limit}"
            if count >= limit
            else f"near the {limit} from which the exemption ends"
        )
        exempt = " or ".join(self._p.exempt_accreditations)
        who = f"persons in {state}" + (f" who are not {exempt}" if exempt else "")
        return Finding(
            entities=names(
                event.token_id or event.contract,
                event.destination_investor or event.destination_address,
            ),
            reason=(
                f"{count} {who} bought {name_of(event)} from the issuer from {day_of(first)} to "
                f"{day_of(event.timestamp)}: {verdict}; the newest is {receiver(event)}"
            ),
            witnesses=tuple(witnesses(known.newest)),
            metrics={"persons": float(count), "limit": float(limit)},
        )
