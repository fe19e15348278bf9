"""``tapewatch audit``: the log of all that was done, held against what was signed."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pipeline.cli.app import JsonLines, JsonOutput, app
from pipeline.cli.audit_entries import check_span, chosen_by, extent, others, sentence
from pipeline.cli.failures import CONFIGURATION, FAILED, Failure, command
from pipeline.cli.output_files import keep_new
from pipeline.cli.printing import output, say
from pipeline.page.words import plural

if TYPE_CHECKING:
    from evidence.audit.anchor_checks import Word
    from evidence.audit.anchors import Kept
    from evidence.audit.notes import Checkpoint, VerifyingKey
    from evidence.audit.store import AuditFolder

audit = typer.Typer(help="Verify the audit log, prove entries, export them.", no_args_is_help=True)
app.add_typer(audit, name="audit")

_MOST_SHOWN = 50
#: Starts after a crash that are told one by one.
_MOST_LATE = 20

Log = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of the audit log.")]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="The public key that you know, or a file with it."),
]
ActionOption = Annotated[str | None, typer.Option(help="Only entries of this action.")]
WhoOption = Annotated[str | None, typer.Option(help="Only entries of this user or process.")]
WhatOption = Annotated[str | None, typer.Option(help="Only entries about this, whole or in part.")]
WhyOption = Annotated[str, typer.Option("--why", help="Why, or for whom: for the audit log.")]
FirstOption = Annotated[int, typer.Option("--first", min=0, help="Number of the first entry.")]
EndOption = Annotated[
    int | None, typer.Option("--end", min=0, help="Number of the first entry that is left out.")
]


@audit.command("key")
@command
def new_key(
    name: Annotated[str, typer.Argument(help="Name of the log, such as example.com/tapewatch.")],
    out: Annotated[Path, typer.Option("--out", help="Where the private key goes: a new file.")],
) -> None:
    """Make a key that signs an audit log. Prints the public key: give it to who will verify."""
    from evidence.audit.notes import NoteWrong, SigningKey

    try:
        key = SigningKey.new(name)
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except NoteWrong as error:
        raise Failure(str(error), CONFIGURATION) from None
    except FileExistsError:
        raise Failure(f"{out} is there already: name a new file", CONFIGURATION) from None
    except OSError as error:
        raise Failure(f"can't write {out}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(key.reveal() + "\n")
    except OSError as error:
        out.unlink(missing_ok=True)  # a part of a key is none
        raise Failure(f"can't write {out}: {error.strerror}") from None
    typer.echo(str(key.verifying))


@audit.command()
@command
def verify(
    log: Log,
    key: KeyOption = None,
    against: Annotated[
        list[Path] | None,
        typer.Option("--against", help="A checkpoint that you kept: the log must agree with it."),
    ] = None,
    authority: Annotated[
        list[Path] | None,
        typer.Option("--authority", help="Certificates of timestamp authorities you trust (PEM)."),
    ] = None,
    chain: Annotated[
        str | None,
        typer.Option("--chain", metavar="URL", help="A node's JSON-RPC, to look for anchors."),
    ] = None,
    as_json: JsonOutput = False,
) -> None:
    """Read the whole log: is everything as it was signed? Exit 1 if not, with what and where."""
    from evidence.audit.anchors import anchored, kept
    from evidence.audit.outbox import waiting
    from evidence.audit.verify import MOST_TOLD
    from evidence.audit.verify import verify as verified

    folder, trusted = open_log(log, key)
    given = [_checkpoint(path, trusted) for path in against or ()]
    anchors = list(kept(folder, trusted))
    words = _words(anchors, authority or [], chain)
    with _progress(folder) as progress:
        verdict = verified(
            folder, trusted, against=given, anchored=anchored(anchors), progress=progress
        )
    good = verdict.good and all(word.state != "wrong" for word in words)
    if as_json:
        found = (
            {"good": good} | msgspec.to_builtins(verdict) | {"anchors": msgspec.to_builtins(words)}
        )
        typer.echo(msgspec.json.encode(found))
    else:
        console = output()
        say(
            console,
            f"{verdict.origin}: {plural(verdict.entries, 'entry', 'entries')}, "
            f"{plural(verdict.checkpoints, 'checkpoint')}",
        )
        say(console, f"root {verdict.root}")
        for problem in verdict.problems:
            say(console, f"{problem.kind}: {problem.message}", "red")
        if verdict.count > MOST_TOLD:
            say(console, f"... and {verdict.count - MOST_TOLD:,} more", "red")
        if verdict.unsigned:
            say(
                console,
                f"{verdict.unsigned:,} entries behind them are not signed yet: of what they say "
                "nothing is shown",
                "yellow",
            )
        for which in verdict.late[:_MOST_LATE]:
            say(
                console,
                f"{which}: signed at a later start only, as after a crash; before that, whoever "
                "had the folder could write them",
                "yellow",
            )
        if len(verdict.late) > _MOST_LATE:
            say(console, f"... and {len(verdict.late) - _MOST_LATE:,} more such starts", "yellow")
        if left := len(waiting(log)):
            say(console, f"{left:,} notes in its outbox are no entries yet", "yellow")
        for word in words:
            colour = {"wrong": "red", "shown": "green"}.get(word.state, "")
            say(console, f"anchor {word.anchor}: {word.state}: {word.message}", colour)
        if good:
            say(console, f"good: the first {verdict.signed:,} are as they were signed", "green")
        else:
            what = "NOT as it was signed" if not verdict.good else "NOT as its anchors should be"
            say(console, f"{what}; good up to entry {verdict.signed:,}", "bold red")
        if key is None:
            say(console, "The key lies beside the log. Verify with the one that you know: --key")
        elif str(folder.key()) != str(trusted):
            said = "the key beside the log is another one: who verifies by it is misled"
            say(console, said, "yellow")
    if not good:
        raise typer.Exit(FAILED)


@audit.command()
@command
def show(
    log: Log,
    action: ActionOption = None,
    who: WhoOption = None,
    what: WhatOption = None,
    first: FirstOption = 0,
    end: EndOption = None,
    most: Annotated[int, typer.Option("--last", min=1, help="So many, the newest.")] = _MOST_SHOWN,
    as_json: JsonLines = False,
) -> None:
    """Show entries: who did what to what, when and why."""
    from collections import deque

    from evidence.audit.entries import decode
    from evidence.audit.export import select
    from evidence.audit.store import AuditFolder

    check_span(first, end)
    folder, until = AuditFolder(log), 2**62 if end is None else end
    found, count = deque[bytes](maxlen=most), 0
    for _, line in select(folder, until, chosen_by(action, who, what), first):
        found.append(line)
        count += 1
    if not found:
        folder.key()  # so that a folder without a log is told from a log without such entries
    console = output()
    for line in found:
        if as_json:
            typer.echo(line)
        else:
            say(console, sentence(decode(line)))
    if not found and not as_json:
        say(console, f"nothing{others(folder, who)}")
    if count > most:
        typer.echo(f"the newest {most:,} of {count:,} entries: --last shows more", err=True)


@audit.command()
@command
def prove(
    log: Log,
    number: Annotated[int, typer.Argument(min=0, help="Number of the entry.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the proof goes; else it is printed.")
    ] = None,
    key: KeyOption = None,
) -> None:
    """Prove that an entry is in the log, in the form c2sp.org/tlog-proof. See `audit check`."""
    from evidence.audit.export import signed_now

    folder, trusted = open_log(log, key)
    signed = signed_now(folder, trusted)
    if number >= signed.checkpoint.size:
        raise Failure(f"{extent(signed.checkpoint.size)}, and no entry {number} yet")
    proof = str(folder.prove(number, signed))
    if out is None:
        typer.echo(proof, nl=False)
        return
    _write(out, proof.encode())


@audit.command()
@command
def check(
    proof: Annotated[Path, typer.Argument(help="A proof that `audit prove` made.")],
    entry: Annotated[Path, typer.Option("--entry", help="A file with the entry's line.")],
    key: Annotated[
        str, typer.Option("--key", metavar="KEY", help="The log's public key, or a file with it.")
    ],
) -> None:
    """Check a proof without the log: was this very entry in it? Exit 1 if that isn't shown."""
    from evidence.audit.merkle import ProofWrong, check_inclusion, leaf_hash
    from evidence.audit.notes import NoteWrong, open_checkpoint, read_proof

    trusted = read_key(key)
    try:
        found = read_proof(_read(proof).decode("utf-8", "replace"))
        signed = open_checkpoint(found.note, trusted)
        line = _read(entry).removesuffix(b"\n")
        check_inclusion(found.index, signed.size, leaf_hash(line), found.hashes, signed.root)
    except (NoteWrong, ProofWrong) as error:
        raise Failure(f"not shown: {error}") from None
    typer.echo(f"entry {found.index} was in the log of {signed.origin} when it had {signed.size}")


@audit.command()
@command
def export(
    log: Log,
    to: Annotated[Path, typer.Option("--to", help="A new folder.")],
    action: ActionOption = None,
    who: WhoOption = None,
    what: WhatOption = None,
    first: FirstOption = 0,
    end: EndOption = None,
    why: WhyOption = "",
    key: KeyOption = None,
) -> None:
    """Export entries with a proof for each, and a checker that needs nothing but Python."""
    from evidence.audit.export import export as exported
    from evidence.audit.export import select, signed_now

    check_span(first, end)
    keep_new(to)
    folder, trusted = open_log(log, key)
    size = signed_now(folder, trusted).checkpoint.size
    if first >= size:
        raise Failure(f"{extent(size)}: --first {first} is behind them")
    until = min(size, size if end is None else end)
    chosen = list(select(folder, until, chosen_by(action, who, what), first))
    if not chosen:
        raise Failure(f"no entry that was signed is meant{others(folder, who)}")
    everything = len(chosen) == until - first
    _note_export(
        log,
        [line for _, line in chosen],
        {"action": action, "who": who, "what": what},
        (first, until),
        to,
        why,
    )
    try:
        manifest = exported(
            folder, trusted, chosen, to, complete=(first, until) if everything else None
        )
    except OSError as error:
        raise Failure(f"can't write {error.filename or to}: {error.strerror}") from None
    many = plural(len(manifest.entries), "entry", "entries")
    typer.echo(f"{many} with their proofs in {to}")
    typer.echo(f"to check them: python3 {to / 'check.py'} --key '{trusted}'")


def _note_export(
    log: Path,
    lines: list[bytes],
    wanted: dict[str, str | None],
    span: tuple[int, int],
    to: Path,
    why: str,
) -> None:
    """In the very log: what is about to be taken out of it."""
    from hashlib import sha256

    from pipeline.bus.command_notes import CommandNote
    from pipeline.cli.noting import noted_beside

    said = {name: value for name, value in wanted.items() if value is not None}
    told = {
        "first": span[0],
        "end": span[1],
        "entries": len(lines),
        "to": str(to.absolute()),
        "sha256": sha256(b"".join(line + b"\n" for line in lines)).hexdigest(),
        **said,
    }
    note = CommandNote(
        action="export", what="audit log", why=why, after=msgspec.Raw(msgspec.json.encode(told))
    )
    noted_beside(log, note)


def open_log(log: Path, key: str | None) -> "tuple[AuditFolder, VerifyingKey]":
    """The folder, and the key to verify it with: that of the option, else the one beside it."""
    from evidence.audit.store import AuditFolder

    folder = AuditFolder(log)
    beside = folder.key()
    return folder, beside if key is None else read_key(key)


def _words(anchors: "list[Kept]", authority: list[Path], chain: str | None) -> "list[Word]":
    from evidence.audit.anchor_checks import words
    from evidence.audit.timestamps import authorities
    from evidence.audit.transactions import Node
    from pipeline.cli.audit_anchor import TIMEOUT, given_url

    node = None if chain is None else Node(given_url(chain, "--chain").reveal(), timeout=TIMEOUT)
    return list(words(anchors, authorities(authority), node))


def read_key(text: str) -> "VerifyingKey":
    """A public key, or that in a file. Raises Failure."""
    from evidence.audit.notes import NoteWrong, VerifyingKey

    if "+" not in text or _is_there(Path(text)):
        text = _read(Path(text)).decode("utf-8", "replace")
    try:
        return VerifyingKey.parse(text)
    except NoteWrong as error:
        raise Failure(f"--key: {error}", CONFIGURATION) from None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # longer than a name may be
        return False


def _checkpoint(path: Path, key: "VerifyingKey") -> "Checkpoint":
    from evidence.audit.notes import NoteWrong, open_checkpoint

    note = _read(path).decode("utf-8", "replace").strip("\n")  # of the file that it was copied from
    try:
        return open_checkpoint(f"{note}\n", key)
    except NoteWrong as error:
        raise Failure(f"--against {path}: {error}", CONFIGURATION) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"can't read {path}: {error.strerror}", CONFIGURATION) from None


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise Failure(f"can't write {path}: {error.strerror}") from None


@contextmanager
def _progress(folder: "AuditFolder") -> Generator[Callable[[int], None]]:
    """A bar on a terminal, by the stored number of entries."""
    from rich.console import Console
    from rich.progress import Progress

    from evidence.audit.merkle import HASH_SIZE

    console = Console(stderr=True)
    path = folder.nodes(0)
    total = path.stat().st_size // HASH_SIZE if path.exists() else None
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("verifying", total=total)
        yield lambda done: progress.update(task, completed=done)
