"""What is said of who made the price before a reference time, or held it there."""

from msgspec import Struct

from detections.alerting.findings import Finding
from detections.alerting.odd_close_alert import went
from detections.alerting.wording import amount, lapse, percent
from detections.markets.reference_window import ReferenceWindow, Trading
from detections.parties import Party
from normalizer.events.market import MarketEvent

#: Of a rule that doesn't ask how far the price went, five times this is as sure as it gets.
_FAR = 0.0002


class Mark(Struct, frozen=True):
    """What a party did before a reference time."""

    sign: float
    """1 if it bought, net, else -1."""
    share: float
    end_share: float
    before: float
    """Its net share of the hour before, the same way."""
    moved: float = 0.0
    pushed: float = 0.0
    held: float | None = None


class Asked(Struct, frozen=True):
    """What a rule asks for."""

    window: int
    """Nanoseconds before the reference time, in which the price is made."""
    end: int
    """The last of them."""
    minimum_share: float
    minimum_move: float


def marked_finding(
    event: MarketEvent,
    window: ReferenceWindow,
    trading: Trading,
    mark: Mark,
    party: Party,
    asked: Asked,
    last: bool,
    times: int,
) -> Finding:
    """Of a party, which traded `last` or not, told of for the `times`-th day; `event` is the one
    that showed that the time is past."""
    share, end_share = mark.share, mark.end_share
    did = "bought" if mark.sign > 0 else "sold"
    net = abs(trading.bought - trading.sold)
    gains = mark.before > 0
    also = " and traded last" if last else ""
    metrics = {
        "change": mark.moved,
        "usual_change": window.usual_move,
        "price": window.price,
        "vwap_before": window.vwap_before,
        "share": share,
        "end_share": end_share,
        "share_before": mark.before,
        "quantity": net,
        "taken": trading.taken,
        "traded_last": float(last),
        "position_gains": float(gains),
        "times": float(times),
    }
    if mark.held is None:
        metrics["pushed"] = mark.pushed
    else:
        metrics["position_before"] = mark.held
    over = min(
        1.0, (max(share, end_share) - asked.minimum_share) / (1 - asked.minimum_share + 1e-9)
    )
    far = min(1.0, abs(mark.moved) / (5 * (asked.minimum_move or _FAR)))
    return Finding(
        entities=party.names,
        reason=(
            f"{party} {did} {amount(net)} {event.instrument} on {event.venue} in the last "
            f"{lapse(asked.window)} before {window.name}, {percent(share)} of all that was traded "
            f"({percent(max(0.0, end_share))} in the last {lapse(asked.end)}){also}; "
            f"{_how(window, mark)}"
        ),
        witnesses=tuple(trading.trades),
        confidence=min(
            1.0,
            0.5
            + 0.15 * max(0.0, over)
            + 0.1 * far
            + 0.1 * last
            + 0.05 * gains
            + 0.1 * min(1.0, (times - 1) / 2),
        ),
        metrics=metrics,
        tags=("unsure",) if "unsure" in event.tags else (),
    )


def _how(window: ReferenceWindow, mark: Mark) -> str:
    """What the price did, or what the party holds."""
    moved = mark.moved
    if mark.held is not None:
        return (
            f"it holds {amount(mark.held)} more, and its last price was "
            f"{percent(abs(moved))} {'above' if moved > 0 else 'below'} the average of the "
            f"hour before; the market ended at {amount(window.price)}"
        )
    if not moved:
        return f"the price went no further, and ended at {amount(window.price)}"
    return (
        f"the price {went(moved)} by {percent(abs(moved))}, "
        f"{percent(max(0.0, min(1.0, mark.pushed)))} of it by its own trades, and ended at "
        f"{amount(window.price)}"
    )
