"""``tapewatch detect``: rules over a file of events, without a bus."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer

from pipeline.cli.app import app
from pipeline.cli.failures import FAILED, Failure, command
from pipeline.problems import Problem, render


@app.command()
@command
def detect(
    rules: Annotated[list[Path], typer.Option("--rules", help="Rule files or folders.")],
    events: Annotated[Path, typer.Option("--events", help="NDJSON of ECS events; - for stdin.")],
    flat: Annotated[bool, typer.Option("--flat", help="Alerts with dotted keys.")] = False,
) -> None:
    """Run rules over ECS events (NDJSON, nested or dotted) and print ECS alerts. No bus, no state.

    Lines that are no events are reported on standard error and don't stop the others; exit 1 then.
    """
    from detections.offline import detect as run
    from detections.rules import load_rules
    from normalizer.events.ecs import nest

    ruleset = load_rules(rules)
    problems = 0

    def report(problem: Problem) -> None:
        nonlocal problems
        problems += problem.severity == "error"
        print(render([problem]), file=sys.stderr)

    encode = msgspec.json.Encoder().encode
    out = sys.stdout.buffer
    with _open(events) as lines:
        for alert in run(ruleset, lines, name=str(events), report=report):
            out.write(encode(alert if flat else nest(alert)) + b"\n")
    out.flush()
    if problems:
        raise typer.Exit(FAILED)


@contextmanager
def _open(path: Path) -> Generator[BinaryIO]:
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise Failure(f"can't read {path}: {error.strerror}", 2) from error
    with file:
        yield file
