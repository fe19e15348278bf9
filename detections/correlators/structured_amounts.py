"""Structuring and smurfing: a sum in parts that each stay just below a reporting threshold.

31 U.S.C. 5324 (structuring to evade a report of 10,000 USD, 31 CFR 1010.311); Regulation (EU)
2024/1624 Article 80 (10,000 EUR); FATF, Virtual Assets Red Flag Indicators (2020), on amounts just
below thresholds. The band, from 80% of the threshold to just below it, and the 24 hours are those
of the rule of Lux (8,000 to 9,999). Two patterns, one per rule:

- `sender`: one party (a cluster, an investor or a wallet, by the widest name known) sends, from
  however many wallets, `minimum_transfers` or more amounts of the band within `window`.
- `receiver`: wallets of one party get as many from `minimum_wallets` different wallets or more:
  helpers who each stay below (smurfs).

Both need that the amounts bunch: `minimum_share` or more of the party's notable transfers (from a
tenth of the threshold on) lie in the band, so a busy wallet with all kinds of amounts is none. Of a
`sender` there must be at least two amounts for each receiver, or receivers of one cluster: else it
is a payroll, a distribution or an airdrop, which pays many people once. What `receiver` tells of
many wallets, `sender` leaves out.

The worth is the amount at the token's newest price, held against `thresholds` by currency; where no
price is known, or none of its currency, the amount in whole tokens against `token_threshold`.

Hubs hold for others: `exempt_senders`, `exempt_receivers`. Without investors or clusters in the
reference data each wallet is a party of its own; then of a cluster's wallets only the other end
tells. A choice, not of a source: four transfers, and the shares.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from detections.alerting.findings import Finding, Witness, witness
from detections.alerting.wording import amount, lapse, percent
from detections.cap_table.evidence import names, party
from detections.correlators.base import Correlator, correlator
from detections.float_sum import float_sum
from detections.markets.latest_prices import LatestPrices, note_price, revise_price
from detections.parties import is_exempt
from detections.rounding import reaches
from detections.token_kinds import kind_name, kind_of
from detections.windows import Group, Key, SlidingGroups
from normalizer.events.chain import OracleUpdate, PoolSwap, TokenTransfer
from normalizer.events.market import Trade
from pipeline.units import DAY, MINUTE, WEEK, Duration, Ratio

_CURRENCIES: tuple[str, ...] = ("USD", "USDC", "USDT", "EUR", "EURC", "CAD", "AUD")
_NOTABLE = 0.1
_HUBS = ("custodian", "issuer", "treasury", "pool", "router", "exchange", "market_maker")
_PAYROLL = 2
#: Confidence before it is calibrated on labelled data.
_BASE, _MANY, _CLUSTER, _BUNCHED = 0.5, 0.2, 0.15, 0.15


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What a rule on structured amounts sets."""

    pattern: Literal["sender", "receiver"]
    #: Amounts from which on something must be reported, by currency of the price: 10,000 of USD,
    #: USDC, USDT, EUR, EURC, CAD and AUD unless set.
    thresholds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(_CURRENCIES, 10_000.0)
    )
    #: The same in whole tokens, where no price is known. 0: then nothing is said.
    token_threshold: Annotated[float, Meta(ge=0)] = 10_000.0
    #: The band's lower end, as a part of the threshold.
    band: Annotated[Ratio, Meta(gt=0, lt=1)] = 0.8
    window: Annotated[Duration, Meta(ge=MINUTE, le=WEEK)] = DAY
    #: Amounts of the band within the window.
    minimum_transfers: Annotated[int, Meta(ge=2, le=500)] = 4
    #: `receiver`: wallets that they come from.
    minimum_wallets: Annotated[int, Meta(ge=2, le=500)] = 3
    #: Part of the party's notable transfers of the window that lies in the band.
    minimum_share: Annotated[Ratio, Meta(gt=0, le=1)] = 0.7
    #: Who sends with one of these labels sends for others.
    exempt_senders: tuple[str, ...] = _HUBS
    #: Who receives with one of these labels receives for others. An exchange is where it ends.
    exempt_receivers: tuple[str, ...] = tuple(one for one in _HUBS if one != "exchange")


class Part(Struct, frozen=True, array_like=True):
    """A notable transfer."""

    timestamp: int
    worth: float
    within: bool
    """Whether it is in the band."""
    source: str
    destination: str
    other: str
    """The party at the other end."""
    witness: Witness


class State(Struct):
    """Transfers of the window by token and party, and the prices that they are worth."""

    groups: dict[Key, Group[Part]] = field(default_factory=dict[Key, Group[Part]])
    prices: LatestPrices = field(default_factory=LatestPrices)


@correlator("structured_amounts")
class StructuredAmounts(Correlator[State]):
    """See the module. Memory: 50,000 parties with 500 notable transfers each."""

    parameters_type = Parameters
    partition_by = "asset"
    uses_trades = True
    state_type = State
    state_version = 2
    typology = "structuring"
    needs = (frozenset({"token-transfer"}),)
    actions = frozenset({"token-transfer", "trade", "pool-swap", "oracle-update"})

    def __init__(self, parameters: Parameters) -> None:
        super().__init__(parameters)
        self._p = parameters
        self._senders = frozenset(parameters.exempt_senders)
        self._receivers = frozenset(parameters.exempt_receivers)
        self._windows = SlidingGroups[Part](parameters.window, most_items=500)

    @property
    def horizon(self) -> int:
        """A series lasts a window from its first transfer."""
        return 2 * self._p.window

    def observe(self, event: TokenTransfer | Trade | PoolSwap | OracleUpdate) -> Iterable[Finding]:
        """Take a transfer, or learn a price."""
        if event.__class__ is not TokenTransfer:
            note_price(self.state.prices, event)
            return ()
        return self._moved(event)  # pyright: ignore[reportArgumentType]

    def revised(self, was: Trade, now: Trade | None) -> None:
        """A trade was taken back or corrected: its price is none, or another one."""
        revise_price(self.state.prices, was, now)

    def _moved(self, move: TokenTransfer) -> Iterable[Finding]:
        quantity = move.amount
        if not quantity or move.transfer_type != "transfer":
            return ()
        threshold, worth, currency = self._worth(move, quantity)
        if not threshold or worth < _NOTABLE * threshold:
            return ()
        if is_exempt(move.source_labels, self._senders) or is_exempt(
            move.destination_labels, self._receivers
        ):
            return ()
        source = move.source_cluster or move.source_investor or move.source_address
        destination = (
            move.destination_cluster or move.destination_investor or move.destination_address
        )
        if source == destination:
            return ()
        sends = self._p.pattern == "sender"
        within = reaches(worth, self._p.band * threshold) and worth < threshold
        part = Part(
            move.timestamp,
            worth,
            within,
            move.source_address,
            move.destination_address,
            destination if sends else source,
            witness(move),
        )
        token = kind_of(move)
        who = source if sends else destination
        group = self._windows.add(self.state.groups, (token, who), part)
        if not within or len(group.items) < self._p.minimum_transfers:
            return ()
        return self._judged(move, who, group, threshold, currency)

    def _worth(self, move: TokenTransfer, quantity: float) -> tuple[float, float, str]:
        """The threshold, and what it is worth, in a currency or in tokens."""
        known = self.state.prices.get(move.token_id or "")
        if known is not None and (threshold := self._p.thresholds.get(known.currency)):
            return threshold, quantity * known.price, known.currency
        return self._p.token_threshold, quantity, (move.token_symbol or "tokens") + kind_name(move)

    def _judged(
        self, move: TokenTransfer, who: str, group: Group[Part], threshold: float, currency: str
    ) -> Iterable[Finding]:
        p = self._p
        parts = [one for one in group.items if one.within]
        count = len(parts)
        if count < (group.next_alert or p.minimum_transfers):
            return ()
        share = count / len(group.items)
        if not reaches(share, p.minimum_share):
            return ()
        sources = dict.fromkeys(one.source for one in parts)
        others = dict.fromkeys(one.other for one in parts)
        if p.pattern == "receiver":
            if len(sources) < p.minimum_wallets:
                return ()
        elif count < _PAYROLL * len(others) or (
            len(sources) >= 3 and len(dict.fromkeys(one.destination for one in parts)) == 1
        ):
            return ()
        number = self._windows.alerted(group, p.minimum_transfers)
        # Only amounts of the band make the series go on.
        multiple = count // p.minimum_transfers
        group.next_alert = (multiple + 1) * p.minimum_transfers if multiple < 5 else 2 * count
        return [self._finding(move, who, parts, share, threshold, currency, number)]

    def _finding(
        self,
        move: TokenTransfer,
        who: str,
        parts: list[Part],
        share: float,
        threshold: float,
        currency: str,
        number: int,
    ) -> Finding:
        p, total = self._p, float_sum(one.worth for one in parts)
        sources = tuple(dict.fromkeys(one.source for one in parts))
        destinations = tuple(dict.fromkeys(one.destination for one in parts))
        others = tuple(dict.fromkeys(one.other for one in parts))
        sends = p.pattern == "sender"
        own = sources if sends else destinations
        name = who
        if who in own:
            name = party(who, move.source_investor if sends else move.destination_investor)
        linked = len(own) > 1 or (len(others) == 1 and others[0] not in (*sources, *destinations))
        wallets = f" with {len(own)} wallets" if len(own) > 1 else ""
        did = "sent" if sends else "got"
        far = destinations if sends else sources
        rest = "wallet" if len(far) == 1 else "wallets"
        confidence = _BASE + _MANY * min(1.0, len(parts) / p.minimum_transfers - 1)
        confidence += _CLUSTER * linked
        confidence += _BUNCHED * (share - p.minimum_share) / max(1e-9, 1 - p.minimum_share)
        return Finding(
            entities=names(who, *own[:16], *others[:16]),
            reason=(
                f"{name}{wallets} {did} {len(parts)} amounts of {percent(p.band)} to just below "
                f"{amount(threshold)} {currency} within {lapse(_span(parts))} "
                f"{'to' if sends else 'from'} {len(far)} {rest}, {amount(round(total, 2))} "
                f"together; {percent(share)} of its notable transfers lie in that band"
            ),
            witnesses=tuple(one.witness for one in parts),
            confidence=min(1.0, confidence),
            metrics={
                "transfers": float(len(parts)),
                "total": total,
                "threshold": threshold,
                "share_in_band": share,
                "wallets": float(len(own)),
                "other_wallets": float(len(far)),
                "alert_of_series": float(number),
            },
        )


def _span(parts: list[Part]) -> int:
    return parts[-1].timestamp - parts[0].timestamp
