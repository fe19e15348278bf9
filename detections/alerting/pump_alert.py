"""The alerts on a pump: that a price was driven up, that it fell back, and who sold into it."""

import math

from detections.alerting.findings import Finding, Witness
from detections.alerting.wording import amount, lapse, percent
from detections.markets.pump_rise import MOST_MULTIPLE, Pump, Rise, RiseParameters
from detections.markets.pump_sales import Distribution, SaleParameters
from detections.markets.pump_tape import CHUNK
from detections.parties import Party
from normalizer.events.chain import PoolSwap
from normalizer.events.market import Trade


def rise_finding(
    event: Trade | PoolSwap, rise: Rise, evidence: tuple[Witness, ...], asked: RiseParameters
) -> Finding:
    """A rush of purchases drives a price up: by how much beyond what was asked for makes it sure.

    Confidence is before it is calibrated on labelled data, here and below.
    """
    burst = rise.burst
    more = math.log10(rise.multiple / asked.minimum_volume_multiple) / 2
    far = (
        rise.volatilities / (5 * asked.minimum_volatilities) if asked.minimum_volatilities else 0.0
    )
    rushed = f" and {burst.rush} rush orders" if burst.rush else ""
    money = _money(event)
    many = (
        "where next to nothing is usual"
        if rise.multiple >= MOST_MULTIPLE
        else f"{amount(round(rise.multiple, 1))} times what is usual"
    )
    return Finding(
        entities=(event.instrument,),
        reason=(
            f"{event.instrument} on {event.venue} rose by {percent(rise.rise)} within "
            f"{lapse(round(burst.chunks * CHUNK))}, from {amount(burst.before)} to "
            f"{amount(event.price or 0.0)}{money}, {amount(round(rise.volatilities, 1))} times "
            f"as far as is usual, in {burst.trades} trades{rushed} worth "
            f"{amount(burst.value)}{money}, {many}"
        ),
        witnesses=evidence,
        confidence=(
            0.5
            + 0.2 * min(1.0, max(0.0, more))
            + 0.2 * min(1.0, far)
            + (0.1 if rise.rush_sigmas >= asked.minimum_sigmas else 0.0)
        ),
        metrics={
            "change": rise.rise,
            "price_before": burst.before,
            "price": event.price or 0.0,
            "window": burst.chunks * CHUNK / 1e9,
            "trades": float(burst.trades),
            "purchases": float(burst.purchases),
            "bought_share": burst.bought / burst.value if burst.value else 0.0,
            "rush_orders": float(burst.rush),
            "rush_sigmas": rise.rush_sigmas,
            "notional": burst.value,
            "volume_multiple": rise.multiple,
            "volatilities": rise.volatilities,
        },
        tags=_tags(event),
    )


def fall_finding(
    event: Trade | PoolSwap, pump: Pump, price: float, newest: tuple[Witness, ...]
) -> Finding:
    """The price has given a rise back; `newest` are the trades since it began."""
    fall, given_back = 1 - price / pump.peak, pump.gave_back(price)
    after = lapse(event.timestamp - pump.peak_time)
    return Finding(
        entities=(event.instrument,),
        reason=(
            f"{event.instrument} on {event.venue} rose by {percent(pump.rise)}, from "
            f"{amount(pump.before)} to {amount(pump.peak)}, with a rush of purchases, and "
            f"fell by {percent(fall)} to {amount(price)} within {after} after: it gave "
            f"back {percent(given_back)} of the rise"
        ),
        witnesses=_in_order((*pump.witnesses, *newest)),
        confidence=min(1.0, 0.6 + 0.2 * min(1.0, pump.rise) + 0.2 * min(1.0, given_back)),
        metrics={
            "change": pump.rise,
            "price_before": pump.before,
            "peak": pump.peak,
            "price": price,
            "fall": fall,
            "given_back": given_back,
            "seconds_after_peak": (event.timestamp - pump.peak_time) / 1e9,
        },
        tags=_tags(event),
    )


def distribution_finding(
    event: Trade | PoolSwap, party: Party, pump: Pump, found: Distribution, asked: SaleParameters
) -> Finding:
    """A party has sold into a pump what it had bought before."""
    stake = found.stake
    return Finding(
        entities=(*party.names, event.instrument),
        reason=(
            f"{party} bought {amount(found.held)} {event.instrument} on {event.venue} within "
            f"{lapse(asked.accumulation)} before a rise by "
            f"{percent(pump.rise)} with a rush of purchases, "
            f"{percent(found.share)} of all that was traded, and sold {amount(stake.sold_since)} "
            f"since for {percent(found.gain)} more, a gain of "
            f"{amount(round(found.earned, 2))}{_money(event)}"
        ),
        witnesses=_in_order((*stake.purchases, *pump.witnesses, *stake.sales)),
        confidence=min(
            1.0,
            0.7
            + 0.1 * min(1.0, found.share / (5 * asked.minimum_accumulation))
            + 0.1 * min(1.0, found.part)
            + 0.1 * min(1.0, found.gain / (5 * asked.minimum_gain) if asked.minimum_gain else 1.0),
        ),
        metrics={
            "change": pump.rise,
            "accumulated": found.held,
            "accumulated_share": found.share,
            "one_sided": found.one_sided,
            "sold": stake.sold_since,
            "bought_since": stake.bought_since,
            "sold_part": found.part,
            "gain": found.gain,
            "gain_notional": found.earned,
        },
        tags=_tags(event),
    )


def _money(event: Trade | PoolSwap) -> str:
    return f" {event.currency}" if event.currency else ""


def _tags(event: Trade | PoolSwap) -> tuple[str, ...]:
    return ("unsure",) if "unsure" in event.tags else ()


def _in_order(seen: tuple[Witness, ...]) -> tuple[Witness, ...]:
    once = {one.id: one for one in seen}
    return tuple(sorted(once.values(), key=lambda one: one.timestamp))
