"""``tapewatch rules check``: all that is wrong with rules, before they go live."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer

from pipeline.cli.failures import CONFIGURATION, Failure, command
from pipeline.cli.output_files import keep_apart, write_whole
from pipeline.cli.rules import PipelineFiles, RulePaths, rules, rules_said
from pipeline.cli.rules_meant import MeantRules, RulesConfig, meant_rules
from pipeline.problems import Problem, ProblemsFound, render, summary, to_json

if TYPE_CHECKING:
    from detections.rules import RuleSet
    from pipeline.yaml_source import Parsed

Format = Literal["text", "json", "sarif", "junit"]


class _Checked(msgspec.Struct, frozen=True):
    """What a check found."""

    files: tuple[str, ...]
    problems: tuple[Problem, ...]
    good: str
    """How many rules of each kind there are; empty where there are errors."""


@rules.command()
@command
def check(
    paths: RulePaths = None,
    rule_files: MeantRules = None,
    written_as: Annotated[
        Format | None,
        typer.Option(
            "--format", help="For people, machines, code hosts, or CI.", show_default="text"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write there.", show_default="standard output"),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail as well.")] = False,
    pipelines: PipelineFiles = None,
    config: RulesConfig = None,
) -> None:
    """Check rules, correlations, filters, lists and exceptions: all that is wrong, with its place.

    Exit 2 if there is an error.
    """
    if as_json and written_as not in (None, "json"):
        raise Failure(f"--json is --format json, and not {written_as}: say one", CONFIGURATION)
    written_as = "json" if as_json else written_as or "text"
    meant = meant_rules(rules_said(rule_files, paths), pipelines, config)
    keep_apart("-o", output, rules=meant.rules, read=meant.pipelines)
    checked = _check(meant.rules, meant.pipelines)
    failed = any(strict or problem.severity == "error" for problem in checked.problems)
    if written_as == "text" and output is None:
        _print(checked)
    else:
        document = _document(checked, written_as, strict=strict)
        if output is None:
            typer.echo(document, nl=not document.endswith(b"\n"))
        else:
            write_whole(output, document)
            typer.echo(_verdict(checked), err=failed)
    if failed:
        raise typer.Exit(CONFIGURATION)


def _check(paths: Sequence[Path], pipelines: Sequence[Path]) -> _Checked:
    from detections.rules.loading import read_rules, rules_of

    parsed, unreadable = read_rules(paths)
    files = tuple(one.source.name for one in parsed)
    today = datetime.now(UTC).date()
    try:
        ruleset = rules_of(parsed, unreadable, pipelines=pipelines, today=today)
    except ProblemsFound as found:
        return _Checked(files, found.problems, "")
    return _Checked(files, ruleset.warnings, _good(ruleset, parsed))


def _good(ruleset: "RuleSet", parsed: "Sequence[Parsed]") -> str:
    from detections.rules.contents import count_others

    foreign = sum(one.foreign for one in ruleset.sigma)
    counts = {
        "Sigma rule": len(ruleset.sigma) - foreign,
        "Sigma rule for other log sources": foreign,
        "correlation": len(ruleset.correlations),
        "correlator rule": len(ruleset.correlators),
        **count_others(parsed),
        "exception": len(ruleset.exceptions),
    }
    kinds = [f"{n} {_several(noun) if n > 1 else noun}" for noun, n in counts.items() if n]
    total = len(ruleset.rules)
    said = "1 rule is good" if total == 1 else f"{total} rules are good"
    return f"{said}: {', '.join(kinds)}" if kinds else said


def _several(noun: str) -> str:
    first, of, rest = noun.partition(" for ")
    return f"{first}s{of}{rest}"


def _verdict(checked: _Checked) -> str:
    if not checked.good:
        return summary(checked.problems)
    if not checked.problems:
        return checked.good
    return f"{checked.good}; {summary(checked.problems)}"


def _print(checked: _Checked) -> None:
    if checked.problems:
        typer.echo(f"{render(checked.problems)}\n", err=True)
    typer.echo(_verdict(checked), err=not checked.good)


def _document(checked: _Checked, written_as: Format, *, strict: bool) -> bytes:
    problems = checked.problems
    match written_as:
        case "json":
            return to_json(problems).encode() + b"\n"
        case "sarif":
            from importlib.metadata import version

            from pipeline.cli.rule_check_sarif import sarif

            return sarif(problems, version=version("tapewatch"))
        case "junit":
            from pipeline.cli.rule_check_junit import junit

            return junit(checked.files, problems, strict=strict)
        case "text":
            found = f"{render(problems, most=len(problems))}\n\n" if problems else ""
            return f"{found}{_verdict(checked)}\n".encode()
