"""``tapewatch detect``: rules over a file of events or an order log, without a bus."""

import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import msgspec
import typer

from pipeline.cli.app import app
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.normalize import OrderLogs, ReferenceFiles, SocialFeeds, TradeSides, Venue
from pipeline.cli.rules import RulePaths, named_rules
from pipeline.foreign_text import HEAD, UTF8_MARK, foreign
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
        Path | None, typer.Option("--events", help="NDJSON of ECS events; - for stdin.")
    ] = None,
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

    Events are ECS (NDJSON, nested or dotted), or come out of order logs, with social feeds.

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
    from pipeline.process import expect_much_state
    from pipeline.units import UnitError, parse_duration

    try:
        lateness = parse_duration(allowed_lateness)
    except UnitError as error:
        raise Failure(f"--allowed-lateness: {error}", CONFIGURATION) from error
    if not rules and not paths:
        raise Failure("say which rules, by --rules", CONFIGURATION)
    ruleset = load_rules(named_rules(rules, paths), pipelines=pipelines or ())
    engine = Engine(ruleset, allowed_lateness=lateness)
    expect_much_state()
    problems = 0

    def report(problem: Problem) -> None:
        nonlocal problems
        problems += problem.severity == "error"
        print(render([problem]), file=sys.stderr)

    encode = msgspec.json.Encoder().encode
    out = sys.stdout.buffer
    logs = (order_log, social_feed)
    of_lines = LineProblems(report)

    def hear(problem: Problem) -> None:
        (report if problem.code == RULE_FAILED else of_lines.tell)(problem)

    met = MetEvents()
    with _lines(events, logs, venue, trade_sides, reference, report) as (name, lines):
        for alert in run(engine, lines, name=name, report=hear, met=met):
            out.write(encode(alert if flat else nest(alert)) + b"\n")
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


@contextmanager
def _lines(
    events: Path | None,
    logs: tuple[list[Path] | None, list[Path] | None],
    venue: str | None,
    trade_sides: str | None,
    reference: list[Path] | None,
    report: Callable[[Problem], None],
) -> Generator[tuple[str, Iterable[bytes]]]:
    order_log, social_feed = logs
    if social_feed and not order_log:
        raise Failure("--social-feed belongs to --order-log", CONFIGURATION)
    if (events is None) == (not order_log):
        raise Failure(
            "say where the events come from, by --events or by --order-log", CONFIGURATION
        )
    if order_log:
        from normalizer.reference_files import load_reference
        from pipeline.cli.raw_events import RawEvents
        from pipeline.cli.social_events import with_social

        known = load_reference(reference or [])
        traded = RawEvents(
            order_log,
            reference=known,
            report=report,
            venue=venue,
            each_side=trade_sides == "each",
        )
        raw = with_social(traded, social_feed, reference=known, report=report)
        yield raw.name, raw.lines()
        return
    assert events is not None
    if venue or trade_sides or reference:
        raise Failure("--venue, --trade-sides and --reference belong to --order-log", CONFIGURATION)
    with _open(events) as lines:
        yield str(events), lines


@contextmanager
def _open(path: Path) -> Generator[BinaryIO]:
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise Failure(f"can't read {path}: {error.strerror}", CONFIGURATION) from error
    with file:
        if what := foreign(file.peek(HEAD)[:HEAD]):
            raise Failure(f"{path} {what}", CONFIGURATION)
        if file.peek(3).startswith(UTF8_MARK):
            file.read(len(UTF8_MARK))
        yield file
