"""The part of the page on confidence."""

from collections.abc import Iterable, Iterator, Sequence

from detections.proportions import Interval
from detections.staging.sureness import BOUNDS, ENOUGH
from simulation.accuracy.reliability import Band, OfConfidence, Reliability


def sections(found: Reliability) -> Iterator[str]:
    """Markdown, part by part."""
    yield "## Reliability of confidence\n"
    yield (
        "How many alerts of each confidence were right, over all simulated sessions, honest ones "
        "too. Confidence is calibrated if of ten alerts with 0.7 seven are right. What this can "
        "tell has a limit: abuse is far more frequent here than in a market, and the honest crowd "
        "is simpler, so nearly all alerts are right. `too sure` (the mean confidence is above the "
        "interval) holds anywhere. `too unsure` says only that nothing here speaks against more; "
        "by how much it may rise, only alerts of a real market can tell that people have closed as "
        "right or wrong.\n"
    )
    if found.brier is not None:
        yield f"Brier score of all alerts: {found.brier:.3f}.\n"
    yield _table(
        ("confidence", "alerts", "right"),
        ((_range(one), str(one.alerts), _percent(one.right)) for one in found.bands),
    )
    bands = tuple(_range(one) for one in found.bands)
    yield (
        "By typology: right alerts of all in each band of confidence, with the interval of their "
        "share.\n"
    )
    yield _table(
        ("typology", *bands),
        ((one.typology, *(_cell(band) for band in one.bands)) for one in found.typologies),
    )
    yield f"By rule; a verdict where it has {ENOUGH} alerts or more:\n"
    yield _table(
        ("rule", "alerts", "mean confidence", "right", "verdict"),
        (_rule(one) for one in found.rules),
    )


def _rule(one: OfConfidence) -> tuple[str, ...]:
    return (
        one.rule.replace("|", "/"),
        str(one.alerts),
        f"{one.confidence:.2f}",
        _percent(one.right),
        one.verdict,
    )


def _range(band: Band) -> str:
    if band.low == 0.0:
        return f"below {band.high:g}"
    return f"{band.low:g} to {band.high:g}" if band.high in BOUNDS else f"from {band.low:g}"


def _cell(band: Band) -> str:
    if band.right is None:
        return "–"
    right = round(band.right.value * band.alerts)
    return f"{right} of {band.alerts} ({band.right.low:.0%} to {band.right.high:.0%})"


def _percent(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    return f"{interval.value:.0%} ({interval.low:.0%} to {interval.high:.0%})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join(lines) + "\n"
