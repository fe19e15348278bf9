"""``tapewatch cap-table``: who holds a token since when, derived from its events."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.problems import all_of, did_you_mean, render, shown

if TYPE_CHECKING:
    from detections.cap_table.derive import Derived
    from detections.cap_table.reconciliation import Difference
    from detections.cap_table.table import CapTable


@app.command("cap-table")
@command
def cap_table(
    token: Annotated[
        str, typer.Argument(help="Its id or symbol in the reference data, or its contract.")
    ],
    events: Annotated[
        list[Path] | None,
        typer.Option(
            "--events",
            help="NDJSON (also .gz, .zst) or Parquet: files, folders, patterns; - for stdin.",
            show_default="the events of the configured bus",
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As it was before this time, or day's end.")
    ] = None,
    block: Annotated[int | None, typer.Option(min=0, help="As it was after this block.")] = None,
    chain: Annotated[
        int | None, typer.Option(min=1, help="The chain, where the token is on several.")
    ] = None,
    lots: Annotated[bool, typer.Option("--lots", help="Each holder's lots as well.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV, in the smallest unit.")] = False,
    json: JsonOutput = False,
    reconcile: Annotated[
        str | None,
        typer.Option(
            metavar="RPC_URL",
            help="Ask this node for balanceOf and totalSupply at the block, and compare.",
        ),
    ] = None,
    most_wallets: Annotated[
        int, typer.Option(min=1, help="Wallets whose lots are remembered.")
    ] = 1_000_000,
    most_lots: Annotated[int, typer.Option(min=1, help="Lots of one wallet that are.")] = 1_000,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show who holds a token since when: balances, lots (first in, first out), frozen tokens.

    All of it comes from the token's events, exact to the smallest unit. With events that begin
    later than the token, balances are the change since. Exit 1 if the node has it otherwise, or a
    line was no event.
    """
    from pipeline.cli.cap_table_output import as_csv, as_json, print_table

    if json and csv:
        raise Failure("say one of --json and --csv", CONFIGURATION)
    derived, unreadable = _derived(
        token, events or [], at, block, chain, most_wallets, most_lots, config
    )
    table = _only(derived, token)
    found = None if reconcile is None else _reconciled(table, reconcile, block)
    if json:
        typer.echo(as_json(table, found, lots=lots))
    elif csv:
        typer.echo(as_csv(table, lots=lots), nl=False)
        _say_differences(found)
    else:
        print_table(table, found, lots=lots)
    if found or unreadable:
        raise typer.Exit(FAILED)


def _derived(
    token: str,
    events: list[Path],
    at: str | None,
    block: int | None,
    chain: int | None,
    most_wallets: int,
    most_lots: int,
    config: Path,
) -> "tuple[Derived, int]":
    """The tables, and how many lines couldn't be read."""
    from detections.cap_table.derive import Wanted, derive
    from detections.cap_table.lot_book import Room
    from pipeline.cli.backtest_inputs import Wanted as WantedEvents
    from pipeline.cli.backtest_inputs import choose, time_of
    from pipeline.cli.reading_progress import reading_progress
    from pipeline.problems import Problem
    from pipeline.process import expect_much_state

    until = time_of(at, "--at", end=True)
    source = choose(WantedEvents(config=config, events=events, stream=not events)).source
    wanted = Wanted(
        token=token,
        chain_id=chain,
        block=block,
        until=until,
        room=Room(wallets=most_wallets, lots=most_lots),
    )
    unreadable = 0

    def report(problem: Problem) -> None:
        nonlocal unreadable
        unreadable += 1
        if unreadable <= _MOST_TOLD:
            print(render([problem]), file=sys.stderr)

    expect_much_state()
    with reading_progress(source, "events") as on_batch:
        derived = derive(source.batches(), wanted, on_batch=on_batch, report=report)
    for note in source.notes:
        print(f"note: {note}", file=sys.stderr)
    if unreadable > _MOST_TOLD:
        print(f"{unreadable - _MOST_TOLD:,} more lines can't be read", file=sys.stderr)
    return derived, unreadable


_MOST_TOLD = 20


def _only(derived: "Derived", token: str) -> "CapTable":
    """The one table that there is. Raises Failure."""
    from detections.cap_table.derive import named

    tables = list(derived.tables.values())
    if not tables:
        raise Failure(_nothing(derived, token), FAILED)
    if len(tables) > 1:
        raise Failure(
            f"{shown(token)} is more than one contract: {named(tables)}. Say which, by its address "
            "or by --chain",
            CONFIGURATION,
        )
    return tables[0]


def _nothing(derived: "Derived", token: str) -> str:
    """Why there is no table."""
    from pipeline.cli.cap_table_output import moment_text

    if derived.later is not None:
        time, block = derived.later
        return (
            f"nothing of {shown(token)} had happened by then: the first of its events is of "
            f"{moment_text(time)}, in block {block}"
        )
    said = f"no event of the {derived.lines:,} that were read is about a token {shown(token)}"
    if derived.chains:
        chains = all_of(str(one) for one in sorted(derived.chains))
        return f"{said} there: what was read has it on chain {chains}, not on the one of --chain"
    if hint := did_you_mean(token, derived.others):
        return f"{said}: did you mean {hint}?"
    if derived.others:
        return f"{said}: tokens are {all_of(derived.others)}"
    return f"of {derived.lines:,} events none is about a holding of a token"


def _reconciled(table: "CapTable", url: str, block: int | None) -> "tuple[Difference, ...]":
    """What the node has otherwise at the block, else at that of the newest event."""
    from rich.console import Console
    from rich.progress import Progress

    from detections.cap_table.reconciliation import asked, differences
    from pipeline.cli.chain_balances import Contract

    number = table.block if block is None else block
    assert number is not None
    wallets = asked(table)
    console = Console(stderr=True)
    with (
        Contract(url, table.chain_id, table.contract) as contract,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("asking the node", total=len(wallets))
        contract.check_chain()
        supply = contract.supply(number)
        balances = contract.balances(
            wallets, number, lambda done: progress.update(task, completed=done)
        )
    return differences(table, balances, supply)


def _say_differences(found: "tuple[Difference, ...] | None") -> None:
    if found is None:
        return
    for one in found:
        print(f"{one.what}: {one.table} by the events, {one.chain} on the chain", file=sys.stderr)
    if not found:
        print("the chain agrees", file=sys.stderr)
