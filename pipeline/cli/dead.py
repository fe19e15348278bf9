"""``tapewatch dead``: what could not be decoded, validated or delivered."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.asking import ask_bus
from pipeline.cli.failures import Failure, command

if TYPE_CHECKING:
    from pipeline.bus import Bus
    from pipeline.bus.dead_letters import StoredLetter

dead = typer.Typer(
    help="List dead letters, show one, send them through again.", no_args_is_help=True
)
app.add_typer(dead, name="dead")

Stage = Annotated[str | None, typer.Option(help="Only those of a stage.")]
Source = Annotated[str | None, typer.Option(help="Only those of a source or sink.")]


async def _select(
    bus: "Bus", stage: str | None, source: str | None, most: int | None = None
) -> "list[StoredLetter]":
    from pipeline.bus.dead_letters import dead_letters

    found: list[StoredLetter] = []
    async for stored in dead_letters(bus):
        letter = stored.letter
        if stage not in (None, letter.stage) or source not in (None, letter.source):
            continue
        found.append(stored)
        if most is not None and len(found) > most:
            del found[0]
    return found


@dead.command("list")
@command
def list_letters(
    config: ConfigPath = DEFAULT_CONFIG,
    stage: Stage = None,
    source: Source = None,
    most: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    as_json: JsonOutput = False,
) -> None:
    """List dead letters with their reasons."""
    found = ask_bus(config, "dead", lambda bus: _select(bus, stage, source, most))
    if as_json:
        for stored in found:
            typer.echo(msgspec.json.encode(stored))
    elif not found:
        typer.echo("No dead letters.")
    else:
        _print(found)


def _print(found: "list[StoredLetter]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for name in ("number", "received (UTC)", "stage", "source", "position", "field", "reason"):
        table.add_column(name, overflow="fold")
    for stored in found:
        letter = stored.letter
        table.add_row(
            str(stored.sequence),
            _time(letter.received),
            letter.stage,
            letter.source,
            letter.position,
            letter.field or "",
            letter.reason,
        )
    Console().print(table, highlight=False, markup=False)


@dead.command("show")
@command
def show(
    number: Annotated[int, typer.Argument(min=1)], config: ConfigPath = DEFAULT_CONFIG
) -> None:
    """Print one dead letter whole, its payload as text."""
    from pipeline.bus.dead_letters import dead_letters

    async def look(bus: "Bus") -> "StoredLetter | None":
        async for stored in dead_letters(bus, after=number - 1):
            return stored if stored.sequence == number else None
        return None

    found = ask_bus(config, "dead", look)
    if found is None:
        raise Failure(f"there is no dead letter {number}: see `tapewatch dead list`")
    for name, value in msgspec.structs.asdict(found.letter).items():
        if name != "payload":
            typer.echo(f"{name}: {value}")
    typer.echo(f"payload: {found.letter.payload.decode(errors='backslashreplace')}")


@dead.command("replay")
@command
def replay_letters(
    numbers: Annotated[list[int] | None, typer.Argument(help="Which; all without any.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    stage: Stage = None,
    source: Source = None,
) -> None:
    """Send what dead letters are about through the pipeline again, after a fix."""
    from pipeline.bus.dead_letters import CannotReplay, replay

    async def send(bus: "Bus") -> tuple[int, list[str]]:
        sent, problems = 0, list[str]()
        wanted = set(numbers or [])
        found = await _select(bus, stage, source)
        for stored in found if numbers else _newest_of_each(found):
            if numbers and stored.sequence not in wanted:
                continue
            wanted.discard(stored.sequence)
            try:
                await replay(bus, stored)
                sent += 1
            except CannotReplay as error:
                problems.append(str(error))
        problems += [
            f"there is no dead letter {number}: see `tapewatch dead list`"
            for number in sorted(wanted)
        ]
        return sent, problems

    sent, problems = ask_bus(config, "dead", send)
    typer.echo(f"{sent} sent through again")
    if problems:
        raise Failure("\n".join(problems))


def _newest_of_each(found: "list[StoredLetter]") -> "list[StoredLetter]":
    """What died, was sent again and died again has several letters: one of them will do."""
    newest = {
        (stored.letter.stage, stored.letter.source, stored.letter.position,
         stored.letter.field, stored.letter.payload): stored
        for stored in found
    }  # fmt: skip
    return sorted(newest.values(), key=lambda stored: stored.sequence)


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
