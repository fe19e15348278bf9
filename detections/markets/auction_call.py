"""An auction's call: what waits in it, and what was pulled from it shortly before its price."""

from msgspec import Struct, field

from detections.alerting.findings import Witness
from detections.parties import Party


class Waiting(Struct, frozen=True, array_like=True):
    """An order in the auction."""

    time: int
    buy: bool
    quantity: float
    price: float | None
    name: str
    """Whose it is, by the widest name; empty of those that are left out."""
    seen: Witness


class Pulled(Struct):
    """What a party cancelled on one side shortly before the time."""

    buy: bool
    name: str
    who: Party
    reference: str
    phase: str
    orders: list[Waiting] = field(default_factory=list[Waiting])
    last: int = 0
    """When the last of them was cancelled."""
    seen: list[Witness] = field(default_factory=list[Witness])
    """How they were cancelled."""
    changed: bool = False
    """Whether one was changed."""
    unsure: bool = False


class Auction(Struct):
    """One auction of one market."""

    at: int
    """When its price is made."""
    bid_orders: int = 0
    ask_orders: int = 0
    waiting: dict[str, Waiting] = field(default_factory=dict[str, Waiting])
    """By order id."""
    stood: list[tuple[bool, float | None, float]] = field(
        default_factory=list[tuple[bool, float | None, float]]
    )
    """Side, price and quantity of what waited when the first order was pulled."""
    pulled: dict[str, Pulled] = field(default_factory=dict[str, Pulled])
    """By party and side."""


class Standing(Struct, frozen=True):
    """What waits in an auction as its price is made, added up once for all that was pulled."""

    price: float | None
    waited: dict[bool, float]
    """By side, of what would have traded when the first order was pulled."""
    of_party: dict[tuple[str, bool], float]
    """By party and side."""
    again: dict[tuple[str, bool], float]
    """The same of what came in the last seconds, near enough to trade."""
    alike: dict[tuple[float, bool], float]
    """That by the quantity of one order, for those that name nobody."""


def standing_at(auction: Auction, price: float | None, since: int, within: float) -> Standing:
    """Add up what waits; what came `since` then is put in again where it is no further than
    `within` from where it would trade, as a part of the price.
    """
    standing = Standing(price, {True: 0.0, False: 0.0}, {}, {}, {})
    for buy, limit, quantity in auction.stood:
        if would_trade(buy, limit, price):
            standing.waited[buy] += quantity
    near = {buy: price and price * (1 - within if buy else 1 + within) for buy in (True, False)}
    for one in auction.waiting.values():
        party, alike = (one.name, one.buy), (one.quantity, one.buy)
        standing.of_party[party] = standing.of_party.get(party, 0.0) + one.quantity
        if one.time >= since and would_trade(one.buy, one.price, near[one.buy]):
            standing.again[party] = standing.again.get(party, 0.0) + one.quantity
            standing.alike[alike] = standing.alike.get(alike, 0.0) + one.quantity
    return standing


def would_trade(buy: bool, limit: float | None, price: float | None) -> bool:
    """Whether an order is at the market, or at a price or better for the other side."""
    if limit is None or price is None:
        return True
    return limit >= price if buy else limit <= price
