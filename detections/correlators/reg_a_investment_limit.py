"""An investor who bought more than 10% of income or net worth (Regulation A, Tier 2).

17 CFR 230.251(d)(2)(i)(C): in a Tier 2 offering of securities that are not listed, a purchaser is
accredited, or pays for them no more than 10% of the greater of annual income and net worth (of a
company: revenue and net assets of the last fiscal year).

The figures come from the reference data, as labels of the investor, in whole units of `currency`:
`annual_income:80000` and `net_worth:120000`. Of whom neither is known `flat_limit` holds; without
one nothing is said. The rule lets issuers rely on what purchasers say of themselves.

Assumptions: a purchase is an issue, or what leaves the issuer's own wallets (labels `issuer`,
`treasury`), and costs `price` per token, which the chain doesn't tell. Purchases within `months` of
each other count together, since the rule is for one offering, and what was redeemed doesn't lower
them. Who is `accredited` or `qualified` has no limit. Wallets without an investor count each by
itself.
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
from detections.cap_table.scope import Scope
from detections.correlators.base import Correlator, correlator
from detections.engine.correlator_state import Whole
from detections.idlest import drop_idlest
from normalizer.events.chain import TokenTransfer
from pipeline.units import Ratio

_UNLIMITED = frozenset(("accredited", "qualified"))
_INCOME, _NET_WORTH = "annual_income:", "net_worth:"
_MOST_INVESTORS = 50_000
_MOST_PURCHASES = 256


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on an investor's purchases sets."""

    #: Part of the greater of income and net worth.
    share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.1
    #: What a whole token costs in the offering.
    price: Annotated[float, Meta(gt=0)] = 1.0
    #: The currency of prices, incomes and limits.
    currency: Annotated[str, Meta(min_length=1, max_length=16)] = "USD"
    #: Value allowed to who has neither figure; 0: nothing is said of them.
    flat_limit: Annotated[float, Meta(ge=0)] = 0.0
    #: Months in which purchases count together.
    months: Annotated[int, Meta(ge=1, le=120)] = 12
    #: Tokens whose classification begins so; none means all.
    classifications: tuple[str, ...] = ()
    #: Ids of tokens; none means all.
    tokens: tuple[str, ...] = ()


class Purchase(Struct, array_like=True, gc=False):
    """What was bought at once, in the token's smallest unit."""

    timestamp: int
    amount: Whole
    seen: Witness


class Investor(Struct):
    """What an investor bought."""

    purchases: list[Purchase] = field(default_factory=list[Purchase])
    told: Whole = Whole(0)
    """How much it was when it was told."""


class State(Struct):
    """Investors by token and name, the idlest first."""

    investors: dict[tuple[str, str], Investor] = field(
        default_factory=dict[tuple[str, str], Investor]
    )


@correlator("reg_a_investment_limit")
class RegAInvestmentLimit(Correlator[State]):
    """See the module. It tells when the limit is passed, and again whenever the sum has doubled.
    Memory: 50,000 investors with 256 purchases each, the newest."""

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
        self._share = Decimal(str(parameters.share))

    @property
    def horizon(self) -> int:
        """The window."""
        return longest(self._p.months)

    def observe(self, event: TokenTransfer) -> Iterable[Finding]:
        """Take a transfer; only what the issuer sells matters."""
        if event.destination_accreditation in _UNLIMITED or not self._scope.covers(event):
            return ()
        if not sold_by_issuer(event):
            return ()
        key = (
            event.token_id or event.contract or "",
            event.destination_investor or event.destination_address,
        )
        investors = self.state.investors
        investor = investors.pop(key, None) or Investor()
        investors[key] = investor
        if len(investors) > _MOST_INVESTORS:
            drop_idlest(investors, _MOST_INVESTORS)
        now = event.timestamp
        since = after(now, -self._p.months)
        investor.purchases.append(Purchase(now, Whole(int(event.amount_raw)), trace(event)))
        investor.purchases = [
            one for one in investor.purchases[-_MOST_PURCHASES:] if one.timestamp >= since
        ]
        limit, why = self._limit(event.destination_labels)
        if limit is None:
            return ()
        unit = unit_of(event)
        bought = sum(one.amount for one in investor.purchases)
        value = Decimal(bought) / unit * self._price
        if value <= limit:
            investor.told = Whole(0)
            return ()
        if bought < 2 * investor.told:
            return ()
        investor.told = Whole(bought)
        first = investor.purchases[0].timestamp
        return [
            Finding(
                entities=names(event.destination_address, event.destination_investor),
                reason=(
                    f"{receiver(event)}, who is not accredited, bought {tokens(bought, unit)} "
                    f"{name_of(event)} for {amount(value)} {self._p.currency} from the issuer from "
                    f"{day_of(first)} to {day_of(now)}: {why}"
                ),
                witnesses=tuple(one.seen for one in investor.purchases),
                metrics={"value": float(value), "limit": float(limit)},
            )
        ]

    def _limit(self, labels: tuple[str, ...]) -> tuple[Decimal | None, str]:
        """What the investor may buy, if that is known, and why in words."""
        currency = self._p.currency
        income, worth = _figure(labels, _INCOME), _figure(labels, _NET_WORTH)
        if income is None and worth is None:
            flat = Decimal(str(self._p.flat_limit))
            return (flat or None), (
                f"{amount(flat)} {currency} are allowed to who has told neither income nor net "
                "worth"
            )
        greater = max(income or 0, worth or 0)
        name = "annual income" if greater == income else "net worth"
        limit = self._share * greater
        return limit, (
            f"{percent(self._p.share)} of the {name} of {amount(greater)} {currency}, the greater "
            f"of both, is {amount(limit)}"
        )


def _figure(labels: tuple[str, ...], name: str) -> int | None:
    """The number in a label such as `net_worth:120000`."""
    for label in labels:
        if label.startswith(name):
            text = label[len(name) :]
            if text.isascii() and text.isdigit():
                return int(text)
    return None
