"""More sold in twelve months than the exemption of the offering allows.

What each exemption caps, as aggregate sales within 12 months:

| exemption | cap | source |
| --- | --- | --- |
| Regulation A, Tier 1 | 20 million US dollars | 17 CFR 230.251(a)(1) |
| Regulation A, Tier 2 | 75 million US dollars | 17 CFR 230.251(a)(2) |
| Regulation Crowdfunding | 5 million US dollars | 17 CFR 227.100(a)(1) |
| MiCA, no white paper | 1 million euro | Regulation (EU) 2023/1114 Article 4(2)(b) |

It tells when the sum passes `cap`, and earlier at `warn_share` of it.

Assumptions: a sale is an issue to others, or what leaves the issuer's own wallets (labels `issuer`,
`treasury`); what comes back doesn't lower the sum. Its value is the number of tokens times `price`,
which the chain doesn't tell: a rule for each token with a price. Sales of holders, which Regulation
A counts in part, and other offerings of the issuer under the same exemption are not seen. The
window is of calendar months back from each sale, by days in UTC.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness
from detections.alerting.wording import amount, percent
from detections.cap_table.calendar import after, day_of
from detections.cap_table.early import longest
from detections.cap_table.evidence import name_of, names, receiver, tokens, trace, unit_of
from detections.cap_table.movements import sold_by_issuer
from detections.cap_table.purchasers import check_warning, step
from detections.cap_table.scope import Scope
from detections.correlators.base import Correlator, correlator
from detections.engine.correlator_state import Whole
from detections.idlest import latest
from normalizer.events.chain import TokenTransfer
from pipeline.units import DAY, Ratio

_MOST_TOKENS = 1_000
#: The newest sales, which are the evidence.
_MOST_WITNESSES = 256


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on the size of an offering sets."""

    #: Value of sales within the window that must not be passed.
    cap: Annotated[float, Meta(gt=0)] = 75_000_000.0
    #: What a whole token costs in the offering.
    price: Annotated[float, Meta(gt=0)] = 1.0
    #: The currency of both.
    currency: Annotated[str, Meta(min_length=1, max_length=16)] = "USD"
    #: Months back from each sale.
    months: Annotated[int, Meta(ge=1, le=120)] = 12
    #: An early warning at this part of the cap; 100% gives none.
    warn_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.9
    #: Tells of the early warning only: for a rule of its own, of a lower level.
    warns_only: bool = False
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_warning(self.warns_only, "warn_share", warns=self.warn_share < 1)


class Offering(Struct):
    """What was sold, by day since 1970, in the token's smallest unit."""

    days: dict[int, Whole] = field(default_factory=dict[int, Whole])
    told: int = 0
    newest: list[Witness] = field(default_factory=list[Witness])


class State(Struct):
    """Offerings by token, the idlest first."""

    offerings: dict[str, Offering] = field(default_factory=dict[str, Offering])


@correlator("offering_cap")
class OfferingCap(Correlator[State]):
    """See the module. It tells again after the sum had fallen below. Memory: 1,000 tokens with a
    sum for each day; an alert has the newest 256 sales as evidence."""

    parameters_type = Parameters
    partition_by = "asset"
    state_type = State
    typology = "offering_rules"
    actions = frozenset({"token-transfer"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._scope = Scope(parameters.classifications, parameters.tokens)
        self._price = Decimal(str(parameters.price))
        self._cap = Decimal(str(parameters.cap))

    @property
    def horizon(self) -> int:
        """The window."""
        return longest(self._p.months)

    def observe(self, event: TokenTransfer) -> Iterable[Finding]:
        """Take a transfer; only what the issuer sells matters."""
        if not self._scope.covers(event) or not sold_by_issuer(event):
            return ()
        key = event.token_id or event.contract or event.token_address or ""
        offering = latest(self.state.offerings, key, _MOST_TOKENS, Offering)
        today = event.timestamp // DAY
        offering.days[today] = Whole(offering.days.get(today, 0) + int(event.amount_raw))
        since = after(event.timestamp, -self._p.months) // DAY
        for day in [one for one in offering.days if one < since]:
            del offering.days[day]
        offering.newest.append(trace(event))
        del offering.newest[:-_MOST_WITNESSES]
        unit = unit_of(event)
        sold = sum(offering.days.values())
        value = Decimal(sold) / unit * self._price
        ratio = value / self._cap
        # In millionths of the cap, since more than all of it is too much, and all of it isn't.
        told, news = step(
            offering.told,
            int(ratio * 1_000_000) + (value > self._cap),
            round(self._p.warn_share * 1_000_000) if self._p.warn_share < 1 else 1_000_001,
            1_000_001,
            warns_only=self._p.warns_only,
        )
        offering.told = told
        if not news:
            return ()
        over = value > self._cap
        first = min(offering.days)
        verdict = "more than" if over else f"{percent(float(ratio))} of"
        return [
            Finding(
                entities=names(event.token_id or event.contract),
                reason=(
                    f"{tokens(sold, unit)} {name_of(event)}, worth {amount(value)} "
                    f"{self._p.currency}, were sold by the issuer from {day_of(first * DAY)} to "
                    f"{day_of(event.timestamp)}: {verdict} the {amount(self._cap)} "
                    f"{self._p.currency} that are allowed within {self._p.months} months; "
                    f"the newest buyer is {receiver(event)}"
                ),
                witnesses=tuple(offering.newest),
                metrics={"value": float(value), "cap": float(self._cap)},
            )
        ]
