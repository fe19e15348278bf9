"""The options of `tapewatch backtest` that say which events, as a source of them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from detections.engine.event_time import TIME_LIMITS
from pipeline.cli.failures import CONFIGURATION, Failure
from pipeline.cli.moments import sequence_of
from pipeline.problems import Problem, did_you_mean, one_of, render, shown

if TYPE_CHECKING:
    from pipeline.config.schema import Configuration
    from pipeline.config.sinks import ElasticsearchSink
    from pipeline.event_sources import EventSource


_BELONGS = {
    "--column": "--events",
    "--social-feed": "--order-log",
    "--venue": "--order-log",
    "--trade-sides": "--order-log",
    "--reference": "--order-log",
}


class Wanted(Struct, frozen=True, kw_only=True):
    """What was said on the command line."""

    config: Path
    events: Sequence[Path] = ()
    column: str | None = None
    order_log: Sequence[Path] = ()
    social_feed: Sequence[Path] = ()
    venue: str | None = None
    trade_sides: str | None = None
    reference: Sequence[Path] = ()
    stream: bool = False
    elasticsearch: bool = False
    sink: str | None = None
    index: str | None = None
    query: str | None = None
    since: str | None = None
    until: str | None = None


class Chosen(Struct, frozen=True, kw_only=True):
    """The source, the event times that count, and what the configuration says of its events."""

    source: "EventSource"
    since: int | None = None
    until: int | None = None
    allowed_lateness: int = 0
    idle_after: int = TIME_LIMITS.idle_after
    clock_tolerance: int = TIME_LIMITS.clock_tolerance
    pipelines: Sequence[Path] = ()


def choose(wanted: Wanted) -> Chosen:
    """The one source that was asked for. Raises Failure and ProblemsFound."""
    ways = [bool(wanted.events), bool(wanted.order_log), wanted.stream, wanted.elasticsearch]
    if sum(ways) != 1:
        raise Failure(
            "say where the events come from, by one of --events, --order-log, --stream and "
            "--elasticsearch",
            CONFIGURATION,
        )
    _check_belonging(wanted)
    if wanted.stream:
        return _stream(wanted)
    since, until = time_of(wanted.since, "--from"), time_of(wanted.until, "--to", end=True)
    _check_order(since, until)
    if wanted.events:
        from pipeline.event_sources.files import FileSource
        from pipeline.event_sources.selection import select_files

        files = FileSource(select_files(wanted.events), column=wanted.column)
        return Chosen(source=files, since=since, until=until)
    if wanted.order_log:
        return Chosen(source=_order_logs(wanted), since=since, until=until)
    return _elasticsearch(wanted, since, until)


def time_of(text: str | None, option: str, *, end: bool = False) -> int | None:
    """Nanoseconds of an option's time; as an `end` a day is meant to its end. Raises Failure."""
    if text is None:
        return None
    from detections.backtest.label_files import moment
    from detections.reading import NotAnEvent

    try:
        return moment(text, end=end)
    except NotAnEvent as error:
        hint = " (numbers of messages are for --stream)" if text.isdecimal() else ""
        raise Failure(
            f"{option} {text}: this isn't a time such as 2026-11-23T14:00:00Z, or a day such as "
            f"2026-11-23{hint}",
            CONFIGURATION,
        ) from error


def elasticsearch_sink(
    config: "Configuration", path: Path, name: str | None
) -> "ElasticsearchSink":
    """The configured sink of this name, or the only one. Raises Failure."""
    from pipeline.config.sinks import ElasticsearchSink

    sinks = {sink.name: sink for sink in config.sinks if isinstance(sink, ElasticsearchSink)}
    if not sinks:
        raise Failure(f"{path} has no sink of type elasticsearch", CONFIGURATION)
    if name is None and len(sinks) > 1:
        names = one_of(sorted(sinks))
        raise Failure(f"{path} has several Elasticsearch sinks: say --sink {names}", CONFIGURATION)
    found = sinks.get(name) if name is not None else next(iter(sinks.values()))
    if found is None:
        hint = did_you_mean(name or "", sinks)
        raise Failure(
            f"{path} has no Elasticsearch sink called {shown(name or '')}"
            + (f": did you mean {hint}?" if hint else f", but {one_of(sorted(sinks))}"),
            CONFIGURATION,
        )
    return found


def _check_belonging(wanted: Wanted) -> None:
    strays = {
        "--column": wanted.column is not None and not wanted.events,
        "--social-feed": bool(wanted.social_feed) and not wanted.order_log,
        "--venue": wanted.venue is not None and not wanted.order_log,
        "--trade-sides": wanted.trade_sides is not None and not wanted.order_log,
        "--reference": bool(wanted.reference) and not wanted.order_log,
        "--sink": wanted.sink is not None and not wanted.elasticsearch,
        "--index": wanted.index is not None and not wanted.elasticsearch,
        "--query": wanted.query is not None and not wanted.elasticsearch,
    }
    for option, stray in strays.items():
        if stray:
            belongs = _BELONGS.get(option, "--elasticsearch")
            raise Failure(f"{option} belongs to {belongs}", CONFIGURATION)


def _order_logs(wanted: Wanted) -> "EventSource":
    from pipeline.cli.raw_sources import raw_events

    def report(problem: Problem) -> None:
        print(render([problem]), file=sys.stderr)

    return raw_events(
        wanted.order_log,
        reference=wanted.reference,
        report=report,
        venue=wanted.venue,
        trade_sides=wanted.trade_sides,
        social_feed=wanted.social_feed,
    )


def _check_order(since: int | None, until: int | None) -> None:
    if since is not None and until is not None and since >= until:
        raise Failure("--to doesn't come after --from", CONFIGURATION)


def _stream(wanted: Wanted) -> Chosen:
    from pipeline import logs
    from pipeline.config.loading import load_configuration
    from pipeline.event_sources.stream import StreamSource

    # Secrets of sources and sinks are none of its business.
    config = load_configuration(wanted.config, resolve="later")
    logs.configure(config.logging, stage="backtest")
    bus, detections = config.bus, config.detections
    numbers = [text for text in (wanted.since, wanted.until) if text and text.isdecimal()]
    if numbers:
        first = sequence_of(wanted.since, "--from")
        last = sequence_of(wanted.until, "--to")
        if first is not None and last is not None and first > last:
            raise Failure("--to comes before --from", CONFIGURATION)
        return Chosen(
            source=StreamSource(bus, first=first, last=last),
            allowed_lateness=detections.allowed_lateness,
            idle_after=detections.idle_after,
            clock_tolerance=detections.clock_tolerance,
            pipelines=detections.pipelines,
        )
    since, until = time_of(wanted.since, "--from"), time_of(wanted.until, "--to", end=True)
    _check_order(since, until)
    return Chosen(
        source=StreamSource(bus, since=since),
        since=since,
        until=until,
        allowed_lateness=detections.allowed_lateness,
        idle_after=detections.idle_after,
        clock_tolerance=detections.clock_tolerance,
        pipelines=detections.pipelines,
    )


def _elasticsearch(wanted: Wanted, since: int | None, until: int | None) -> Chosen:
    from delivery.build import elasticsearch_connection
    from delivery.elasticsearch_reader import ElasticsearchSource
    from delivery.templates import StreamNames
    from pipeline import logs
    from pipeline.config.loading import load_configuration

    config = load_configuration(wanted.config, resolve="later")
    logs.configure(config.logging, stage="backtest")
    sink = elasticsearch_sink(config, wanted.config, wanted.sink)
    source = ElasticsearchSource(
        elasticsearch_connection(sink),
        wanted.index or StreamNames(namespace=sink.namespace).stream("events"),
        query=wanted.query,
        since=since,
        until=until,
    )
    return Chosen(
        source=source,
        since=since,
        until=until,
        allowed_lateness=config.detections.allowed_lateness,
        idle_after=config.detections.idle_after,
        clock_tolerance=config.detections.clock_tolerance,
        pipelines=config.detections.pipelines,
    )
