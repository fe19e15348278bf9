"""One owner with a large part of a token: a cap of the offering, or a threshold of disclosure.

Laws that know such a share: beneficial owners of more than 5% of a registered class of equity must
report (17 CFR 240.13d-1), in the EU from 5% of voting rights on (Directive 2004/109/EC Article 9),
funds and trusts by their terms. T-REX's `MaxBalanceModule` keeps a limit per identity; this looks
at investors, or at clusters of persons who act together.

The share is of what is outstanding: all that was issued and not redeemed, without the issuer's own
wallets (labels `issuer`, `treasury`); or of `outstanding` where that is set. It alerts on a receipt
that brings an owner to `minimum_share`, and again each time that half of the rest has been added;
and anew after it fell below.

Assumptions: tokens are votes. Custodians, pools and exchanges hold for others (`exempt_labels`). A
share that grows since others redeem is seen at the owner's next receipt. Within `grace` from the
first issue on nothing is said: the first holder has everything. Where the token is older than what
was seen, and `outstanding` isn't set, shares aren't known and nothing is said.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import percent
from detections.cap_table.calendar import day_of
from detections.cap_table.early import WHOLE_HISTORY
from detections.cap_table.evidence import name_of, names, receiver, tokens, unit_of
from detections.cap_table.register import Register, forget, record, register_of
from detections.cap_table.scope import Scope
from detections.correlators.base import Correlator, correlator
from detections.idlest import drop_idlest
from detections.rounding import reaches
from normalizer.events.chain import TokenTransfer
from pipeline.units import DAY, Duration, Ratio

_MOST_WITNESSES = 16
_MOST_OWNERS = 10_000


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on the share of one owner sets."""

    #: Part of what is outstanding from which on there is an alert.
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.05
    #: What counts as one owner: an investor, or a cluster of them.
    count_by: Literal["investor", "cluster"] = "cluster"
    #: Whole tokens that are outstanding, as the issuer says. Without it: as issued and redeemed.
    outstanding: Annotated[float, Meta(gt=0)] | None = None
    #: So long from the first issue on nothing is said.
    grace: Annotated[Duration, Meta(ge=0, le=3_650 * DAY)] = 0
    #: Who has one of these labels holds for others.
    exempt_labels: tuple[str, ...] = ("custodian", "pool", "exchange", "market_maker")
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()


class Owner(Struct):
    """An owner who was told of, or comes near to it."""

    next_share: float = 0.0
    receipts: list[Witness] = field(default_factory=list[Witness])


class State(Struct):
    """Registers by token, and owners by token and name, the idlest first."""

    registers: dict[str, Register] = field(default_factory=dict[str, Register])
    owners: dict[tuple[str, str], Owner] = field(default_factory=dict[tuple[str, str], Owner])


@correlator("ownership_cap")
class OwnershipCap(Correlator[State]):
    """See the module. Memory: 1,000 tokens with 200,000 wallets each."""

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
        self._by_cluster = parameters.count_by == "cluster"

    @property
    def horizon(self) -> int:
        """A holder may have bought at any time."""
        return WHOLE_HISTORY

    def observe(self, event: TokenTransfer) -> Iterable[Finding]:
        """Take a transfer."""
        if not self._scope.covers(event):
            return ()
        state, p = self.state, self._p
        register = register_of(state.registers, event)
        touched = record(register, event, by_cluster=self._by_cluster, exempt=self._exempt)
        name = touched[1]
        person = None if name is None else register.persons.get(name)
        for one in touched:
            forget(register, one)
        if name is None or person is None or person.issuer or person.exempt:
            return ()
        if event.timestamp - register.first < p.grace:
            return ()
        if p.outstanding:
            outstanding = p.outstanding * unit_of(event)
        elif register.whole and not register.refused:
            outstanding = register.outstanding
        else:
            return ()
        if outstanding <= 0:
            return ()
        share = min(1.0, person.balance / outstanding)
        key = (event.token_id or event.contract or "", name)
        if share < p.minimum_share / 2:
            state.owners.pop(key, None)
            return ()
        owner = state.owners.pop(key, None) or Owner()
        state.owners[key] = owner
        if len(state.owners) > _MOST_OWNERS:
            drop_idlest(state.owners, _MOST_OWNERS)
        owner.receipts.append(witness(event))
        del owner.receipts[:-_MOST_WITNESSES]
        if not reaches(share, p.minimum_share):
            owner.next_share = 0.0
            return ()
        if not reaches(share, owner.next_share):
            return ()
        owner.next_share = share + (1 - share) / 2 if share < 1 else 2.0
        return [self._finding(event, name, person.balance, outstanding, share, owner)]

    def _finding(
        self,
        event: TokenTransfer,
        name: str,
        balance: int,
        outstanding: float,
        share: float,
        owner: Owner,
    ) -> Finding:
        unit = unit_of(event)
        of_whom = (
            ""
            if name in (event.destination_investor, event.destination_address)
            else (f" of {name}")
        )
        return Finding(
            entities=names(name, event.destination_investor, event.destination_address),
            reason=(
                f"{receiver(event)}{of_whom} holds {tokens(balance, unit)} of "
                f"{tokens(int(outstanding), unit)} {name_of(event)} on {day_of(event.timestamp)}, "
                f"{percent(share)} of what is outstanding, at or above "
                f"{percent(self._p.minimum_share)}"
            ),
            witnesses=tuple(owner.receipts),
            metrics={"share": share, "balance": balance / unit},
        )
