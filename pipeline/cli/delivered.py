"""Alerts that were delivered, and the time of the events behind them: where a sink put them."""

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from pipeline.cli.backtest_inputs import elasticsearch_sink
from pipeline.cli.chosen_sink import check_one, file_sink_folder
from pipeline.cli.failures import CONFIGURATION, Failure

if TYPE_CHECKING:
    from pipeline.config.schema import Configuration
    from pipeline.event_sources import EventSource

#: Of the newest file of events: its end has the newest event, though perhaps not as its last line.
_TAIL = 1 << 20


class Delivered(Struct, frozen=True, kw_only=True):
    """What a sink holds."""

    name: str
    alerts: "EventSource"
    events: "EventSource | None"
    cases: "EventSource | None"
    """What was done to cases; None where it isn't kept."""
    span: tuple[int, int] | None
    """Times of the first and the last event; None where no events are kept."""
    rules: tuple[Path, ...] = ()
    """The configured rules; empty where nothing was read of a configuration."""
    pipelines: tuple[Path, ...] = ()


def delivered(
    config: Path, *, out: Path | None, elasticsearch: bool, sink: str | None
) -> Delivered:
    """What was asked for; without anything the configured file sink. Raises Failure."""
    check_one(out, elasticsearch, sink)
    if out is not None:
        return _of_folder(out)

    from pipeline import logs
    from pipeline.config.loading import load_configuration

    loaded = load_configuration(config, resolve="later")
    logs.configure(loaded.logging, stage="rules")
    if not elasticsearch:
        return _with_rules(_of_folder(file_sink_folder(loaded, config)), loaded)

    from delivery.build import elasticsearch_connection
    from delivery.elasticsearch_reader import ElasticsearchSource, time_span
    from delivery.templates import StreamNames

    settings = elasticsearch_sink(loaded, config, sink)
    connection = elasticsearch_connection(settings)
    names = StreamNames(namespace=settings.namespace)
    span = time_span(connection, names.stream("events"))
    found = Delivered(
        name=f"Elasticsearch {names.stream('alerts')}",
        alerts=ElasticsearchSource(connection, names.stream("alerts")),
        events=ElasticsearchSource(connection, names.stream("events")) if span else None,
        cases=(
            ElasticsearchSource(connection, names.stream("cases"))
            if time_span(connection, names.stream("cases"))
            else None
        ),
        span=span,
    )
    return _with_rules(found, loaded)


def _with_rules(found: Delivered, config: "Configuration") -> Delivered:
    settings = config.detections
    return replace(found, rules=tuple(settings.rules), pipelines=tuple(settings.pipelines))


def _of_folder(folder: Path) -> Delivered:
    from pipeline.event_sources.files import FileSource
    from pipeline.event_sources.selection import select_files

    alerts = folder / "alerts"
    if not alerts.is_dir():
        raise Failure(
            f"{alerts} is no folder: name the folder that a file sink writes to", CONFIGURATION
        )
    events = folder / "events"
    kept = sorted(events.glob("*.ndjson")) if events.is_dir() else []
    files = sorted(alerts.glob("*.ndjson"))
    cases = sorted((folder / "cases").glob("*.ndjson"))
    return Delivered(
        name=str(folder),
        alerts=FileSource(select_files(files)),
        events=FileSource(select_files(kept)) if kept else None,
        cases=FileSource(select_files(cases)) if cases else None,
        span=_span(kept),
    )


def _span(files: list[Path]) -> tuple[int, int] | None:
    """Times at both ends of files that were written one after the other."""
    from detections.backtest.meter import LineClock

    clock = LineClock()
    times: list[int] = []
    try:
        for path in files[:1] + files[-1:]:
            size = path.stat().st_size
            with path.open("rb") as file:
                for start in sorted({0, max(0, size - _TAIL)}):
                    file.seek(start)
                    lines = file.read(_TAIL).split(b"\n")
                    times += [time for line in lines if (time := clock.time_of(line)) is not None]
    except OSError as error:
        raise Failure(f"can't read {error.filename}: {error.strerror}") from error
    return (min(times), max(times)) if times else None
