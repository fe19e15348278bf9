"""``tapewatch replay``: the past once more, held against what was alerted when it was live."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.output_files import keep_apart
from pipeline.cli.rules import RulePaths
from pipeline.problems import did_you_mean, one_of

if TYPE_CHECKING:
    from detections.lanes.stage import LanePlace
    from detections.replay.result import Replay
    from detections.replay.run import Plan, Progress
    from detections.replay.span import Span
    from normalizer.events import Alert
    from pipeline.config.schema import Configuration

_TIMES = 'A time, a day, "2h ago", "now", or the number of a message.'


@app.command()
@command
def replay(
    since: Annotated[
        str | None, typer.Option("--from", help=f"Where to begin. {_TIMES}", show_default="all")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help=f"Where to end. {_TIMES}", show_default="all")
    ] = None,
    paths: RulePaths = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option(
            "--rules",
            help="Rule files or folders, instead of the rules that were in force then.",
        ),
    ] = None,
    warm_up: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="How much before --from is read too, to fill windows and books.",
            show_default="all that is there",
        ),
    ] = None,
    lanes: Annotated[
        list[str] | None,
        typer.Option("--lane", help="Only this lane of several.", show_default="all"),
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the replay's alerts to a file, one a line.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: JsonOutput = False,
) -> None:
    """Run the detections over a part of the past again; say what differs from the live alerts.

    Nothing is written to the bus. Times are of events. Exit 1 if anything differs, or if there is
    no event of that time, so that nothing was compared.
    """
    from pipeline import logs
    from pipeline.config.loading import load_configuration

    # Secrets of sources and sinks are none of its business.
    loaded = load_configuration(config, resolve="later")
    logs.configure(loaded.logging, stage="replay")
    span = _span(since, until)
    given = [*(rules or ()), *(paths or ())]
    keep_apart("--save", save, rules=(*given, *loaded.detections.rules), read=(config,))
    plan = _plan(loaded, span, given, warm_up, lanes or [])
    started = time.monotonic()
    with _saved(save) as on_alert, _progress() as on_progress:
        found = _run(loaded, plan, on_progress, on_alert)
    seconds = time.monotonic() - started
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        from pipeline.cli.printing import output
        from pipeline.cli.replay_text import print_replay

        print_replay(found, output(), seconds)
    if not found.agrees or not found.events:
        raise typer.Exit(FAILED)


def _span(since: str | None, until: str | None) -> "Span":
    from detections.replay.span import Span
    from pipeline.cli.moments import moment_of, sequence_of

    if any(text is not None and text.isdecimal() for text in (since, until)):
        first, last = sequence_of(since, "--from"), sequence_of(until, "--to")
        if first is not None and last is not None and first > last:
            raise Failure("--to comes before --from", CONFIGURATION)
        return Span(first=first, last=last)
    now = time.time_ns()
    begin = None if since is None else moment_of(since, "--from", now=now, numbers=True)
    end = None if until is None else moment_of(until, "--to", now=now, numbers=True)
    if begin is not None and end is not None and begin >= end:
        raise Failure("--to doesn't come after --from", CONFIGURATION)
    return Span(since=begin, until=end)


def _plan(
    config: "Configuration",
    span: "Span",
    rules: list[Path] | None,
    warm_up: str | None,
    lanes: list[str],
) -> "Plan":
    from detections.replay.run import Plan
    from detections.rules import load_rules
    from pipeline.cli.engines import engine_maker
    from pipeline.units import UnitError, parse_duration

    settings = config.detections
    before: int | None = None
    if warm_up is not None:
        try:
            before = parse_duration(warm_up)
        except UnitError as error:
            hint = f": did you mean {error.hint}?" if error.hint else ""
            raise Failure(f"--warm-up {warm_up}: {error}{hint}", CONFIGURATION) from error
    return Plan(
        span=span,
        configured=load_rules(settings.rules, settings.pipelines),
        given=load_rules(rules, settings.pipelines) if rules else None,
        given_name=", ".join(str(path) for path in rules or ()),
        make=engine_maker(settings),
        lanes=_lanes(settings.lanes, settings.shares, lanes),
        warm_up=before,
        allowed_lateness=settings.allowed_lateness,
        rebuild_warm_up=settings.warm_up,
    )


def _lanes(count: int, shares: int, wanted: list[str]) -> "list[LanePlace]":
    """The lanes that are wanted, in their order. Raises Failure."""
    from detections.lanes.stage import lane_places

    places = lane_places(count, shares)
    names = [place.name for place in places]
    for name in wanted:
        if name not in names:
            hint = did_you_mean(name, names)
            raise Failure(
                f"--lane {name}: there is no such lane"
                + (f": did you mean {hint}?" if hint else f", but {one_of(names)}"),
                CONFIGURATION,
            )
    return [place for place in places if not wanted or place.name in wanted]


def _run(
    config: "Configuration",
    plan: "Plan",
    on_progress: "Callable[[Progress], None]",
    on_alert: "Callable[[Alert], None]",
) -> "Replay":
    import asyncio

    from detections.replay.run import replay as run_replay
    from pipeline.bus.command_notes import CommandNote
    from pipeline.bus.lane_count import agree_on_lanes, agree_on_shares
    from pipeline.bus.opened import opened_bus
    from pipeline.cli.noting import noted

    async def opened() -> "Replay":
        async with opened_bus(config.bus, name="replay") as bus:
            await noted(bus, config, CommandNote(what="replay"))
            await agree_on_lanes(bus, config.detections.lanes)
            await agree_on_shares(bus, config.detections.lanes, config.detections.shares)
            return await run_replay(bus, plan, on_progress=on_progress, on_alert=on_alert)

    return asyncio.run(opened())


@contextmanager
def _progress() -> "Generator[Callable[[Progress], None]]":
    """A bar on a terminal's standard error, and nothing anywhere else."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    with Progress(
        TextColumn("replaying"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[events]:,} events"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("replaying", total=None, events=0)
        yield lambda found: bar.update(
            task, total=found.total or None, completed=found.done, events=found.events
        )


@contextmanager
def _saved(path: Path | None) -> "Generator[Callable[[Alert], None]]":
    """What to tell of each alert, so that it is written as it is on the bus."""
    if path is None:
        yield lambda alert: None
        return
    import msgspec

    encode = msgspec.json.Encoder().encode
    with _opened(path) as file:

        def write(alert: "Alert") -> None:
            file.write(encode(alert) + b"\n")

        yield write


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError as error:
        raise Failure(f"can't write {path}: {error.strerror}") from error
