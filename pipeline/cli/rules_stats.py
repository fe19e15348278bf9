"""``tapewatch rules stats``: what delivered alerts tell of each rule, and which may go live."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec import Struct

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput
from pipeline.cli.chosen_sink import DeliveredElasticsearch, DeliveredOut, WhichSink
from pipeline.cli.failures import FAILED, command
from pipeline.cli.names_from_here import from_here
from pipeline.cli.rules import PipelineFiles, RulePaths, Verdicts, rules, rules_said
from pipeline.cli.rules_meant import MeantRules, delivered_rules

if TYPE_CHECKING:
    from detections.backtest.result import ExceptionOutcome
    from detections.rules.rule_set import RuleSet
    from detections.staging.advice import Criteria
    from detections.staging.statistics import RuleStatistics
    from detections.staging.sureness import Band
    from pipeline.cli.delivered import Delivered


class StatsReport(Struct, frozen=True, kw_only=True):
    """What ``tapewatch rules stats --json`` prints."""

    source: str
    first_event: str | None
    last_event: str | None
    of_events: bool
    """Whether these are times of events; else of alerts, since no events are kept."""
    criteria: "Criteria"
    rules: "list[RuleStatistics]"
    cases: int
    """Closed ones whose reason code says whether their alerts were right."""
    broken_cases: int
    """Of which the beginning isn't there any more."""
    nameless_cases: int
    """Of which the sink's mask dropped who did what."""
    confidence: "list[Band]"
    """What was judged, of all rules and versions, by confidence."""
    exceptions: "list[ExceptionOutcome]"
    exceptions_tried: bool
    unreadable: int
    """Lines that are no alerts, or nothing that was done to a case."""


@rules.command()
@command
def stats(
    paths: RulePaths = None,
    rule_files: MeantRules = None,
    out: DeliveredOut = None,
    elasticsearch: DeliveredElasticsearch = False,
    sink: WhichSink = None,
    labels: Verdicts = None,
    least_days: Annotated[
        float, typer.Option(min=0, help="To go live: days of event time on trial.")
    ] = 7.0,
    most_a_day: Annotated[float, typer.Option(min=0, help="To go live: alerts a day.")] = 10.0,
    most_share: Annotated[
        float, typer.Option(min=0, max=1, help="To go live: share of one entity.")
    ] = 0.5,
    least_precision: Annotated[
        float, typer.Option(min=0, max=1, help="To go live: right ones of the judged alerts.")
    ] = 0.5,
    try_exceptions: Annotated[
        bool,
        typer.Option(
            "--try-exceptions", help="Send the kept events through, to see what exceptions cover."
        ),
    ] = False,
    pipelines: PipelineFiles = None,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: JsonOutput = False,
) -> None:
    """Tell of each rule how often it alerts, about whom, and how often it was right.

    Right or wrong is what closed cases say, and labels. Of staged rules it tells whether to promote
    them. Exit 1 if a line that was delivered is no alert.
    """
    from detections.backtest.tallies import time_text
    from detections.rules import load_rules
    from detections.staging.advice import Criteria
    from pipeline.cli.delivered import delivered
    from pipeline.cli.delivered_statistics import gather

    found = delivered(config, out=out, elasticsearch=elasticsearch, sink=sink)
    meant = delivered_rules(rules_said(rule_files, paths), pipelines, found, config)
    ruleset = load_rules(meant.rules, meant.pipelines)
    gathered = gather(found, ruleset, labels)
    statistics, unreadable = gathered.statistics, gathered.unreadable
    criteria = Criteria(
        least_days=least_days,
        most_per_day=most_a_day,
        most_share=most_share,
        least_precision=least_precision,
    )
    first, last = statistics.first, statistics.last
    report = StatsReport(
        source=found.name,
        first_event=None if first is None else time_text(first),
        last_event=None if last is None else time_text(last),
        of_events=found.span is not None,
        criteria=criteria,
        rules=statistics.rules(criteria),
        cases=gathered.cases,
        broken_cases=gathered.broken_cases,
        nameless_cases=gathered.nameless_cases,
        confidence=statistics.bands(),
        exceptions=_exceptions(ruleset, found, last or 0, tried=try_exceptions),
        exceptions_tried=try_exceptions and found.events is not None,
        unreadable=len(unreadable),
    )
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
    else:
        from pipeline.cli.printing import output
        from pipeline.cli.rules_stats_text import print_stats

        where = [("--out", out), ("--sink", sink), ("--labels", labels)]
        if config != DEFAULT_CONFIG and out is None:
            where.append(("--config", config))
        print_stats(
            report,
            output(),
            rules=[*_each("--rules", meant.rules), *_each("--pipeline", meant.pipelines)],
            delivered=[
                *(["--elasticsearch"] if elasticsearch else []),
                *(word for option, said in where if said for word in (option, str(said))),
            ],
        )
    for line in unreadable[:10]:
        typer.echo(line, err=True)
    if unreadable:
        raise typer.Exit(FAILED)


def _each(option: str, paths: Sequence[Path]) -> Iterator[str]:
    """The option once for each path, as it is typed where the command is."""
    for path in paths:
        yield from (option, str(from_here(path)))


def _exceptions(
    ruleset: "RuleSet", found: "Delivered", now: int, *, tried: bool
) -> "list[ExceptionOutcome]":
    """Exceptions with what they cover of the kept events; 0 where these aren't tried."""
    from detections.backtest.run import Plan, run
    from detections.backtest.summary import exception_outcomes
    from pipeline.cli.reading_progress import reading_progress

    counts: dict[str, int] = {}
    if tried and ruleset.exceptions and found.events is not None:
        with reading_progress(found.events, "events") as on_batch:
            passed = run(Plan(rules=ruleset), found.events.batches(), on_batch=on_batch)
        counts = dict(passed.exceptions)
    return list(exception_outcomes(ruleset.exceptions, counts, now))
