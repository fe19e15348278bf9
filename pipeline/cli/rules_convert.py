"""``tapewatch rules convert``: the same rules in Elastic Security and Splunk."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer

from pipeline.cli.app import JsonOutput
from pipeline.cli.failures import CONFIGURATION, Failure, command
from pipeline.cli.output_files import keep_apart, write_whole
from pipeline.cli.rules import RulePaths, rules, rules_said
from pipeline.cli.rules_meant import MeantRules, RulesConfig, meant_rules
from pipeline.problems import one_of, render, summary

if TYPE_CHECKING:
    from detections.conversion.export import Exported


_EVENTS = "logs-tapewatch.events-*"
_ALERTS = "logs-tapewatch.alerts-*"


@rules.command()
@command
def convert(
    to: Annotated[Literal["elastic", "splunk"], typer.Option("--to", help="For which product.")],
    paths: RulePaths = None,
    rule_files: MeantRules = None,
    written_as: Annotated[
        Literal["siem", "lucene", "esql", "eql", "savedsearches", "spl"] | None,
        typer.Option(
            "--format",
            help="elastic: siem (rules of Elastic Security as NDJSON), or queries alone: lucene, "
            "esql, eql. splunk: savedsearches (savedsearches.conf), or searches alone: spl.",
            show_default="siem or savedsearches",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write there.", show_default="standard output"),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse every rule whose query isn't equal in meaning."),
    ] = False,
    alerts: Annotated[
        bool,
        typer.Option(
            "--alerts",
            help="For a rule that can't be converted: a rule that takes over the alerts that "
            "Tapewatch itself writes of it.",
        ),
    ] = False,
    index: Annotated[
        str | None,
        typer.Option(help="Index pattern of the events, for elastic.", show_default=_EVENTS),
    ] = None,
    alerts_index: Annotated[
        str | None,
        typer.Option(
            help="Index pattern of Tapewatch's alerts, for elastic.", show_default=_ALERTS
        ),
    ] = None,
    pipeline: Annotated[
        list[Path] | None,
        typer.Option(help="pySigma's pipelines, for rules of other log sources."),
    ] = None,
    config: RulesConfig = None,
    as_json: JsonOutput = False,
) -> None:
    """Convert Sigma rules to queries of Elastic or Splunk, through pySigma's backends. Offline.

    What a target can't say is refused, what it says with another meaning is warned of, each with
    its place in the rule. Exit 2 if a rule was refused; the others are written all the same.
    """
    from detections.conversion.export import FORMATS, Choices, export, written
    from detections.rules import load_rules

    chosen = written_as or FORMATS[to][0]
    if chosen not in FORMATS[to]:
        raise Failure(
            f"--format {chosen} isn't for {to}: expected {one_of(FORMATS[to])}", CONFIGURATION
        )
    for option, given in (("--index", index), ("--alerts-index", alerts_index)):
        if given is not None and to != "elastic":
            raise Failure(f"{option} belongs to --to elastic", CONFIGURATION)
    meant = meant_rules(rules_said(rule_files, paths), pipeline, config)
    keep_apart("-o", output, rules=meant.rules, read=meant.pipelines)
    ruleset = load_rules(meant.rules, meant.pipelines)
    choices = Choices(
        format=chosen,
        strict=strict,
        alerts=alerts,
        events_index=index or _EVENTS,
        alerts_index=alerts_index or _ALERTS,
    )
    exported = export(ruleset, choices)
    text = written(exported, chosen)
    done = [one for one in exported if one.output is not None]
    if output is not None and done:
        write_whole(output, text.encode())
    if as_json:
        typer.echo(msgspec.json.encode(_report(exported, text if output is None else None)))
    else:
        if output is None and done:
            typer.echo(text, nl=False)
        _say(exported, output, alerts=alerts)
    if len(done) < len(exported) or not done:
        raise typer.Exit(CONFIGURATION)


def _say(exported: "Sequence[Exported]", output: Path | None, *, alerts: bool) -> None:
    from detections.conversion.export import described

    problems = [problem for one in exported for problem in one.problems]
    if problems:
        typer.echo(f"{render(problems)}\n\n{summary(problems)}", err=True)
    done = [one for one in exported if one.output is not None]
    ways = Counter(described(one) for one in done)
    said = ", ".join(f"{count} as {way}" for way, count in ways.items())
    refused = len(exported) - len(done)
    if not done:
        typer.echo(f"nothing was converted: all of {refused} rules were refused", err=True)
        return
    place = f" to {output}" if output is not None else ""
    missing = f"; {refused} refused and missing" if refused else ""
    typer.echo(f"wrote {len(done)} of {len(exported)} rules{place} ({said}){missing}", err=True)
    if refused and not alerts:
        typer.echo("--alerts takes over Tapewatch's own alerts of what is refused", err=True)


def _report(exported: "Sequence[Exported]", text: str | None) -> dict[str, Any]:
    """What became of each rule, for machines; `output` is the file, if none was written."""
    return {
        "converted": sum(one.output is not None for one in exported),
        "refused": sum(one.output is None for one in exported),
        "rules": [
            {
                "id": one.rule.rule.id,
                "title": one.rule.rule.title,
                "location": one.rule.rule.location,
                "converted_as": one.way,
                "query": one.query,
                "problems": one.problems,
            }
            for one in exported
        ],
        "output": text,
    }
