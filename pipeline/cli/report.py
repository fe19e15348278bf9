"""``tapewatch report weekly`` and ``monthly``: what happened, as HTML and PDF."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.chosen_sink import (
    FromElasticsearch,
    Out,
    WhichSink,
    check_one,
    file_sink_folder,
)
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.output_files import keep_new
from pipeline.cli.printing import output, say
from pipeline.page.words import plural

if TYPE_CHECKING:
    from evidence.reports.export import Manifest
    from evidence.reports.figures import Figures
    from evidence.reports.period import Kind
    from evidence.reports.source import ReportSource
    from pipeline.config.sinks import ElasticsearchSink

report = typer.Typer(
    help="Weekly and monthly reports, and suspicious reports to an authority.",
    no_args_is_help=True,
)
app.add_typer(report, name="report")

To = Annotated[
    Path | None,
    typer.Option("--to", help="A new folder.", show_default="reports/KIND/NAME"),
]
Zone = Annotated[str, typer.Option("--time-zone", help="Whose days and weeks: that of the venue.")]


@report.command()
@command
def weekly(
    week: Annotated[
        str | None,
        typer.Argument(help="2026-W47, or a day in it.", show_default="the last whole one"),
    ] = None,
    to: To = None,
    out: Out = None,
    elasticsearch: FromElasticsearch = False,
    sink: WhichSink = None,
    time_zone: Zone = "UTC",
    as_json: JsonOutput = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """The summary of a week, against the week before. Exit 1 if something could not be read or is
    lacking: it says what, and is written all the same."""
    _make(
        "weekly", week, to, source_of(out, elasticsearch, sink, config), time_zone, as_json, config
    )


@report.command()
@command
def monthly(
    month: Annotated[
        str | None,
        typer.Argument(help="2026-11, or a day in it.", show_default="the last whole one"),
    ] = None,
    to: To = None,
    out: Out = None,
    elasticsearch: FromElasticsearch = False,
    sink: WhichSink = None,
    time_zone: Zone = "UTC",
    as_json: JsonOutput = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """The compliance report of a month, against the month before. Exit 1 as `weekly`."""
    _make(
        "monthly",
        month,
        to,
        source_of(out, elasticsearch, sink, config),
        time_zone,
        as_json,
        config,
    )


def _make(
    kind: "Kind",
    name: str | None,
    to: Path | None,
    source: "ReportSource",
    zone: str,
    as_json: bool,
    config: Path,
) -> None:
    import time
    from importlib.metadata import version

    from evidence.reports.export import AlreadyThere, export
    from evidence.reports.gathering import figures_of
    from evidence.reports.period import PeriodWrong, last_whole, named
    from pipeline.time_zones import UnknownZone
    from pipeline.time_zones import time_zone as zone_of

    now = time.time_ns()
    try:
        where = zone_of(zone)
        period = last_whole(kind, now, where) if name is None else named(kind, name, where)
    except (UnknownZone, PeriodWrong) as error:
        raise Failure(str(error), CONFIGURATION) from None
    folder = to or Path("reports") / kind / period.name
    keep_new(folder, "name a new folder by --to")
    figures = figures_of(source, period)
    note_export(config, f"{kind} report {period.name}", str(folder))
    try:
        manifest = export(figures, folder, version("tapewatch"))
    except AlreadyThere as error:
        raise Failure(str(error), CONFIGURATION) from None
    except OSError as error:
        raise Failure(
            f"can't write {error.filename or folder}: {error.strerror or error}"
        ) from None
    if as_json:
        typer.echo(msgspec.json.encode(figures))
    else:
        _tell(figures, manifest, folder)
    if now < period.end:
        typer.echo(
            f"{period.name} is not over before {period.after} ({period.zone}): what comes until "
            "then is not in it",
            err=True,
        )
    if figures.unreadable:
        raise typer.Exit(FAILED)


def source_of(
    out: Path | None, elasticsearch: bool, sink: str | None, config: Path
) -> "ReportSource":
    """Where the documents are, as asked for; without anything the configured file sink."""
    from evidence.reports.source import FolderSource

    check_one(out, elasticsearch, sink)
    if out is not None:
        return FolderSource(out)

    from pipeline.cli.backtest_inputs import elasticsearch_sink
    from pipeline.config.loading import load_configuration

    loaded = load_configuration(config, resolve="later")
    if elasticsearch:
        return source_of_sink(elasticsearch_sink(loaded, config, sink))
    return FolderSource(file_sink_folder(loaded, config))


def source_of_sink(chosen: "ElasticsearchSink") -> "ReportSource":
    """The data streams of a sink."""
    from delivery.build import elasticsearch_connection
    from delivery.templates import StreamNames
    from evidence.reports.elasticsearch_source import ElasticsearchReportSource

    names = StreamNames(namespace=chosen.namespace)
    return ElasticsearchReportSource(
        elasticsearch_connection(chosen),
        alerts=names.stream("alerts"),
        events=names.stream("events"),
        cases=names.stream("cases") if "cases" in chosen.content else None,
    )


def note_export(config: Path, what: str, where: str) -> None:
    """Note that something is about to be written, where the configuration has an audit log."""
    if not config.is_file():
        return
    from pipeline.bus.command_notes import CommandNote
    from pipeline.cli.noting import noted_anyway
    from pipeline.config.loading import load_configuration

    note = CommandNote(action="export", what=what, why=where)
    noted_anyway(load_configuration(config, resolve="later"), note)


def _tell(figures: "Figures", manifest: "Manifest", folder: Path) -> None:
    console = output()
    say(console, f"{figures.name}: {plural(figures.alerts.now, 'alert')}: {folder / 'report.html'}")
    for text in figures.lacking:
        say(console, text, "yellow")
    for text in figures.unreadable[:10]:
        say(console, f"can't read {text}", "yellow")
    if "report.pdf" not in manifest.files:
        say(console, "no PDF: pip install 'tapewatch[reports]'", "yellow")
