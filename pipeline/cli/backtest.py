"""``tapewatch backtest``: what rules would have found in the past, before they go live."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, app
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.normalize import (
    JsonColumn,
    OrderLogs,
    ReferenceFiles,
    SocialFeeds,
    TradeSides,
    Venue,
)
from pipeline.cli.output_files import keep_apart, write_whole
from pipeline.cli.rules import PipelineFiles, RulePaths, rules_said
from pipeline.cli.rules_meant import MeantRules, meant_rules

if TYPE_CHECKING:
    from detections.backtest.result import Backtest
    from detections.backtest.run import Plan
    from pipeline.cli.backtest_inputs import Chosen
    from pipeline.event_sources import EventSource

_STANDARD_OUTPUT = Path("-")
_OF_STREAM = "With --stream also the number of a message."


@app.command()
@command
def backtest(
    paths: RulePaths = None,
    rules: MeantRules = None,
    events: Annotated[
        list[Path] | None,
        typer.Option(
            "--events",
            help="NDJSON (also .gz, .zst) or Parquet: files, folders, patterns; - for stdin.",
        ),
    ] = None,
    column: JsonColumn = None,
    order_log: OrderLogs = None,
    social_feed: SocialFeeds = None,
    venue: Venue = None,
    trade_sides: TradeSides = None,
    reference: ReferenceFiles = None,
    stream: Annotated[bool, typer.Option("--stream", help="Events of the configured bus.")] = False,
    elasticsearch: Annotated[
        bool, typer.Option("--elasticsearch", help="Events of the configured Elasticsearch sink.")
    ] = False,
    sink: Annotated[
        str | None, typer.Option(help="Which Elasticsearch sink, where there are several.")
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(
            help="Index, data stream or pattern.", show_default="the sink's stream of events"
        ),
    ] = None,
    query: Annotated[str | None, typer.Option(help="Only documents that match, Lucene.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help=f"Event time to begin at. {_OF_STREAM}")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help=f"Event time to end before. {_OF_STREAM}")
    ] = None,
    allowed_lateness: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="How late an event may come, such as 10m.",
            show_default="0s; with --stream and --elasticsearch the configured one",
        ),
    ] = None,
    pipelines: PipelineFiles = None,
    labels: Annotated[
        Path | None, typer.Option(help="Alerts that should come, and that should not.")
    ] = None,
    closed_world: Annotated[
        bool, typer.Option("--closed-world", help="Alerts that no label speaks of are wrong.")
    ] = False,
    compare: Annotated[
        list[Path] | None, typer.Option(help="Other rules: what would change with them.")
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE:PARAMETER=VALUES",
            help="Try values: 1s..5s:500ms, or 10,20,50. Several sweeps make a grid.",
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts.")] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write the result as JSON; - for stdout.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Run rules over events of the past: alerts by rule and day, and how right they are.

    Exit 1 if a line was no event, a rule failed on one, or there was no event at all.
    """
    from pipeline.cli.backtest_inputs import Wanted, choose
    from pipeline.cli.backtest_text import print_backtest
    from pipeline.cli.printing import output

    meant = meant_rules(
        rules_said(rules, paths), pipelines, None if config == DEFAULT_CONFIG else config
    )
    for option, written in (("--json", json), ("--html", html)):
        read = (*(events or ()), *(order_log or ()), *(social_feed or ()), *(reference or ()))
        given = (*(pipelines or ()), *((labels,) if labels is not None else ()), config)
        keep_apart(option, written, rules=(*meant.rules, *(compare or ())), read=(*read, *given))
    if json is not None and html is not None and json.absolute() == html.absolute():
        raise Failure("--json and --html name one file: name two", CONFIGURATION)
    chosen = choose(
        Wanted(
            config=config,
            events=events or (),
            column=column,
            order_log=order_log or (),
            social_feed=social_feed or (),
            venue=venue,
            trade_sides=trade_sides,
            reference=reference or (),
            stream=stream,
            elasticsearch=elasticsearch,
            sink=sink,
            index=index,
            query=query,
            since=since,
            until=until,
        )
    )
    plan = _plan(
        chosen,
        meant.rules,
        compare or [],
        sweep or [],
        labels,
        closed_world=closed_world,
        allowed_lateness=allowed_lateness,
        pipelines=meant.pipelines or chosen.pipelines,
    )
    result = _run(plan, chosen.source)
    if json is not None:
        _write(json, _json(result))
    if html is not None:
        from pipeline.cli.backtest_page import render_page

        _write(html, render_page(result).encode())
    if json != _STANDARD_OUTPUT and html != _STANDARD_OUTPUT:
        print_backtest(result, output())
    if not result.events.read:
        raise Failure(_no_event(result), FAILED)
    if result.events.dead or result.rule_failures:
        raise typer.Exit(FAILED)


def _no_event(result: "Backtest") -> str:
    """Why the rules met nothing: that they found nothing then says nothing of them."""
    if result.events.dead:
        why = "no line of it is one"
    elif result.events.outside:
        outside = f"{result.events.outside:,}"
        why = f"all {outside} of it are outside the wanted time, see --from and --to"
    else:
        why = "there is none in it"
    return f"the rules met no event of {result.source}: {why}"


def _plan(
    chosen: "Chosen",
    rules: Sequence[Path],
    compare: Sequence[Path],
    sweeps: Sequence[str],
    labels: Path | None,
    *,
    closed_world: bool,
    allowed_lateness: str | None,
    pipelines: Sequence[Path],
) -> "Plan":
    from detections.backtest.run import Plan
    from detections.backtest.sweeps import SweepError, parse_sweep
    from detections.backtest.variants import sweep_rules
    from detections.rules import load_rules
    from detections.rules.loading import read_rules, rules_of
    from pipeline.cli.label_option import load_labels

    if closed_world and labels is None:
        raise Failure("--closed-world belongs to --labels", CONFIGURATION)
    lateness = chosen.allowed_lateness
    if allowed_lateness is not None:
        lateness = _duration(allowed_lateness, "--allowed-lateness")
    files, problems = read_rules(rules)
    ruleset = rules_of(files, problems, pipelines=pipelines)
    compared = load_rules(compare, pipelines) if compare else None
    try:
        wanted = [parse_sweep(text) for text in sweeps]
        grid = sweep_rules(files, ruleset, wanted, pipelines=pipelines) if wanted else None
    except SweepError as error:
        raise Failure(f"--sweep: {error}", CONFIGURATION) from error
    known = [*ruleset.rules, *(compared.rules if compared else ())]
    return Plan(
        rules=ruleset,
        compared=compared,
        grid=grid,
        labels=None if labels is None else load_labels(labels, known),
        closed_world=closed_world,
        allowed_lateness=lateness,
        idle_after=chosen.idle_after,
        clock_tolerance=chosen.clock_tolerance,
        since=chosen.since,
        until=chosen.until,
    )


def _duration(text: str, option: str) -> int:
    from pipeline.units import UnitError, parse_duration

    try:
        return parse_duration(text)
    except UnitError as error:
        hint = f": did you mean {error.hint}?" if error.hint else ""
        raise Failure(f"{option} {text}: {error}{hint}", CONFIGURATION) from error


def _run(plan: "Plan", source: "EventSource") -> "Backtest":
    from detections.backtest.run import run
    from detections.backtest.summary import summarise
    from pipeline.cli.reading_progress import reading_progress

    with reading_progress(source, "events") as on_batch:
        passed = run(plan, source.batches(), on_batch=on_batch)
    return summarise(passed, source=source.name, notes=source.notes, refused=source.refused)


def _json(result: "Backtest") -> bytes:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"


def _write(path: Path, data: bytes) -> None:
    if path == _STANDARD_OUTPUT:
        typer.echo(data, nl=False)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"can't write {path}: {error.strerror}") from error
    write_whole(path, data)
