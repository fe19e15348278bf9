"""The alerts on a market that went oddly before a reference time, whoever did it."""

from detections.alerting.findings import Finding
from detections.alerting.wording import amount, lapse, percent
from detections.markets.reference_window import ReferenceWindow
from detections.markets.side_run import Run
from normalizer.events.market import MarketEvent

#: Confidence before it is calibrated on labelled data.
_CONFIDENCE = 0.4


def moved_finding(
    event: MarketEvent, window: ReferenceWindow, moved: float, usual: float, lasted: int
) -> Finding:
    """The price moved and stayed there; `usual` is the quantity of as long a time."""
    volume = window.quantity / usual
    reason = (
        f"{event.instrument} on {event.venue} {went(moved)} by {percent(abs(moved))} to "
        f"{amount(window.price)} in the last {lapse(lasted)} before {window.name}, "
        f"on {amount(round(volume, 1))} times the quantity that is usual"
    )
    return _finding(event, window, reason, moved, volume)


def run_finding(
    event: MarketEvent, window: ReferenceWindow, run: Run, usual: float, lasted: int
) -> Finding:
    """Those who came in on one side ran the price through, wherever it ended."""
    volume = run.repeated / usual
    reason = (
        f"in the last {lapse(lasted)} before {window.name} others "
        f"{'bought' if run.up else 'sold'} {amount(run.quantity)} {event.instrument} on "
        f"{event.venue} at {run.times} times, {percent(run.share)} of all that was traded "
        f"meanwhile, and but for the largest {amount(round(volume, 1))} times the quantity "
        f"that is usual; the price {went(run.moved)} by {percent(abs(run.moved))} to "
        f"{amount(run.price)}, and ended at {amount(window.price)}"
    )
    run_metrics = {
        "quantity": run.quantity,
        "side_share": run.share,
        "times": float(run.times),
    }
    return _finding(event, window, reason, run.moved, volume, run_metrics)


def _finding(
    event: MarketEvent,
    window: ReferenceWindow,
    reason: str,
    change: float,
    volume: float,
    metrics: dict[str, float] | None = None,
) -> Finding:
    return Finding(
        entities=(event.instrument,),
        reason=reason,
        witnesses=tuple(window.newest),
        confidence=_CONFIDENCE,
        metrics={
            "change": change,
            "usual_change": window.usual_move,
            "price": window.price,
            **(metrics or {}),
            "volume_multiple": volume,
            "trades": float(window.trades),
        },
    )


def went(moved: float) -> str:
    """What a price did."""
    return "rose" if moved > 0 else "fell"
