"""``tapewatch rules check``: all that is wrong with rules, before they go live."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.failures import CONFIGURATION, command
from pipeline.cli.rules import rules


@rules.command()
@command
def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Rule files or folders.", show_default="sigma_rules")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
) -> None:
    """Check Sigma and correlator rules: all problems with file, line and column. Exit 2 if any."""
    from detections.rules import load_rules
    from pipeline.problems import ProblemsFound, render, summary, to_json

    try:
        ruleset = load_rules(paths or [Path("sigma_rules")])
    except ProblemsFound as found:
        if as_json:
            typer.echo(to_json(found.problems))
        else:
            typer.echo(f"{render(found.problems)}\n\n{summary(found.problems)}", err=True)
        raise typer.Exit(CONFIGURATION) from None
    if as_json:
        typer.echo(to_json(ruleset.warnings))
    else:
        count = len(ruleset.sigma) + len(ruleset.correlators)
        typer.echo(
            f"{count} rules are good: {len(ruleset.sigma)} Sigma, "
            f"{len(ruleset.correlators)} correlator rules"
        )
