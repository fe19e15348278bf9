"""What an account or asset did in a period, without trades that a venue took back or corrected."""

from collections.abc import Iterable

from detections.alerting.findings import witness
from detections.markets.activity import Activity
from normalizer.events.market import Trade


def value_of(trade: Trade) -> float | None:
    """What it is worth, if that is a number to count with."""
    value = trade.price * trade.quantity
    return value if 0 <= value < 1e300 else None


def revise_party(
    activity: Activity, was: Trade, now: Trade | None, other: str | None, slot: int, *, buys: bool
) -> None:
    """A party's trade with another one was taken back or corrected."""
    market = f"{was.venue}/{was.instrument}"
    activity.slots[slot] -= now is None
    if (value := value_of(was)) is not None:
        activity.take_back(value, other, market, bought=buys)
    if now is not None and (value := value_of(now)) is not None:
        activity.put_back(value, other, market, bought=buys)


def revise_asset(activity: Activity, was: Trade, now: Trade | None, slot: int) -> None:
    """An asset's trade was taken back or corrected."""
    buys = was.side != "sell"
    activity.slots[slot] -= now is None
    if (value := value_of(was)) is not None:
        activity.take_back(value, None, "", bought=buys)
        for name in parties(was):
            activity.forget_other(name, value)
    if now is not None and (value := value_of(now)) is not None:
        activity.put_back(value, None, "", bought=buys)
        for name in parties(now):
            activity.name_other(name, value)


def parties(trade: Trade) -> tuple[str | None, str | None]:
    """The widest names of buyer and seller."""
    return (
        trade.buyer_cluster or trade.buyer_id or trade.buyer_account,
        trade.seller_cluster or trade.seller_id or trade.seller_account,
    )


def is_extreme(activity: Activity, trade: Trade) -> bool:
    """Whether it was the first, last, largest, highest or lowest, or is evidence."""
    value, price = value_of(trade), trade.price
    return (value is not None and value >= activity.largest) or (
        price in (activity.opened, activity.price, activity.high, activity.low)
        or any(one.id == trade.id for one in activity.witnesses)
    )


def renew_extremes(activity: Activity, gone: Iterable[str], trades: Iterable[Trade]) -> None:
    """Find the first, last, largest, highest and lowest anew: `trades` are all of the period that
    count, and those with the ids in `gone` don't."""
    first, lost = activity.witnesses[:1], set(gone)
    activity.witnesses = [one for one in first if one.id not in lost]
    activity.largest = activity.opened = activity.price = activity.high = activity.low = 0.0
    for one in trades:
        if not activity.witnesses:
            activity.witnesses.append(witness(one))
        if (value := value_of(one)) is not None:
            activity.note_extremes(one, value)
