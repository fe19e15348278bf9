"""``tapewatch detect``: rules over a file of events or an order log, without a bus."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pipeline.cli.app import app
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.normalize import (
    JsonColumn,
    OrderLogs,
    ReferenceFiles,
    SocialFeeds,
    TradeSides,
    Venue,
)
from pipeline.cli.rules import RulePaths, rules_said
from pipeline.line_problems import LineProblems
from pipeline.problems import Problem, render

if TYPE_CHECKING:
    from detections.met_events import MetEvents
    from detections.rules import RuleSet


@app.command()
@command
def detect(
    paths: RulePaths = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", help="Rule files or folders.", show_default="required"),
    ] = None,
    events: Annotated[
        list[Path] | None,
        typer.Option(
            "--events", help="Files (NDJSON, packed or not, Parquet), folders; - for stdin."
        ),
    ] = None,
    column: JsonColumn = None,
    order_log: OrderLogs = None,
    social_feed: SocialFeeds = None,
    venue: Venue = None,
    trade_sides: TradeSides = None,
    reference: ReferenceFiles = None,
    flat: Annotated[bool, typer.Option("--flat", help="Alerts with dotted keys.")] = False,
    allowed_lateness: Annotated[
        str, typer.Option(metavar="DURATION", help="How late an event may come, such as 10m.")
    ] = "0s",
    pipelines: Annotated[
        list[Path] | None,
        typer.Option("--pipeline", help="pySigma pipelines, for rules for other log sources."),
    ] = None,
) -> None:
    """Run rules over events and print ECS alerts. No bus, no state.

    Events are ECS (nested or dotted) in files, or come out of order logs, with social feeds.

    Correlations and correlators see events in the order of their times, as far as these come within
    the allowed lateness. Lines that are no events are reported on standard error and don't stop the
    others; exit 1 then. Where there was no event at all, that is said there.
    """
    from detections.engine.engine import Engine
    from detections.met_events import MetEvents
    from detections.offline import RULE_FAILED
    from detections.offline import detect as run
    from detections.rules import load_rules
    from normalizer.events.ecs import nest
    from pipeline.cli.detect_inputs import Wanted, check, opened
    from pipeline.process import expect_much_state
    from pipeline.units import UnitError, parse_duration

    try:
        lateness = parse_duration(allowed_lateness)
    except UnitError as error:
        raise Failure(f"--allowed-lateness: {error}", CONFIGURATION) from error
    wanted = Wanted(
        events=events or (),
        column=column,
        order_log=order_log or (),
        social_feed=social_feed or (),
        venue=venue,
        trade_sides=trade_sides,
        reference=reference or (),
    )
    check(wanted)
    named = rules_said(rules, paths)
    if not named:
        raise Failure("say which rules, by --rules", CONFIGURATION)
    ruleset = load_rules(named, pipelines=pipelines or ())
    engine = Engine(ruleset, allowed_lateness=lateness)
    expect_much_state()
    problems = 0

    def report(problem: Problem) -> None:
        nonlocal problems
        problems += problem.severity == "error"
        print(render([problem]), file=sys.stderr)

    encode = msgspec.json.Encoder().encode
    out = sys.stdout.buffer
    of_lines = LineProblems(report)
    met = MetEvents()
    with opened(wanted, report) as source:
        name = source.name

        def hear(problem: Problem) -> None:
            placed = msgspec.structs.replace(problem, location=source.place(problem.location))
            (report if problem.code == RULE_FAILED else of_lines.tell)(placed)

        for alert in run(engine, source.lines, name=name, report=hear, met=met):
            out.write(encode(alert if flat else nest(alert)) + b"\n")
            if source.live:
                out.flush()  # whoever waits for it can't know that there is one
    out.flush()
    of_lines.finish()
    if not met.any:
        # That nothing was found says nothing of them then.
        why = "no line of it is one" if problems else "there is none in it"
        print(f"warning: the rules met no event of {name}: {why}", file=sys.stderr)
    else:
        for told in _doubts(ruleset, met):
            print(f"warning: {name}: {told}", file=sys.stderr)
    if problems:
        raise typer.Exit(FAILED)


def _doubts(rules: "RuleSet", met: "MetEvents") -> list[str]:
    """Why nothing that was found may say nothing of the events."""
    from detections.met_events import blind, unnamed_text
    from pipeline.cli.backtest_words import blind_text

    found = blind(rules, met)
    told = met.slips()
    reasons = [found[rule.id].reason for rule in rules.alerting if rule.id in found]
    if len(reasons) == len(rules.alerting):
        return [*told, blind_text(reasons, len(reasons))]
    unnamed = unnamed_text(found.values())
    return told if unnamed is None else [*told, unnamed]
