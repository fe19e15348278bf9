"""``tapewatch dead``: what could not be decoded, validated or delivered."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from pipeline.bus import Bus
from pipeline.bus.dead_letters import CannotReplay, StoredLetter, dead_letters, replay
from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.failures import Failure, command
from pipeline.config.schema import Configuration

dead = typer.Typer(
    help="List dead letters, show one, send them through again.", no_args_is_help=True
)
app.add_typer(dead, name="dead")

Stage = Annotated[str | None, typer.Option(help="Only those of a stage.")]
Source = Annotated[str | None, typer.Option(help="Only those of a source or sink.")]


def _load(config: ConfigPath) -> Configuration:
    from pipeline.config.loading import load_configuration

    return load_configuration(config, resolve="later")


async def _select(
    bus: Bus, stage: str | None, source: str | None, most: int | None = None
) -> list[StoredLetter]:
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
    loaded = _load(config)

    async def look() -> list[StoredLetter]:
        async with await Bus.connect(loaded.bus, name="dead") as bus:
            return await _select(bus, stage, source, most)

    found = asyncio.run(look())
    if as_json:
        for stored in found:
            typer.echo(msgspec.json.encode(stored))
        return
    console = Console()
    if not found:
        console.print("No dead letters.")
        return
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
    console.print(table, highlight=False, markup=False)


@dead.command("show")
@command
def show(number: int, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Print one dead letter whole, its payload as text."""
    loaded = _load(config)

    async def look() -> StoredLetter | None:
        async with await Bus.connect(loaded.bus, name="dead") as bus:
            async for stored in dead_letters(bus, after=number - 1):
                return stored if stored.sequence == number else None
        return None

    found = asyncio.run(look())
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
    """Send raw frames of dead letters through the pipeline again, after a fix."""
    loaded = _load(config)

    async def send() -> tuple[int, list[str]]:
        sent, problems = 0, list[str]()
        async with await Bus.connect(loaded.bus, name="dead") as bus:
            for stored in await _select(bus, stage, source):
                if numbers and stored.sequence not in numbers:
                    continue
                try:
                    await replay(bus, stored)
                    sent += 1
                except CannotReplay as error:
                    problems.append(str(error))
        return sent, problems

    sent, problems = asyncio.run(send())
    typer.echo(f"{sent} sent through again")
    if problems:
        raise Failure("\n".join(problems))


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
