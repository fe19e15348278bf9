"""``tapewatch reference``: what is known of tokens, investors, addresses and lists, since when."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.asking import ask_bus
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command

if TYPE_CHECKING:
    from pipeline.bus import Bus
    from pipeline.bus.reference_scan import KnownChange
    from pipeline.findings import Finding
    from pipeline.reference_changes import ReferenceKind

reference = typer.Typer(
    help="What is known of tokens, investors, addresses and lists, and who changed it when.",
    no_args_is_help=True,
)
app.add_typer(reference, name="reference")

Kind = Annotated[str | None, typer.Option(help="Only records of a kind, such as investor.")]
Source = Annotated[str | None, typer.Option(help="Only what a source says.")]
At = Annotated[
    str | None, typer.Option("--at", help="As it was known at a time, a day, or `2h ago`.")
]
Key = Annotated[str, typer.Argument(help="An id, an address, or any part of a record.")]


class Row(msgspec.Struct, omit_defaults=True):
    """A record, for machines. Times in nanoseconds since the epoch."""

    source: str
    kind: str
    key: str
    known_since: int
    record: msgspec.Raw | None = None
    change: str | None = None
    fields: dict[str, tuple[object, object]] | None = None
    valid_from: int | None = None
    valid_to: int | None = None


class Count(msgspec.Struct):
    """How many records of a kind a source has."""

    source: str
    kind: str
    records: int
    known_since: int


@reference.command("list")
@command
def list_(
    kind: Kind = None,
    source: Source = None,
    at: At = None,
    limit: Annotated[int, typer.Option(help="Records that are shown, of a kind.")] = 100,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: JsonOutput = False,
) -> None:
    """List what sources have: counts by kind, or with --kind the records."""
    from pipeline.bus.reference_scan import standing

    kinds, sources, moment = _chosen(kind, source, at)

    others: set[str] = set()

    async def ask(bus: "Bus") -> "list[KnownChange]":
        found = await standing(bus, sources=sources, kinds=kinds, at=moment)
        if not found:
            others.update(one.source for one in await standing(bus))
        return found

    found = ask_bus(config, "reference", ask)
    if not found and not as_json:
        typer.echo(_none(kind, source, moment, others))
        return
    if kind is not None:
        _show(found[:limit], as_json=as_json)
        if len(found) > limit:
            typer.echo(f"{len(found) - limit:,} more: --limit", err=True)
        return
    counts: dict[tuple[str, str], Count] = {}
    for one in found:
        place = (one.source, one.change.kind)
        count = counts.setdefault(place, Count(*place, 0, one.known))
        count.records += 1
        count.known_since = max(count.known_since, one.known)
    if as_json:
        typer.echo(msgspec.json.encode(list(counts.values())))
        return
    for count in counts.values():
        typer.echo(
            f"{count.source:<20} {count.kind:<16} {count.records:>9,}   "
            f"changed {_time(count.known_since)}"
        )


@reference.command()
@command
def show(
    key: Key,
    kind: Kind = None,
    source: Source = None,
    at: At = None,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: JsonOutput = False,
) -> None:
    """Show the records that name something. Exit 1 if none does."""
    from pipeline.bus.reference_scan import standing

    kinds, sources, moment = _chosen(kind, source, at)

    async def ask(bus: "Bus") -> "list[KnownChange]":
        return await standing(bus, sources=sources, kinds=kinds, at=moment, naming=key)

    found = ask_bus(config, "reference", ask)
    _show(found, as_json=as_json)
    if not found:
        _nothing(key, kind, source, config)


@reference.command()
@command
def history(
    key: Key,
    kind: Kind = None,
    source: Source = None,
    config: ConfigPath = DEFAULT_CONFIG,
    as_json: JsonOutput = False,
) -> None:
    """Show every change of the records that name something, the oldest first."""
    from pipeline.bus.reference_scan import scanned

    kinds, sources, _ = _chosen(kind, source, None)

    async def ask(bus: "Bus") -> "list[KnownChange]":
        scan = scanned(bus, sources=sources, kinds=kinds, naming=key)
        return sorted([one async for one in scan], key=lambda one: one.known)

    found = ask_bus(config, "reference", ask)
    if as_json:
        typer.echo(msgspec.json.encode([_row(one, history=True) for one in found]))
    for one in found if not as_json else ():
        typer.echo(f"{_time(one.known)}  {one.became} by {one.source}: {_named(one)}")
        if one.became == "changed":
            for name, (before, after) in one.differences().items():
                typer.echo(f"    {name}: {_short(before)} → {_short(after)}")
        elif one.became == "added":
            typer.echo(f"    {one.change.record.decode()}")
    if not found:
        _nothing(key, kind, source, config)


@reference.command()
@command
def check(config: ConfigPath = DEFAULT_CONFIG, as_json: JsonOutput = False) -> None:
    """Ask every source of reference data, and say what can't be read. Nothing is written."""
    import asyncio

    from collectors.reference.check import check_reference
    from pipeline.cli.preflight import preflight
    from pipeline.config.loading import load_configuration
    from pipeline.config.sources import ReferenceSource

    loaded = load_configuration(config)
    preflight(loaded)
    chosen = [one for one in loaded.sources if isinstance(one, ReferenceSource)]

    async def ask() -> "list[Finding]":
        return list(await asyncio.gather(*(check_reference(one) for one in chosen)))

    found = asyncio.run(ask())
    if as_json:
        typer.echo(msgspec.json.encode(found))
    for finding in found if not as_json else ():
        message = finding.message.replace("\n", f"\n{'':9}")
        typer.echo(f"{finding.level:<8} {finding.subject}: {message}")
        if finding.advice:
            typer.echo(f"         → {finding.advice}")
    if any(finding.level == "error" for finding in found):
        raise typer.Exit(FAILED)


@reference.command()
@command
def withdraw(
    source: Annotated[str, typer.Argument(help="A source that isn't configured any more.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it, instead of saying what it is.")
    ] = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Withdraw all that a source said, once it isn't configured any more."""
    from pipeline.bus.reference_outlet import ReferenceOutlet
    from pipeline.config.loading import load_configuration

    if any(one.name == source for one in load_configuration(config, resolve="later").sources):
        raise Failure(
            f"{source} is configured, and would say it all again: take it out of `sources` first",
            CONFIGURATION,
        )

    async def ask(bus: "Bus") -> int:
        outlet = await ReferenceOutlet.open(bus, source)
        count = outlet.records
        if yes:
            await outlet.withdraw_all(read=time.time_ns())
        return count

    count = ask_bus(config, "reference", ask)
    if not count:
        typer.echo(f"{source} has nothing in force")
    elif yes:
        typer.echo(f"{count} records of {source} were withdrawn; their history stays")
    else:
        typer.echo(f"{count} records of {source} would be withdrawn: add --yes")


def _chosen(
    kind: str | None, source: str | None, at: str | None
) -> "tuple[tuple[ReferenceKind, ...], tuple[str, ...], int | None]":
    """What the options mean. Raises Failure."""
    from pipeline.cli.moments import moment_of
    from pipeline.problems import did_you_mean, one_of
    from pipeline.reference_changes import KINDS

    kinds: tuple[ReferenceKind, ...] = tuple([one for one in KINDS if one == kind])
    if kind is not None and not kinds:
        hint = did_you_mean(kind, list(KINDS))
        meant = f"; did you mean {hint}?" if hint else ""
        raise Failure(f"--kind {kind}: expected {one_of(KINDS)}{meant}", CONFIGURATION)
    sources = () if source is None else (source,)
    moment = None if at is None else moment_of(at, "--at", now=time.time_ns())
    return kinds, sources, moment


def _show(found: "list[KnownChange]", *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode([_row(one) for one in found]))
        return
    for one in found:
        typer.echo(f"{_named(one)}, by {one.source}, known since {_time(one.known)}")
        typer.echo(f"    {one.change.record.decode()}")


def _none(kind: str | None, source: str | None, moment: int | None, others: set[str]) -> str:
    """Why there is nothing to list; `others`: sources that have something now."""
    from pipeline.problems import all_of, did_you_mean

    if not others:
        return "nothing: no source of reference data has given anything"
    known = "was known by then" if moment is not None else "is known"
    of_kind = f" of kind {kind}" if kind else ""
    if source is None:
        return f"nothing{of_kind} {known}"
    said = f"nothing{of_kind} {known} by the source {source}"
    if source in others:
        return said
    hint = did_you_mean(source, sorted(others))
    return (
        f"{said}: did you mean {hint}?" if hint else f"{said}: there are {all_of(sorted(others))}"
    )


def _nothing(key: str, kind: str | None, source: str | None, config: Path) -> NoReturn:
    """Says that no source has it, or that a file has. Raises Failure."""
    from normalizer.reference_files import files_of
    from pipeline.config.loading import load_configuration
    from pipeline.problems import shown

    among = f" of kind {kind}" if kind else ""
    among += f" of the source {source}" if source else ""
    said = f"no record{among} names {shown(key)}"
    for file in files_of(load_configuration(config, resolve="later").reference):
        if _names(file, key):
            raise Failure(
                f"{said}, but {file} names it: what stands in files under `reference` is known "
                "from the start, and without a history",
                FAILED,
            )
    raise Failure(f"{said}: see `tapewatch reference list`", FAILED)


def _names(file: Path, key: str) -> bool:
    wanted = key.strip()
    whole = re.compile(rf"(?<![\w-]){re.escape(wanted)}(?![\w-])", re.IGNORECASE)
    try:
        return bool(wanted) and whole.search(file.read_text("utf-8")) is not None
    except (OSError, UnicodeDecodeError):
        return False


def _row(one: "KnownChange", *, history: bool = False) -> Row:
    change = one.change
    return Row(
        source=one.source,
        kind=change.kind,
        key=change.key,
        known_since=one.known,
        record=None if change.withdrawn else msgspec.Raw(change.record),
        change=one.became if history else None,
        fields=one.differences() if history and one.became == "changed" else None,
        valid_from=change.valid_from,
        valid_to=change.valid_to,
    )


def _named(one: "KnownChange") -> str:
    change = one.change
    valid = ""
    if change.valid_from is not None:
        valid += f", from {_time(change.valid_from)}"
    if change.valid_to is not None:
        valid += f", until {_time(change.valid_to)}"
    return f"{change.kind} {change.key}{valid}"


def _short(value: object) -> str:
    return "–" if value is None else msgspec.json.encode(value).decode()[:200]


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
