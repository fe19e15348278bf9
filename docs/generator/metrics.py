"""``metrics.md``: the Prometheus metrics."""

from collections.abc import Iterator
from typing import Any, cast

from prometheus_client import Counter, Gauge, Histogram

import pipeline.metrics
from docs.generator.markdown import code, document, table

_INTRODUCTION = """\
Served at `/metrics` on `observability.host` and `observability.port` of `pipeline.yaml`, for all
stages together where `tapewatch run` runs them all. A histogram has `_bucket`, `_sum` and `_count`.
Which alarms are worth having stands in the [operations tutorial](../tutorial-operations.md)."""

Metric = Counter | Gauge | Histogram


def page() -> str:
    """The page."""
    rows = [
        (code(name), kind, ", ".join(map(code, labels)), text)
        for name, kind, labels, text in _metrics()
    ]
    buckets = ", ".join(f"{bound:g}" for bound in pipeline.metrics.LATENCY_BUCKETS)
    return document(
        "Metrics",
        _INTRODUCTION,
        table(("metric", "kind", "labels", "what it counts"), rows),
        f"Buckets of the latencies, in seconds: {buckets}.",
    )


def _metrics() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    for value in vars(pipeline.metrics).values():
        if isinstance(value, Metric):
            for described in value.describe():
                suffix = "_total" if described.type == "counter" else ""
                labels: tuple[str, ...] = tuple(cast("Any", value)._labelnames)
                yield f"{described.name}{suffix}", described.type, labels, described.documentation
