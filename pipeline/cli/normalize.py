"""``tapewatch normalize``: order logs, social feeds, recordings and tables of a chain to events."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli.app import app
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.problems import Problem, render

JsonColumn = Annotated[
    str | None,
    typer.Option(
        "--column", help="Column of JSON events in Parquet files.", show_default="the only one"
    ),
]
OrderLogs = Annotated[
    list[Path] | None,
    typer.Option("--order-log", help="Order logs: files, folders, patterns (docs/order-log.md)."),
]
SocialFeeds = Annotated[
    list[Path] | None,
    typer.Option("--social-feed", help="Social feeds among them (docs/social-feed.md)."),
]
Venue = Annotated[
    str | None, typer.Option("--venue", help="Venue of an order log whose lines don't say it.")
]
TradeSides = Annotated[
    Literal["both", "each"] | None,
    typer.Option("--trade-sides", help="each: an order log has a line for each side of a trade."),
]
ReferenceFiles = Annotated[
    list[Path] | None,
    typer.Option("--reference", help="Who has which account, as under `reference:`; or a folder."),
]


@app.command()
@command
def normalize(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Order logs (files, folders, patterns), recordings, and folders of tables that "
            "were exported from a chain (docs/published-data.md)."
        ),
    ] = None,
    social_feed: SocialFeeds = None,
    venue: Venue = None,
    trade_sides: TradeSides = None,
    reference: ReferenceFiles = None,
    chain: Annotated[
        int, typer.Option("--chain", min=0, help="Id of the chain that exported tables are of.")
    ] = 1,
    network: Annotated[
        str, typer.Option("--network", help="What events call that chain.")
    ] = "ethereum",
) -> None:
    """Turn order logs, recordings and tables of a chain into ECS events (NDJSON, dotted keys).

    No bus, no state.

    Lines that are no events are told on standard error and don't stop the others; exit 1 then.
    """
    from pipeline.cli.raw_events import ChainName
    from pipeline.cli.raw_sources import raw_events

    if not paths and not social_feed:
        raise Failure("say which files, or --social-feed", CONFIGURATION)
    problems = 0

    def report(problem: Problem) -> None:
        nonlocal problems
        problems += 1
        print(render([problem]), file=sys.stderr)

    raw = raw_events(
        paths or (),
        reference=reference or (),
        report=report,
        venue=venue,
        trade_sides=trade_sides,
        social_feed=social_feed or (),
        chain=ChainName(chain, network),
    )
    out = sys.stdout.buffer
    for batch in raw.batches():
        out.writelines(line + b"\n" for line in batch.lines)
    out.flush()
    for note in raw.notes:
        print(f"note: {note}", file=sys.stderr)
    if problems:
        raise typer.Exit(FAILED)
