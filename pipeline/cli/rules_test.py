"""``tapewatch rules test``: the tests beside rules."""

import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pipeline.cli.app import JsonOutput
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.output_files import keep_apart, write_whole
from pipeline.cli.rules import PipelineFiles, RulePaths, rules, rules_said
from pipeline.cli.rules_meant import CONFIGURED, RulesConfig, meant_rules
from pipeline.problems import Problem, render

if TYPE_CHECKING:
    from detections.rule_testing.model import Result
    from detections.rule_testing.planning import Plan, PlannedFile

    Tested = tuple[PlannedFile, list[Result], float]


@rules.command("test")
@command
def run_tests_beside(
    paths: RulePaths = None,
    rule_files: Annotated[
        list[Path] | None,
        typer.Option(
            "--rules",
            help="Rule files, test files or folders.",
            show_default=CONFIGURED,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--filter", help="Only tests whose name, file or rule has this in it."),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit 1 also for rules and exceptions without tests."),
    ] = False,
    pipelines: PipelineFiles = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", help="Write the results there as JUnit XML.")
    ] = None,
    config: RulesConfig = None,
    as_json: JsonOutput = False,
) -> None:
    """Run the tests beside rules (NAME.test.yml), also in other orders and batches.

    Exit 1 if one fails, 2 if a file is wrong.
    """
    from detections.rule_testing import coverage, planning

    meant = meant_rules(rules_said(rule_files, paths), pipelines, config)
    keep_apart("--junit", junit_file, rules=meant.rules, read=meant.pipelines)
    plan = planning.plan(meant.rules, pipelines=meant.pipelines)
    if name is not None:
        plan = planning.chosen(plan, name)
    if not plan.files:
        said = f"no test, file or rule has {name!r} in its name" if name else _NO_TESTS
        raise Failure(said, CONFIGURATION)
    tested = _run(plan)
    warnings = [*plan.warnings]
    if not plan.chosen:
        pairs = [(file.subject, result) for file, results, _ in tested for result in results]
        warnings += coverage.untested_rules(plan.rules, coverage.tests_by_rule(pairs))
        covered = [name for _, result in pairs for name in result.covered]
        warnings += coverage.untested_exceptions(plan.rules, covered)
    if junit_file is not None:
        _write_junit(junit_file, tested)
    if as_json:
        typer.echo(msgspec.json.encode(_document(tested, warnings)))
    else:
        _print(tested, warnings)
    failed = any(not result.passed for _, results, _ in tested for result in results)
    if failed or (strict and warnings):
        raise typer.Exit(FAILED)


_NO_TESTS = "there are no tests: write NAME.test.yml beside NAME.yml"


def _run(plan: "Plan") -> "list[Tested]":
    from detections.rule_testing.running import run_tests

    found: list[Tested] = []
    with _progress(sum(len(file.tests) for file in plan.files)) as advance:
        for file in plan.files:
            begun = time.perf_counter()
            results: list[Result] = []
            for result in run_tests(file.tests, file.subject):
                results.append(result)
                advance()
            found.append((file, results, time.perf_counter() - begun))
    return found


@contextmanager
def _progress(total: int) -> Generator[Any]:
    """A bar on a terminal, gone when it is done."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("tests", total=total)
        yield lambda: progress.advance(task)


def _write_junit(path: Path, tested: "Sequence[Tested]") -> None:
    from pipeline.cli.rule_test_junit import junit

    write_whole(
        path, junit([(str(file.path), results, seconds) for file, results, seconds in tested])
    )


def _print(tested: "Sequence[Tested]", warnings: Sequence[Problem]) -> None:
    from pipeline.cli.printing import WIDE, show
    from pipeline.cli.rule_test_text import failure, summary_table

    for _, results, _ in tested:
        for result in results:
            if not result.passed:
                show(failure(result))
                typer.echo()
    show(summary_table((str(file.path), results) for file, results, _ in tested), width=WIDE)
    typer.echo()
    if warnings:
        typer.echo(f"{render(warnings)}\n")
    typer.echo(_sum(tested))


def _sum(tested: "Sequence[Tested]") -> str:
    results = [result for _, found, _ in tested for result in found]
    failed = sum(not result.passed for result in results)
    replays = sum(result.replays for result in results)
    said = f"{len(results) - failed} passed" + (f", {failed} failed" if failed else "")
    return f"{said}; with {replays} replays in other orders and batches"


def _document(tested: "Sequence[Tested]", warnings: Sequence[Problem]) -> dict[str, Any]:
    from pipeline.cli.rule_test_json import row

    rows = [row(str(file.path), result) for file, results, _ in tested for result in results]
    failed = sum(not one["passed"] for one in rows)
    return {
        "summary": {"tests": len(rows), "passed": len(rows) - failed, "failed": failed},
        "tests": rows,
        "warnings": msgspec.to_builtins(warnings),
    }
