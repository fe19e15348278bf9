"""``tapewatch clusters``: which wallets are one, why, and an analyst's word on that."""

import time
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonLines, JsonOutput, app
from pipeline.cli.failures import CONFIGURATION, Failure, command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from detections.clusters.clustering import State
    from pipeline.bus import Bus
    from pipeline.config.clusters import Clusters
    from pipeline.config.schema import Configuration
    from pipeline.reference_records import Override

clusters = typer.Typer(
    help="Show which wallets are held to be of one owner and why; separate them, or join others.",
    no_args_is_help=True,
)
app.add_typer(clusters, name="clusters")
override = typer.Typer(
    help="An analyst's word, which goes above every link and is kept for good.",
    no_args_is_help=True,
)
clusters.add_typer(override, name="override")

Wallet = Annotated[str, typer.Argument(help="A wallet's address.")]
Reason = Annotated[str, typer.Option("--reason", help="Why: it is kept with the override.")]
OnBehalfOf = Annotated[
    str | None,
    typer.Option(
        "--on-behalf-of", metavar="NAME", help="Whose word it is, beside the user who runs this."
    ),
]

T = TypeVar("T")


def _ask(config: "Path", ask: "Callable[[Bus, Configuration, Clusters], Awaitable[T]]") -> T:
    """What is asked of the bus, which is started where it doesn't run. Raises Failure."""
    import asyncio

    from pipeline import logs
    from pipeline.bus.opened import opened_bus
    from pipeline.config.loading import load_configuration

    loaded = load_configuration(config, resolve="later")
    logs.configure(loaded.logging, stage="clusters")
    settings = loaded.clusters
    if settings is None:
        raise Failure(
            f"{config} has no `clusters:`, so none are found: see docs/clusters.md", CONFIGURATION
        )

    async def open_and_ask() -> T:
        async with opened_bus(loaded.bus, name="clusters") as bus:
            return await ask(bus, loaded, settings)

    return asyncio.run(open_and_ask())


def _known(config: "Path") -> "tuple[State, Clusters]":
    """The clusters as they are now, and the configuration that they are found by."""

    async def read(
        bus: "Bus", loaded: "Configuration", settings: "Clusters"
    ) -> "tuple[State, Clusters]":
        from detections.clusters.reading import clusters_now

        found = await clusters_now(bus, settings, lanes=loaded.detections.lanes)
        return found.state, settings

    return _ask(config, read)


def _address(text: str) -> str:
    from pipeline.reference_records import compared_account

    return compared_account(text.strip())


def _wallet(text: str) -> str:
    """The address that is meant. Raises Failure for what is none: nothing would link it."""
    from pipeline.reference_records import Address

    try:
        return msgspec.convert(_address(text), Address)
    except msgspec.ValidationError:
        raise Failure(
            f"{text} is no address: expected an EVM address or a Solana address", CONFIGURATION
        ) from None


@clusters.command("list")
@command
def list_clusters(
    least: Annotated[int, typer.Option(min=2, help="Only those of so many wallets.")] = 2,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: JsonLines = False,
) -> None:
    """List the clusters, the largest first."""
    from detections.clusters.explanation import overviews
    from pipeline.cli.clusters_text import table_of
    from pipeline.cli.printing import WIDE, show

    state, _ = _known(config)
    found = [one for one in overviews(state) if len(one.members) >= least]
    if as_json:
        for one in found:
            typer.echo(msgspec.json.encode(one))
        return
    if not found:
        typer.echo("No clusters.")
        return
    show(table_of(found), width=WIDE)


@clusters.command("show")
@command
def show_cluster(
    wanted: Annotated[
        str, typer.Argument(metavar="ID", help="A cluster's id or name, or one of its wallets.")
    ],
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: JsonOutput = False,
) -> None:
    """Show one cluster: its wallets, every link with its evidence, and overrides."""
    from detections.clusters.explanation import Said, overview, steps_within
    from pipeline.cli.clusters_text import lines_of

    state, _ = _known(config)
    found = overview(state, _address(wanted)) or overview(state, wanted)
    if found is None:
        raise Failure(f"{wanted} is no cluster, and in none: see `tapewatch clusters list`")
    steps = steps_within(state, found.members)
    said = [Said.of(state.overrides[one]) for one in found.overrides if one in state.overrides]
    if as_json:
        answer = {"cluster": found, "links": steps, "overrides": said}
        typer.echo(msgspec.json.encode(answer))
        return
    for line in lines_of(found, steps, said):
        typer.echo(line)


@clusters.command("why")
@command
def explain(
    wallet: Wallet,
    other: Wallet,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: JsonOutput = False,
) -> None:
    """Say why two wallets are one, link by link with its evidence, or why they are not."""
    from detections.clusters.explanation import why
    from pipeline.cli.clusters_text import lines_of_why

    wallets = _wallet(wallet), _wallet(other)
    state, settings = _known(config)
    found = why(state, *wallets, settings.threshold)
    if as_json:
        typer.echo(msgspec.json.encode(found))
        return
    for line in lines_of_why(found):
        typer.echo(line)


@override.command("together")
@command
def join(
    wallet: Wallet,
    other: Wallet,
    reason: Reason,
    on_behalf_of: OnBehalfOf = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Two wallets are of one owner, whatever links them."""
    _write_override("join", (wallet, other), reason, on_behalf_of, config)


@override.command("apart")
@command
def separate(
    wallet: Wallet,
    reason: Reason,
    other: Annotated[
        str | None, typer.Argument(help="Another one; without it, the wallet is of nobody else.")
    ] = None,
    on_behalf_of: OnBehalfOf = None,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Two wallets are not of one owner, whatever links them; one alone: it is with nobody."""
    _write_override("separate", (wallet, *([other] if other else [])), reason, on_behalf_of, config)


@override.command("lift")
@command
def lift(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The override's id.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """An override counts no longer. That it was said stays on record."""

    async def withdraw(bus: "Bus", loaded: "Configuration", _: object) -> bool:
        from detections.clusters.reference_form import OVERRIDES
        from pipeline.bus.command_notes import CommandNote
        from pipeline.bus.reference_outlet import ReferenceOutlet
        from pipeline.cli.noting import noted
        from pipeline.reference_changes import withdrawal

        held = (await _overrides_said(bus)).get(identity, b"null")
        await noted(
            bus,
            loaded,
            CommandNote(
                action="override",
                what=f"clusters override lift {identity}",
                before=msgspec.Raw(held),
                after=msgspec.Raw(b"null"),
            ),
        )
        outlet = await ReferenceOutlet.open(bus, OVERRIDES)
        gone = withdrawal(("override", identity, None))
        written = await outlet.write([gone], read=time.time_ns())
        return written.withdrawn > 0

    if not _ask(config, withdraw):
        raise Failure(f"there is no override {identity}: see `tapewatch clusters show`")
    typer.echo(f"{identity} counts no longer")


@override.command("list")
@command
def list_overrides(config: ConfigPath = DEFAULT_CONFIG, as_json: JsonLines = False) -> None:
    """List the overrides that count, with who said so, when and why."""
    from detections.clusters.explanation import Said
    from pipeline.cli.clusters_text import line_of_override

    state, _ = _known(config)
    for one in map(Said.of, state.overrides.values()):
        typer.echo(msgspec.json.encode(one) if as_json else line_of_override(one))
    if not state.overrides and not as_json:
        typer.echo("No overrides.")


def _write_override(
    action: str, addresses: tuple[str, ...], reason: str, other: str | None, config: "Path"
) -> None:
    from pipeline.system_users import current_user

    # Who says so is the system's user of this process; a name that is given only comes with it.
    who = f"{current_user()}, on behalf of {other.strip()}" if other else current_user()
    if not reason.strip():
        raise Failure("--reason: say why, for whoever looks at it later", CONFIGURATION)
    record = _override(action, tuple(map(_wallet, addresses)), reason, who)

    async def write(bus: "Bus", loaded: "Configuration", _: object) -> None:
        from detections.clusters.reference_form import OVERRIDES
        from pipeline.bus.command_notes import CommandNote
        from pipeline.bus.reference_outlet import ReferenceOutlet
        from pipeline.cli.noting import noted
        from pipeline.reference_changes import change_of

        change = change_of(record)
        held = await _overrides_said(bus)
        before = [msgspec.Raw(one) for one in held.values() if _names_one_of(one, addresses)]
        note = CommandNote(
            action="override",
            what=f"clusters override {record.id}",
            why=reason,
            before=msgspec.Raw(msgspec.json.encode(before)),
            after=msgspec.Raw(change.record),
        )
        await noted(bus, loaded, note)
        outlet = await ReferenceOutlet.open(bus, OVERRIDES)
        await outlet.write([change], read=time.time_ns())

    _ask(config, write)
    typer.echo(f"{record.id}: it counts once the normalizer and the clusters have taken it")


async def _overrides_said(bus: "Bus") -> dict[str, bytes]:
    """The overrides that count now, by their id, as the stream has them."""
    from detections.clusters.reference_form import OVERRIDES
    from pipeline.bus.reference_history import ReferenceHistory
    from pipeline.reference_changes import decode_chunk

    history = ReferenceHistory(bus)
    found: dict[str, bytes] = {}
    for message in await history.messages(OVERRIDES, 0, await history.newest(OVERRIDES)):
        for change in decode_chunk(message.data).changes:
            if change.withdrawn:
                found.pop(change.key, None)
            else:
                found[change.key] = change.record
    return found


def _names_one_of(record: bytes, addresses: tuple[str, ...]) -> bool:
    from pipeline.reference_records import Override

    held = msgspec.json.decode(record, type=Override)
    return not {_address(one) for one in addresses}.isdisjoint(map(_address, held.addresses))


def _override(action: str, addresses: tuple[str, ...], reason: str, who: str) -> "Override":
    """The record. Raises Failure where it is none."""
    import hashlib
    from datetime import UTC, datetime

    from pipeline.reference_records import Override

    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if len(set(addresses)) != len(addresses):
        raise Failure("the two wallets are the same", CONFIGURATION)
    identity = hashlib.sha256("|".join((action, *addresses, who, at)).encode()).hexdigest()[:12]
    fields = {
        "id": f"override-{identity}",
        "action": action,
        "addresses": addresses,
        "who": who,
        "why": reason,
        "at": at,
    }
    try:
        return msgspec.convert(fields, Override)
    except msgspec.ValidationError as error:
        raise Failure(f"this can't be an override: {error}", CONFIGURATION) from None
