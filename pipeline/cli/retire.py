"""``tapewatch retire``: let a reader go for which the streams are held."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, app
from pipeline.cli.asking import ask_bus
from pipeline.cli.failures import Failure, command

if TYPE_CHECKING:
    from pipeline.bus import Bus


@app.command()
@command
def retire(
    reader: Annotated[str, typer.Argument(help="Its name, as `tapewatch status` shows it.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Forget where a reader stood that is not configured any more: nothing is held for it then."""
    from pipeline.bus.command_notes import CommandNote
    from pipeline.bus.reader_names import configured_readers, sink_reader
    from pipeline.config.loading import load_configuration

    sink, slash, content = reader.partition("/")
    if slash:  # as the table of readers calls it
        reader = sink_reader(sink, content)
    configured = configured_readers(load_configuration(config, resolve="later"))
    if reader in configured:
        raise Failure(f"{reader} is configured: take it out of the configuration first")

    async def forget(bus: "Bus") -> None:
        if not await bus.positions.forget(reader):
            raise Failure(await _unknown(bus, reader, configured))

    ask_bus(config, "retire", forget, note=CommandNote(what=f"retire {reader}"))
    typer.echo(f"{reader} is retired: should it come back, it begins with what is there then")


async def _unknown(bus: "Bus", reader: str, configured: set[str]) -> str:
    """That there is none, and which is meant."""
    from pipeline.bus.room import saved_positions
    from pipeline.problems import did_you_mean, one_of

    known = sorted({*await saved_positions(bus), *configured})
    of_sink = [one for one in known if f".{reader}." in one]
    hint = one_of(of_sink) or did_you_mean(reader, known)
    meant = f"did you mean {hint}?" if hint else "see `tapewatch status`"
    return f"there is no reader {reader}: {meant}"
