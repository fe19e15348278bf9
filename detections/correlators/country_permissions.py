"""Tokens that went where the offering doesn't allow them: permissions by country.

An offering is made under the law of some countries, and its terms name them: who may buy, and how
many. A registry that lets others in, or an identity whose country changed, breaks them. T-REX has
`CountryAllowModule` and `CountryRestrictModule` on the chain; this holds each receipt against the
list of the compliance department, whatever the modules let through:

- `allowed`: only these countries. Empty allows all but `denied`.
- `denied`: never these.
- `qualified_only`: these only with one of `qualified_accreditations`, as private placements under
  national law want it (in the EU Regulation (EU) 2017/1129 Article 1(4)(a)).
- `maximum_holders`: at most so many holders in each country; 0 is no limit.

Legal sources are those of the offering; for countries under embargo there is a rule of its own,
which looks at both sides of a transfer. Countries are ISO 3166-1 alpha-2, from the reference data
at the transfer. Assumptions: who has no known country breaks nothing (a rule tells of unknown
receivers), unless `unknown: deny`. A forced transfer or a recovery is the agent's own and has rules
of its own.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, witness
from detections.cap_table.calendar import day_of
from detections.cap_table.early import WHOLE_HISTORY
from detections.cap_table.evidence import name_of, names, receiver, sender, tokens, unit_of
from detections.cap_table.register import Register, forget, record, register_of
from detections.cap_table.scope import Scope
from detections.cap_table.series import Series, extend
from detections.correlators.base import Correlator, correlator
from normalizer.events.chain import TokenTransfer
from pipeline.units import DAY

_MOVES = frozenset(("transfer", "mint"))
#: So long without one, a receiver's next is told at once.
_REST = 30 * DAY


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on permitted countries sets."""

    #: Countries whose residents may hold it; none means all.
    allowed: tuple[str, ...] = ()
    #: Countries whose residents may not.
    denied: tuple[str, ...] = ()
    #: Countries where only some may.
    qualified_only: tuple[str, ...] = ()
    #: Who may in those.
    qualified_accreditations: tuple[str, ...] = ("qualified",)
    #: What a receiver of unknown country is.
    unknown: Literal["allow", "deny"] = "allow"
    #: Holders in one country at most; 0 is no limit.
    maximum_holders: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    #: Receivers with one of these labels are left out.
    exempt_labels: tuple[str, ...] = ("issuer", "treasury", "custodian", "pool")
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()


class State(Struct):
    """Registers, where holders are counted; holders by token and country; who was told of."""

    registers: dict[str, Register] = field(default_factory=dict[str, Register])
    holders: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    series: dict[str, Series] = field(default_factory=dict[str, Series])


@correlator("country_permissions")
class CountryPermissions(Correlator[State]):
    """See the module. One alert for a receiver's first, and others whenever their number has
    doubled; after 30 days without one it begins anew. Memory: 1,000 tokens with 200,000 wallets
    each, if holders are counted."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "offering_rules"
    actions = frozenset({"token-transfer"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._scope = Scope(parameters.classifications, parameters.tokens)
        self._exempt = frozenset(parameters.exempt_labels)

    @property
    def horizon(self) -> int:
        """A holder may have bought at any time; else how long a receiver is remembered."""
        return WHOLE_HISTORY if self._p.maximum_holders else _REST

    def observe(self, event: TokenTransfer) -> Iterable[Finding]:
        """Take a transfer."""
        if not self._scope.covers(event):
            return ()
        why = self._counted(event) if self._p.maximum_holders else None
        if event.transfer_type not in _MOVES or event.amount_raw == "0":
            return ()
        labels = event.destination_labels
        if labels and not self._exempt.isdisjoint(labels):
            return ()
        why = self._refused(event) or why
        if why is None:
            return ()
        key = (
            f"{event.token_id or event.contract} "
            f"{event.destination_investor or event.destination_address}"
        )
        told = extend(
            self.state.series,
            key,
            int(event.amount_raw),
            [witness(event)],
            event.timestamp,
            _REST,
        )
        if told is None:
            return ()
        unit = unit_of(event)
        again = f", {told.count} times by now" if told.count > 1 else ""
        return [
            Finding(
                entities=names(event.destination_address, event.destination_investor),
                reason=(
                    f"{tokens(int(event.amount_raw), unit)} {name_of(event)} went to "
                    f"{receiver(event)} on {day_of(event.timestamp)}{again}, from "
                    f"{sender(event)}: {why}"
                ),
                witnesses=told.witnesses,
                metrics={"tokens": told.amount / unit, "times": float(told.count)},
            )
        ]

    def _refused(self, event: TokenTransfer) -> str | None:
        """Why the receiver's country is not permitted; None if it is."""
        p = self._p
        country = event.destination_jurisdiction
        if country is None:
            return "the receiver's country is not known" if p.unknown == "deny" else None
        if country in p.denied:
            return f"residents of {country} may not hold it"
        if p.allowed and country not in p.allowed:
            return (
                f"only residents of {_listed(p.allowed)} may hold it, and this one is in {country}"
            )
        found = event.destination_accreditation
        if country in p.qualified_only and found not in p.qualified_accreditations:
            return (
                f"in {country} only {_listed(p.qualified_accreditations)} investors may hold it, "
                f"and this one is {found or 'of unknown accreditation'}"
            )
        return None

    def _counted(self, event: TokenTransfer) -> str | None:
        """Count holders; why there is one too many, if there is."""
        state = self.state
        register = register_of(state.registers, event, self._forget)
        touched = record(register, event, by_cluster=False, exempt=self._exempt)
        token = event.token_id or event.contract or event.token_address or ""
        country, why = event.destination_jurisdiction, None
        for name in touched:
            person = None if name is None else register.persons.get(name)
            if person is None:
                continue
            holds = bool(person.balance) and not person.exempt and not person.issuer
            home = person.jurisdiction if holds else None
            if home != person.counted_in:
                self._change(token, person.counted_in, -1)
                count = self._change(token, home, 1)
                person.counted_in = home
                if name == touched[1] and home == country and count > self._p.maximum_holders:
                    why = (
                        f"{country} has {count} holders now, and {self._p.maximum_holders} are "
                        "allowed"
                    )
            forget(register, name)
        return why

    def _forget(self, token: str) -> None:
        """There is no more room for a token: should it come again, it is counted anew."""
        state = self.state
        for person in state.registers.pop(token).persons.values():
            if person.counted_in is not None:
                state.holders.pop((token, person.counted_in), None)

    def _change(self, token: str, country: str | None, by: int) -> int:
        """Count one more or less; how many there are then."""
        if country is None:
            return 0
        count = self.state.holders.pop((token, country), 0) + by
        if count > 0:
            self.state.holders[token, country] = count
        return count


def _listed(texts: tuple[str, ...]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
