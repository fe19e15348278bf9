"""``tapewatch privacy``: who has a pseudonym, and letting it be nobody's."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pipeline.cli.app import DEFAULT_CONFIG, ConfigPath, JsonOutput, app
from pipeline.cli.failures import CONFIGURATION, Failure, command

if TYPE_CHECKING:
    from pipeline.bus.command_notes import CommandNote
    from pipeline.config.privacy import Privacy

privacy = typer.Typer(help="List pseudonyms of persons, and erase a person.", no_args_is_help=True)
app.add_typer(privacy, name="privacy")

_MOST_LISTED = 50


@privacy.command("list")
@command
def list_people(
    config: ConfigPath = DEFAULT_CONFIG,
    erased: Annotated[bool, typer.Option("--erased", help="Those who were erased.")] = False,
    source: Annotated[str | None, typer.Option(help="Only persons of a source.")] = None,
    as_json: JsonOutput = False,
) -> None:
    """Who has a pseudonym, from which source and since when; who they are stays at the source."""
    from pipeline.erasure import ErasureJournal
    from pipeline.pseudonyms import Pseudonyms, PseudonymsUnavailable

    settings = _settings(config)
    try:
        if erased:
            listed = ErasureJournal(settings.journal).erasures()
        else:
            listed = Pseudonyms(settings.keys).people()
    except PseudonymsUnavailable as unavailable:
        raise Failure(str(unavailable)) from None
    except (OSError, msgspec.MsgspecError):
        raise Failure(f"{settings.journal} can't be read") from None
    listed = [one for one in listed if source in (None, one.source)]
    if as_json:
        typer.echo(msgspec.json.encode(listed).decode())
        return
    for one in listed[-_MOST_LISTED:]:
        typer.echo("  ".join(_cells(one)))
    if len(listed) > _MOST_LISTED:
        typer.echo(f"... the newest {_MOST_LISTED} of {len(listed)}; all of them: --json")
    if not listed:
        typer.echo("nobody")


@privacy.command("pseudonyms")
@command
def pseudonyms(
    source: Annotated[str, typer.Argument(help="Name of the source in the configuration.")],
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Read a source's ids from standard input, one a line, and print each with its pseudonym.

    For reference data of your own about the same persons, such as their wallets. As CSV.
    """
    import csv

    from pipeline.pseudonyms import Pseudonyms, PseudonymsUnavailable

    settings = _settings(config)
    ids = [line.strip() for line in sys.stdin if line.strip()]
    try:
        named = Pseudonyms(settings.keys).of(source, ids)
    except PseudonymsUnavailable as unavailable:
        raise Failure(str(unavailable)) from None
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["id", "pseudonym"])
    writer.writerows((one, named[one]) for one in ids if one in named)


@privacy.command("erase")
@command
def erase_person(
    pseudonym: Annotated[str, typer.Argument(help="As `tapewatch privacy list` shows it.")],
    why: Annotated[str, typer.Option(help="The reason, without naming the person.")],
    config: ConfigPath = DEFAULT_CONFIG,
    on_behalf_of: Annotated[
        str,
        typer.Option(
            "--on-behalf-of",
            metavar="OFFICE",
            help="Whose decision it is, beside the user who runs this; not the person's own name.",
        ),
    ] = "",
    keep_out: Annotated[
        bool, typer.Option("--keep-out", help="Don't take the person from the source again.")
    ] = False,
) -> None:
    """Erase a person: the key is removed, so the pseudonym is nobody's any more. For good."""
    from pipeline.erasure import ErasureJournal, erase
    from pipeline.pseudonyms import Pseudonyms, PseudonymsUnavailable
    from pipeline.system_users import current_user

    settings = _settings(config)
    if not why.strip():
        raise Failure("a reason is wanted: --why", CONFIGURATION)
    _note(config, erasure_note(pseudonym.strip(), why.strip(), on_behalf_of.strip()))
    try:
        person = erase(
            Pseudonyms(settings.keys),
            ErasureJournal(settings.journal),
            pseudonym.strip(),
            who=current_user(),
            on_behalf_of=on_behalf_of.strip(),
            why=why.strip(),
            keep_out=keep_out,
        )
    except PseudonymsUnavailable as unavailable:
        raise Failure(str(unavailable)) from None
    except OSError as error:
        raise Failure(f"{settings.journal}: {error.strerror}") from None
    if person is None:
        raise Failure(
            f"nobody has the pseudonym {pseudonym}. An id of your own files or database is erased "
            "there: the record is withdrawn when it is read the next time"
        )
    typer.echo(
        f"{pseudonym} is nobody's now, and written down in {settings.journal}.\n"
        f"{person.source} withdraws what it said of {pseudonym} when it is read the next time."
    )
    if not keep_out:
        typer.echo(
            f"As long as {person.source} itself has this person, they come back under another "
            "pseudonym: have them deleted there, or say --keep-out."
        )


def erasure_note(pseudonym: str, why: str, on_behalf_of: str) -> "CommandNote":
    """For the audit log: whose key it was is not in it."""
    from pipeline.bus.command_notes import CommandNote

    note = CommandNote(action="erasure", what=pseudonym, why=why)
    if on_behalf_of:
        note.after = msgspec.Raw(msgspec.json.encode({"on_behalf_of": on_behalf_of}))
    return note


def _note(config: Path, erasure: "CommandNote") -> None:
    import asyncio

    from pipeline.bus.opened import opened_bus
    from pipeline.cli.noting import noted
    from pipeline.config.loading import load_configuration

    loaded = load_configuration(config, resolve="later")

    async def note() -> None:
        async with opened_bus(loaded.bus, name="privacy") as bus:
            await noted(bus, loaded, erasure)

    if loaded.audit is not None:
        asyncio.run(note())


def _settings(config: Path) -> "Privacy":
    from pipeline.config.loading import load_configuration

    settings = load_configuration(config, resolve="later").privacy
    if settings is None:
        raise Failure(f"{config} has no `privacy`: no person has a pseudonym here", CONFIGURATION)
    return settings


def _cells(one: object) -> list[str]:
    from pipeline.erasure import Erasure
    from pipeline.pseudonyms import Person

    match one:
        case Person():
            return [one.pseudonym, _moment(one.since), one.source]
        case Erasure():
            kept = "kept out" if one.kept_out else ""
            who = f"{one.who}, on behalf of {one.on_behalf_of}" if one.on_behalf_of else one.who
            return [one.pseudonym, _moment(one.when), one.source, who, one.why, kept]
        case _:
            raise TypeError(type(one))


def _moment(nanoseconds: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
