"""A class of equity that too many hold of record (Securities Exchange Act Section 12(g)).

15 USC 78l(g)(1)(A): an issuer with total assets above 10 million dollars must register a class of
equity securities held of record by 2,000 persons, or by 500 who are not accredited investors, at
the end of its fiscal year. The alert tells when a number is reached, and earlier, at `warn_share`
of it. It is about today's number; what counts is that at the end of the fiscal year, and the assets
are not known here.

Assumptions (17 CFR 240.12g5-1):

- A holder of record is an investor with a balance, over all wallets; a wallet of which no investor
  is known is one holder. A custodian that holds for others is one holder (12g5-1(a)(3)).
- The issuer's own wallets (labels `issuer`, `treasury`) hold nothing outstanding. `exempt_labels`
  are those who don't count: persons who got it under an employee compensation plan (12g5-1(a)(8)),
  pools.
- Not accredited is who is `retail` or `none` in the reference data at the newest transfer; with
  `unknown_is_unaccredited` also who is neither known to be accredited nor qualified.
- Tokens under Regulation Crowdfunding and Tier 2 of Regulation A are excluded under conditions
  (12g-6, 12g5-1(a)(7)): leave their classifications out.
- Where the token is older than what was seen, the number is the least that it can be, and is said
  so.
"""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.cap_table.calendar import day_of
from detections.cap_table.early import WHOLE_HISTORY
from detections.cap_table.evidence import name_of, names, receiver
from detections.cap_table.purchasers import check_warning, step
from detections.cap_table.register import MOST_TOKENS, Person, Register, forget, record
from detections.cap_table.scope import Scope
from detections.correlators.base import Correlator, correlator
from detections.idlest import latest
from normalizer.events.chain import TokenTransfer
from pipeline.units import Ratio

_NOT_ACCREDITED = frozenset(("retail", "none"))
_ACCREDITED = frozenset(("accredited", "qualified"))
_COUNTED, _UNACCREDITED = 1, 2
#: The newest holders, who are the evidence.
_MOST_WITNESSES = 64


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on holders of record sets."""

    #: So many holders must not be reached.
    limit: Annotated[int, Meta(ge=1, le=1_000_000)] = 2_000
    #: So many holders who are not accredited must not be reached.
    unaccredited_limit: Annotated[int, Meta(ge=1, le=1_000_000)] = 500
    #: An early warning at this part of a limit; 100% gives none.
    warn_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.9
    #: Tells of the early warning only: for a rule of its own, of a lower level.
    warns_only: bool = False
    #: Whether who is not known to be accredited counts as not accredited.
    unknown_is_unaccredited: bool = False
    #: Who has one of these labels doesn't count.
    exempt_labels: tuple[str, ...] = ("pool",)
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_warning(self.warns_only, "warn_share", warns=self.warn_share < 1)


class Class(Struct):
    """A class of securities: its register, and how many hold it."""

    register: Register = field(default_factory=Register)
    holders: int = 0
    unaccredited: int = 0
    told: int = 0
    told_unaccredited: int = 0
    newest: list[Witness] = field(default_factory=list[Witness])


class State(Struct):
    """Classes by token, the idlest first."""

    classes: dict[str, Class] = field(default_factory=dict[str, Class])


@correlator("holders_of_record")
class HoldersOfRecord(Correlator[State]):
    """See the module. It tells when a number is reached, and again after it had fallen below.
    Memory: 1,000 tokens with 200,000 wallets each; later wallets are not counted then."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "offering_rules"
    actions = frozenset({"token-transfer"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = p = parameters
        self._scope = Scope(p.classifications, p.tokens)
        self._exempt = frozenset(p.exempt_labels)
        self._warn = max(1, round(p.limit * p.warn_share))
        self._warn_unaccredited = max(1, round(p.unaccredited_limit * p.warn_share))

    @property
    def horizon(self) -> int:
        """A holder may have bought at any time."""
        return WHOLE_HISTORY

    def observe(self, event: TokenTransfer) -> Iterable[Finding]:
        """Take a transfer."""
        if not self._scope.covers(event):
            return ()
        p = self._p
        key = event.token_id or event.contract or event.token_address or ""
        counts = latest(self.state.classes, key, MOST_TOKENS, Class)
        register = counts.register
        touched = record(register, event, by_cluster=False, exempt=self._exempt)
        grew = False
        for name in touched:
            if name is not None and (person := register.persons.get(name)) is not None:
                grew = self._count(counts, person) or grew
                forget(register, name)
        if not grew:
            if not (counts.told or counts.told_unaccredited):
                return ()
            counts.told = min(counts.told, step(0, counts.holders, self._warn, p.limit)[0])
            counts.told_unaccredited = min(
                counts.told_unaccredited,
                step(0, counts.unaccredited, self._warn_unaccredited, p.unaccredited_limit)[0],
            )
            return ()
        counts.newest.append(witness(event))
        del counts.newest[:-_MOST_WITNESSES]
        counts.told, news = step(
            counts.told, counts.holders, self._warn, p.limit, warns_only=p.warns_only
        )
        counts.told_unaccredited, unaccredited_news = step(
            counts.told_unaccredited,
            counts.unaccredited,
            self._warn_unaccredited,
            p.unaccredited_limit,
            warns_only=p.warns_only,
        )
        if not news and not unaccredited_news:
            return ()
        return [self._finding(event, counts, unaccredited=not news)]

    def _count(self, counts: Class, person: Person) -> bool:
        """Count a person whose balance may have changed. Returns whether a number grew."""
        marks = 0
        if person.balance and not person.exempt and not person.issuer:
            found = person.accreditation
            unaccredited = found in _NOT_ACCREDITED or (
                self._p.unknown_is_unaccredited and found not in _ACCREDITED
            )
            marks = _COUNTED | (_UNACCREDITED if unaccredited else 0)
        if marks == person.marks:
            return False
        counts.holders += (marks & _COUNTED) - (person.marks & _COUNTED)
        counts.unaccredited += ((marks & _UNACCREDITED) - (person.marks & _UNACCREDITED)) // 2
        grew = bool(marks & ~person.marks)
        person.marks = marks
        return grew

    def _finding(self, event: TokenTransfer, counts: Class, *, unaccredited: bool) -> Finding:
        p, register = self._p, counts.register
        count = counts.unaccredited if unaccredited else counts.holders
        limit = p.unaccredited_limit if unaccredited else p.limit
        reached = "reaches" if count >= limit else "is near"
        who = "holders of record who are not accredited" if unaccredited else "holders of record"
        other = (
            f"{counts.holders} holders in all"
            if unaccredited
            else f"{counts.unaccredited} of them are not accredited"
        )
        whole = register.whole and not register.refused
        least = "" if whole else "at least "
        doubt = "" if whole else "; the token is older than what was seen"
        return Finding(
            entities=names(
                event.token_id or event.contract,
                event.destination_investor or event.destination_address,
            ),
            reason=(
                f"{name_of(event)} has {least}{count} {who} on {day_of(event.timestamp)}, which "
                f"{reached} the {limit} of Section 12(g) ({other}); the newest is "
                f"{receiver(event)}{doubt}"
            ),
            witnesses=tuple(counts.newest),
            metrics={
                "holders": float(counts.holders),
                "unaccredited_holders": float(counts.unaccredited),
                "limit": float(limit),
            },
        )
