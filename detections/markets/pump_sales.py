"""Who sells into a pump what he bought before it.

What counts as that says `detections.correlators.pump_and_dump`.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from detections.alerting.findings import witness
from detections.markets.pump_rise import Pump
from detections.markets.pump_stakes import MOST_PURCHASES, Stake, Stakes, stake_of
from detections.parties import Party, is_exempt
from detections.rounding import reaches
from normalizer.events.chain import PoolSwap
from normalizer.events.market import Trade


class SaleParameters(Protocol):
    """What a party must have bought before a pump, and sold into it."""

    @property
    def accumulation(self) -> int: ...
    @property
    def minimum_accumulation(self) -> float: ...
    @property
    def minimum_one_sided(self) -> float: ...
    @property
    def minimum_sold(self) -> float: ...
    @property
    def minimum_gain(self) -> float: ...


class Distribution(Struct, frozen=True):
    """What a party had bought when a pump began, and sold since."""

    stake: Stake
    held: float
    """What it had, in whole units."""
    cost: float
    """What it paid for each."""
    one_sided: float
    share: float
    """What it had, as a part of all that was traded."""
    part: float
    """What it has sold since, net, as a part of what it had."""
    gain: float
    """By how much its price is above what it paid, as a part of that."""

    @property
    def earned(self) -> float:
        """What it gained, in the quote currency."""
        return self.stake.proceeds - self.stake.sold_since * self.cost


def note_sides(
    event: Trade | PoolSwap,
    price: float,
    quantity: float,
    stakes: Stakes,
    pump: Pump | None,
    oldest: int,
    exempt: frozenset[str],
) -> None:
    """Note who bought and who sold; what is older than `oldest` is forgotten."""
    bought, sold = _names(event)
    if bought == sold:
        return
    if isinstance(event, Trade):
        buyer_labels, seller_labels = event.buyer_labels, event.seller_labels
    else:
        buyer_labels = seller_labels = event.investor_labels
    time, market, seen = event.timestamp, market_name(event), witness(event)
    if bought is not None and not is_exempt(buyer_labels, exempt):
        stake = stake_of(stakes, market + bought)
        step = stake.step(time, oldest)
        step.bought += quantity
        step.cost += quantity * price
        purchases = stake.purchases
        purchases.append(seen)
        if len(purchases) > MOST_PURCHASES:
            del purchases[0]
        if pump is not None:
            stake.buy_since(pump.start, quantity)
    if sold is not None and not is_exempt(seller_labels, exempt):
        stake = stake_of(stakes, market + sold)
        stake.step(time, oldest).sold += quantity
        if pump is not None:
            stake.sell_since(pump.start, quantity, price, seen)


def revise_sides(was: Trade, now: Trade | None, stakes: Stakes, exempt: frozenset[str]) -> None:
    """A trade was taken back or corrected: who bought and who sold, without it."""
    bought, sold = _names(was)
    if bought == sold:
        return
    for name, buys in ((bought, True), (sold, False)):
        stake = None if name is None else stakes.get(market_name(was) + name)
        labels = was.buyer_labels if buys else was.seller_labels
        if stake is not None and not is_exempt(labels, exempt):
            stake.revise(was, now, buys=buys)


def distribution(
    event: Trade | PoolSwap,
    party: Party,
    pump: Pump,
    stakes: Stakes,
    homes: Mapping[str, Sequence[str]],
    p: SaleParameters,
) -> Distribution | None:
    """What a party that sells now has distributed, if it is that and wasn't told of before."""
    here = market_name(event)
    stake = stakes.get(f"{here}{party.key}")
    if stake is None or stake.alerted or stake.pump != pump.start or stake.distributed <= 0:
        return None
    since = pump.start - p.accumulation
    accumulated = stake.accumulated(since)
    held, cost = accumulated.held, accumulated.price
    names = [one + party.key for one in homes.get(event.token_id or "", ()) if one != here]
    elsewhere = [found for one in names if (found := stakes.get(one)) is not None]
    held -= stake.handed_on(since, elsewhere)
    share = held / pump.traded if pump.traded else 0.0
    if held <= 0 or not (
        reaches(share, p.minimum_accumulation)
        and reaches(accumulated.one_sided, p.minimum_one_sided)
    ):
        return None
    part = stake.distributed / held
    gain = stake.proceeds / stake.sold_since / cost - 1 if cost else 0.0
    if not (reaches(part, p.minimum_sold) and reaches(gain, p.minimum_gain)):
        return None
    return Distribution(stake, held, cost, accumulated.one_sided, share, part, gain)


def market_name(event: Trade | PoolSwap) -> str:
    """The market's part of the names of its stakes."""
    return f"{event.venue}\0{event.instrument}\0"


def _names(event: Trade | PoolSwap) -> tuple[str | None, str | None]:
    """The widest names of who bought and who sold."""
    if isinstance(event, Trade):
        return (
            event.buyer_cluster or event.buyer_id or event.buyer_account,
            event.seller_cluster or event.seller_id or event.seller_account,
        )
    name = event.investor_cluster or event.investor_id or event.investor_address
    return (name, None) if event.side == "buy" else (None, name)
