"""``tapewatch audit copy`` and ``restore``: the log in S3, locked, and back."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pipeline.cli.app import JsonOutput
from pipeline.cli.audit import KeyOption, Log, WhyOption, audit, open_log
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.output_files import keep_new
from pipeline.cli.printing import output, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from evidence.audit.copies import Copies
    from evidence.audit.s3_bucket import Bucket

Endpoint = Annotated[
    str | None, typer.Option("--endpoint", metavar="URL", help="An S3 server that isn't AWS's.")
]
Region = Annotated[str | None, typer.Option("--region", help="AWS's region.")]


@audit.command("copy")
@command
def copy(
    log: Log,
    to: Annotated[str, typer.Option("--to", metavar="s3://BUCKET/PREFIX", help="Where to.")],
    keep: Annotated[
        str, typer.Option(metavar="DURATION", help="How long nobody can remove it, such as 7y.")
    ],
    endpoint: Endpoint = None,
    region: Region = None,
    why: WhyOption = "",
    key: KeyOption = None,
) -> None:
    """Copy what was signed since the last time into S3, locked in compliance mode. Repeat it."""
    from datetime import UTC, datetime, timedelta

    from evidence.audit.copies import copy as copied
    from evidence.audit.export import signed_now

    until = datetime.now(UTC) + timedelta(days=_days(keep))
    folder, trusted = open_log(log, key)
    bucket = _bucket(to, endpoint, region)
    bucket.check_lock()
    _note(log, bucket.shown, signed_now(folder, trusted).checkpoint.size, until, why)
    with _progress() as progress:
        found = copied(folder, trusted, bucket, until=until, progress=progress)
    typer.echo(
        f"{found.end - found.first:,} entries copied to {bucket.shown}, {found.end:,} in all, "
        f"locked until {until:%Y-%m-%d %H:%M}Z"
    )


@audit.command("copies")
@command
def check_copies(
    log: Log,
    where: Annotated[str, typer.Option("--in", metavar="s3://BUCKET/PREFIX", help="Where.")],
    endpoint: Endpoint = None,
    region: Region = None,
    key: KeyOption = None,
    as_json: JsonOutput = False,
) -> None:
    """Are the copies there, locked, and equal to the log, and does the log agree with the
    checkpoints among them? Exit 1 if not, with what and where."""
    from datetime import UTC, datetime

    from evidence.audit.copies import check
    from evidence.audit.verify import verify

    folder, trusted = open_log(log, key)
    bucket = _bucket(where, endpoint, region)
    found = check(folder, trusted, bucket, datetime.now(UTC))
    if not found.objects:
        raise Failure(f"{bucket.shown} has no copy")
    verdict = verify(folder, trusted, anchored=found.checkpoints)
    good = verdict.good and not found.problems
    if as_json:
        told = msgspec.to_builtins(verdict) | {"copies": msgspec.to_builtins(found)}
        told["copies"].pop("checkpoints")
        typer.echo(msgspec.json.encode(told))
    else:
        _tell(found, verdict.entries)
        console = output()
        for problem in verdict.problems:
            say(console, f"{problem.kind}: {problem.message}", "red")
        if good:
            say(console, "good: the copies are there, locked, and what the log says", "green")
        else:
            say(console, "NOT as it was copied", "bold red")
    if not good:
        raise typer.Exit(FAILED)


@audit.command("restore")
@command
def restore(
    where: Annotated[str, typer.Option("--from", metavar="s3://BUCKET/PREFIX", help="Where from.")],
    to: Annotated[Path, typer.Option("--to", help="A new folder.")],
    key: Annotated[str, typer.Option("--key", metavar="KEY", help="The log's public key.")],
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """Make a folder of a log out of its copies, to be verified. Holds what was copied, no more."""
    from evidence.audit.copies import restore as restored
    from evidence.audit.folder import PRIVATE
    from pipeline.cli.audit import read_key

    trusted = read_key(key)
    keep_new(to)
    bucket = _bucket(where, endpoint, region)
    try:
        for name, content in restored(bucket, trusted):
            path = to / name
            to.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise Failure(f"can't write {error.filename or to}: {error.strerror}") from None
    typer.echo(f"restored into {to}: tapewatch audit verify {to} --key '{trusted}'")


def _tell(found: "Copies", entries: int) -> None:
    from datetime import UTC, datetime

    console = output()
    say(console, f"{found.where}: {found.objects:,} objects, {found.entries:,} entries")
    if found.locked_until is not None:
        until = datetime.fromtimestamp(found.locked_until, UTC)
        say(console, f"locked, the first until {until:%Y-%m-%d %H:%M}Z")
    if entries > found.entries:
        say(console, f"{entries - found.entries:,} entries are not copied yet", "yellow")
    for problem in found.problems:
        say(console, f"{problem.kind}: {problem.key}: {problem.message}", "red")


def _note(log: Path, to: str, size: int, until: object, why: str) -> None:
    """In the very log: what is about to be copied, and where to."""
    from pipeline.bus.command_notes import CommandNote
    from pipeline.cli.noting import noted_beside

    told = {"to": to, "size": size, "until": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
    after = msgspec.Raw(msgspec.json.encode(told))
    noted_beside(log, CommandNote(what="audit copy", why=why, after=after))


def _bucket(url: str, endpoint: str | None, region: str | None) -> "Bucket":
    from evidence.audit.s3_bucket import open_bucket
    from pipeline.cli.audit_anchor import given_url

    address = None if endpoint is None else given_url(endpoint, "--endpoint").reveal()
    return open_bucket(url, endpoint=address, region=region)


def _days(keep: str) -> float:
    """Days of a duration; of years 365.25 each. Raises Failure."""
    from pipeline.cli.durations import duration_of
    from pipeline.units import DAY

    if slip := re.fullmatch(r"(\d+)\s*(?:yrs?|years?|Y)", keep.strip()):
        raise Failure(f"--keep {keep}: did you mean {slip[1]}y?", CONFIGURATION)
    years = keep.endswith("y")
    try:
        found = float(keep[:-1]) * 365.25 if years else duration_of(keep, "--keep") / DAY
    except ValueError:
        raise Failure(
            f"--keep {keep}: expected years or days, as 7y or 2557d", CONFIGURATION
        ) from None
    if not 0 < found <= 36_525:
        raise Failure(f"--keep {keep}: up to a hundred years is wanted", CONFIGURATION)
    return found


@contextmanager
def _progress() -> "Generator[Callable[[int, int], None]]":
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("copying", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
