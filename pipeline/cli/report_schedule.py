"""``tapewatch report schedule``: makes what is due, and tells what comes next."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec import Struct

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput
from pipeline.cli.failures import CONFIGURATION, Failure, command
from pipeline.cli.printing import output, say
from pipeline.cli.report import report, source_of_sink

if TYPE_CHECKING:
    from evidence.reports.scheduled import ReportSchedule
    from evidence.reports.source import ReportSource
    from pipeline.config.schema import Configuration


class Scheduled(Struct, frozen=True, kw_only=True):
    """What ``tapewatch report schedule --json`` prints of one."""

    name: str
    report: str
    #: Periods that are due and not made.
    due: list[str]
    next: str
    #: ISO 8601, in its time zone.
    next_at: str


@report.command()
@command
def schedule(
    show: Annotated[
        bool, typer.Option("--list", help="Make nothing; tell what is due and what comes next.")
    ] = False,
    as_json: JsonOutput = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Make the reports that are due, each once: for cron, where the stage `reports` doesn't run.

    Exit 1 if one could not be made or sent; it is tried again the next time.
    """
    import time

    from evidence.reports.schedule import next_due
    from pipeline.cli.report import note_export
    from pipeline.config.loading import load_configuration
    from pipeline.time_zones import time_zone
    from pipeline.units import SECOND

    loaded = load_configuration(config, resolve="later" if show else "now")
    if loaded.reports is None or not loaded.reports.schedule:
        raise Failure(f"{config} has no reports.schedule", CONFIGURATION)

    def note(what: str, where: str) -> None:
        note_export(config, what, where)

    known = report_schedule(loaded, note)
    if not show:
        for one in known.run():
            done = "mailed" if one.mailed else "made"
            say(output(), f"{one.schedule}: {one.period} {done}: {one.folder}")
        return
    rows: list[Scheduled] = []
    for scheduled in loaded.reports.schedule:
        period, moment = next_due(scheduled, time.time_ns())
        at = datetime.fromtimestamp(moment // SECOND, time_zone(scheduled.time_zone))
        rows.append(
            Scheduled(
                name=scheduled.name,
                report=scheduled.report,
                due=[one.name for one in known.due(scheduled)],
                next=period.name,
                next_at=at.isoformat(),
            )
        )
    if as_json:
        typer.echo(msgspec.json.encode(rows))
        return
    for row in rows:
        due = f"due: {', '.join(row.due)}; " if row.due else ""
        say(output(), f"{row.name} ({row.report}): {due}next: {row.next} at {row.next_at}")


def report_schedule(config: "Configuration", note: Callable[[str, str], None]) -> "ReportSchedule":
    """The schedule of a configuration that has one."""
    import time
    from importlib.metadata import version

    from evidence.reports.scheduled import ReportSchedule
    from evidence.reports.source import FolderSource
    from pipeline.config.sinks import ElasticsearchSink, FileSink

    assert config.reports is not None
    sinks = {one.name: one for one in config.sinks}

    def source(name: str) -> "ReportSource":
        sink = sinks[name]
        if isinstance(sink, ElasticsearchSink):
            return source_of_sink(sink)
        assert isinstance(sink, FileSink)
        return FolderSource(sink.path)

    return ReportSchedule(
        config.reports,
        {one.name: (lambda sink=one.sink: source(sink)) for one in config.reports.schedule},
        version=version("tapewatch"),
        clock=time.time_ns,
        note=note,
    )
