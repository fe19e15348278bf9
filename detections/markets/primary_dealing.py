"""Subscriptions and redemptions of a token, beside its NAVs and its price in the market."""

from msgspec import Struct, field

from detections.alerting.findings import Witness
from detections.baselines.coin import Wager, coin_that_goes_with
from detections.idlest import drop_idlest
from detections.markets.latest_prices import LatestPrice
from detections.markets.primary_lots import Lot, Round

_MOST_PARTIES = 5_000
_MOST_NAVS = 64
_MOST_DEALS = 32
_SAME = frozenset(("USD", "USDC", "USDT"))


class Nav(Struct, frozen=True, array_like=True):
    """A net asset value of one token."""

    announced: int
    value: float
    currency: str
    witness: Witness
    id: str = ""


class Deal(Struct, frozen=True, array_like=True):
    """A subscription (positive) or a redemption."""

    timestamp: int
    quantity: float
    witness: Witness


class Investor(Struct):
    """A party in the primary market of one token."""

    subscribed: list[Lot] = field(default_factory=list[Lot])
    bought: list[Lot] = field(default_factory=list[Lot])
    round: Round = field(default_factory=Round)
    deals: list[Deal] = field(default_factory=list[Deal])
    both: Wager = field(default_factory=Wager)
    subscribing: Wager = field(default_factory=Wager)
    redeeming: Wager = field(default_factory=Wager)
    right: int = 0
    wrong: int = 0
    won: float = 0.0
    """Ahead of NAVs that count, less what was lost."""
    told: float = 0.0
    """What it had won when it was told of last."""
    evidence: list[Witness] = field(default_factory=list[Witness])
    alerts: int = 0
    largest: float = 0.0
    """What it dealt at most ahead of a NAV that counts, and less with each time since."""

    def dealt(self, deal: Deal, since: int) -> None:
        """It subscribed or redeemed; what was before `since` is of no use any more. Of too many
        dealings the two that are the nearest in time become one, so that nobody hides a large one
        behind many small ones."""
        deals = self.deals = [one for one in self.deals if one.timestamp >= since]
        deals.append(deal)
        if len(deals) > _MOST_DEALS:
            at = min(
                range(1, len(deals)), key=lambda n: deals[n].timestamp - deals[n - 1].timestamp
            )
            deals[at - 1 : at + 1] = [_together(deals[at - 1], deals[at])]


class Token(Struct):
    """A token, its NAVs by time, and its newest price in the market."""

    navs: list[Nav] = field(default_factory=list[Nav])
    by_oracle: bool = True
    market: LatestPrice = field(default_factory=LatestPrice)
    parties: dict[str, Investor] = field(default_factory=dict[str, Investor])
    judged: int = 0
    """Time of the newest NAV that dealings were held against."""
    changes: int = 0
    """Of the NAV, that counted."""
    rises: int = 0
    """How many of these were rises."""

    def learn(self, nav: Nav) -> None:
        """A NAV, which may have been announced before others that are known."""
        self.navs.append(nav)
        self.navs.sort(key=_announced)
        del self.navs[:-_MOST_NAVS]

    def changed(self, *, rise: bool) -> None:
        """The NAV changed so much that it counts."""
        self.changes += 1
        self.rises += rise

    def coin(self, *, rise: bool) -> float:
        """How often one is right by always expecting a rise, or a fall."""
        return coin_that_goes_with(self.rises if rise else self.changes - self.rises, self.changes)

    def nav_at(self, time: int) -> Nav | None:
        """The NAV in force."""
        return next((one for one in reversed(self.navs) if one.announced <= time), None)

    def gap(self, nav: Nav, price: float) -> float | None:
        """A price in the market over the NAV, less one; None if there is none (0), or in another
        currency."""
        if not price:
            return None
        one, other = self.market.currency, nav.currency
        if one and other and one != other and not (one in _SAME and other in _SAME):
            return None
        return price / nav.value - 1

    def investor(self, party: str) -> Investor:
        """Who deals now: a new one, for which the idlest may have to go, or one that is known."""
        investor = self.parties.pop(party, None)
        if investor is None:
            investor = Investor()
            if len(self.parties) >= _MOST_PARTIES:
                drop_idlest(self.parties, _MOST_PARTIES - 1)
        self.parties[party] = investor
        return investor


def _announced(nav: Nav) -> int:
    return nav.announced


def _together(one: Deal, other: Deal) -> Deal:
    larger = max(one, other, key=lambda deal: abs(deal.quantity))
    return Deal(other.timestamp, one.quantity + other.quantity, larger.witness)
