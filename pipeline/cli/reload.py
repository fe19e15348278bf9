"""``tapewatch reload``: rules and configuration anew, without a stop."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.failures import CONFIGURATION, Failure, command

if TYPE_CHECKING:
    from pipeline.bus import Bus
    from pipeline.reload import Reloaded, ReloadRequest, RulesReloaded

#: A supervisor reads all files and lets stages end, which takes a while; in seconds.
_PATIENCE = 90.0
_MOST_TITLES = 20


@app.command()
@command
def reload(
    reason: Annotated[
        str | None, typer.Option(help="Why, for the record of who changed rules when.")
    ] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: JsonOutput = False,
) -> None:
    """Put changed rules and settings into force while Tapewatch runs.

    If anything is wrong nothing changes, and all of it is said: exit 2.
    """
    import msgspec

    from pipeline.bus import BusUnavailable
    from pipeline.bus.command_notes import CommandNote
    from pipeline.cli.asking import ask_bus
    from pipeline.cli.reloading import operator
    from pipeline.reload import ReloadRequest

    request = ReloadRequest(reason=reason, operator=operator(), config=str(config.absolute()))

    async def ask(bus: "Bus") -> "Reloaded":
        return await _ask(bus, config, request)

    try:
        note = CommandNote(what=f"reload {config}", why=reason or "")
        found = ask_bus(config, "reload", ask, note=note, running=True)
    except BusUnavailable as error:
        raise Failure(
            f"{error}; if the bus's own settings were changed: they can't change while it runs"
        ) from error
    if found.refused:
        typer.echo(found.refused, err=True)
        raise typer.Exit(CONFIGURATION)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        _print(found, config)


async def _ask(bus: "Bus", config: Path, request: "ReloadRequest") -> "Reloaded":
    """Ask the supervisor, who examines all; where there is none, change the rules alone."""
    from functools import partial

    import msgspec
    import nats.errors

    from pipeline.cli.noting import noted
    from pipeline.cli.reloading import announce, examined
    from pipeline.reload import Reloaded, reload_subject

    subject = reload_subject(bus.names)
    try:
        answer = await bus.client.request(subject, msgspec.json.encode(request), _PATIENCE)
    except nats.errors.NoRespondersError:
        loaded = examined(config)
        rules = await announce(bus, loaded.detections, request, partial(noted, bus, loaded))
        return Reloaded(rules=rules, supervised=False)
    except (nats.errors.TimeoutError, TimeoutError):
        raise Failure(
            f"the supervisor didn't answer within {_PATIENCE:.0f} s: see its log"
        ) from None
    return msgspec.json.decode(answer.data, type=Reloaded)


def _print(found: "Reloaded", config: Path) -> None:
    if found.rules is not None:
        _print_rules(found.rules)
    for restarted in found.restarted:
        typer.echo(f"{restarted.stage}: started again, for {' and '.join(restarted.parts)}")
    for name in found.own:
        typer.echo(f"{name}: in force")
    if found.rules is None and not found.restarted and not found.own:
        typer.echo("nothing has changed")
    if not found.supervised:
        typer.echo(
            "no supervisor answered, so only rules were looked at: restart the stages that run by "
            f"themselves if more has changed in {config}"
        )


def _print_rules(rules: "RulesReloaded") -> None:
    if rules.first:
        typer.echo(f"rules: the first in force, as rule set {rules.rules[:12]}")
        return
    counts = f"{len(rules.added)} added, {len(rules.changed)} changed, {len(rules.removed)} removed"
    typer.echo(
        f"rules: {counts}; in force from message {rules.sequence:,} of EVENTS on, "
        f"as rule set {rules.rules[:12]}"
    )
    named = (
        *(("added", rules.added), ("changed", rules.changed), ("removed", rules.removed)),
        *(("kept", rules.kept), ("rebuilt", rules.rebuilt)),
    )
    lines = [f"  {word:8} {title}" for word, titles in named for title in titles]
    for line in lines[:_MOST_TITLES]:
        typer.echo(line)
    if len(lines) > _MOST_TITLES:
        typer.echo(f"  and {len(lines) - _MOST_TITLES} more: see --json")
