"""What one run did, from the counters that its processes kept."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from pipeline.units import SECOND, format_duration

#: The worst first.
_LEVELS = ("critical", "high", "medium", "low", "informational")


class RunSummary(Struct, frozen=True, kw_only=True):
    """What ``tapewatch run --until-done --json`` prints."""

    seconds: float
    read: Mapping[str, int]
    """Frames by source."""
    events: int
    alerts: Mapping[str, int]
    """By level, those without any left out."""
    dead_letters: Mapping[str, int]
    """By stage."""
    delivered: Mapping[str, int]
    """Documents by sink."""


def summarise(metrics: Path, seconds: float) -> RunSummary:
    """What the counters in a folder of metrics say, once their processes have ended.

    Of a stage that was started again, what it did twice counts twice.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(metrics))
    samples = [sample for metric in registry.collect() for sample in metric.samples]
    taken = _of(samples, "tapewatch_messages_in_total")
    made = _of(samples, "tapewatch_messages_out_total")
    levels = _summed(_of(samples, "tapewatch_alerts_total"), "level")
    return RunSummary(
        seconds=round(seconds, 1),
        read=_summed((one for one in taken if one[0]["stage"] == "collectors"), "source"),
        events=sum(number for labels, number in made if labels["stage"] == "normalizer"),
        alerts={level: levels[level] for level in _LEVELS if level in levels},
        dead_letters=_summed(_of(samples, "tapewatch_messages_dead_total"), "stage"),
        delivered=_summed((one for one in made if one[0]["stage"] == "delivery"), "source"),
    )


def summary_text(summary: RunSummary) -> str:
    """The same for people, a line each."""
    alerts = sum(summary.alerts.values())
    dead = sum(summary.dead_letters.values())
    lines = [
        f"done in {format_duration(round(summary.seconds) * SECOND)}",
        f"read       {_listed(summary.read) or 'nothing new'}",
        f"events     {summary.events:,}",
        f"alerts     {alerts:,}" + (f" ({_listed(summary.alerts)})" if alerts else ""),
        f"delivered  {_listed(summary.delivered) or 'nothing'}",
        f"dead       {dead:,}"
        + (f" ({_listed(summary.dead_letters)}): see `tapewatch dead list`" if dead else ""),
    ]
    return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())


_Counted = tuple[Mapping[str, str], int]


def _of(samples: Iterable[Any], name: str) -> list[_Counted]:
    return [(one.labels, int(one.value)) for one in samples if one.name == name]


def _summed(counted: Iterable[_Counted], label: str) -> dict[str, int]:
    """By what a label says, in order, those without any left out."""
    found: Counter[str] = Counter()
    for labels, number in counted:
        found[labels[label]] += number
    return {name: found[name] for name in sorted(found) if found[name]}
