"""``tapewatch audit anchor``: a checkpoint that somebody else has seen."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.audit import KeyOption, Log, WhyOption, audit, open_log
from pipeline.cli.failures import CONFIGURATION, Failure, command

if TYPE_CHECKING:
    from evidence.audit.store import AuditFolder, Signed
    from pipeline.secrets import SecretText

TIMEOUT = 30.0

ChainOption = Annotated[
    str | None,
    typer.Option("--chain", metavar="URL", help="A node's JSON-RPC; ${env:NAME} for its key."),
]


@audit.command("anchor")
@command
def anchor(
    log: Log,
    timestamp: Annotated[
        str | None,
        typer.Option("--timestamp", metavar="URL", help="A timestamp authority (RFC 3161)."),
    ] = None,
    chain: ChainOption = None,
    sender: Annotated[
        str | None,
        typer.Option("--from", metavar="ADDRESS", help="The account that the node signs for."),
    ] = None,
    account_key: Annotated[
        Path | None,
        typer.Option("--account-key", help="A file with a private key, to sign with it here."),
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for a block.")] = 180.0,
    why: WhyOption = "",
    key: KeyOption = None,
) -> None:
    """Have the newest checkpoint stamped by an authority, or put it on a chain, or both."""
    from evidence.audit.export import signed_now

    if timestamp is None and chain is None:
        raise Failure("say where: --timestamp URL, --chain URL, or both", CONFIGURATION)
    if chain is None and (sender is not None or account_key is not None):
        raise Failure("--from and --account-key are for --chain URL", CONFIGURATION)
    folder, trusted = open_log(log, key)
    signed = signed_now(folder, trusted)
    authority = None if timestamp is None else given_url(timestamp, "--timestamp")
    node = None if chain is None else given_url(chain, "--chain")
    _note(log, signed, [one for one in (authority, node) if one is not None], why)
    if authority is not None:
        _stamp(folder, signed, authority)
    if node is not None:
        _send(folder, signed, node, sender, account_key, wait)


def _note(log: Path, signed: "Signed", where: "list[SecretText]", why: str) -> None:
    """In the very log: which checkpoint is about to be shown to whom."""
    import httpx
    import msgspec

    from pipeline.bus.command_notes import CommandNote
    from pipeline.cli.noting import noted_beside

    told = {
        "size": signed.checkpoint.size,
        "root": signed.checkpoint.root.hex(),
        "hosts": [httpx.URL(one.reveal()).host for one in where],
    }
    after = msgspec.Raw(msgspec.json.encode(told))
    noted_beside(log, CommandNote(what="audit anchor", why=why, after=after))


def _stamp(folder: "AuditFolder", signed: "Signed", url: "SecretText") -> None:
    from evidence.audit.anchors import keep
    from evidence.audit.timestamps import TimestampWrong, ask, stamped_at

    try:
        stamp = ask(url.reveal(), signed.note, timeout=TIMEOUT)
        stamp.url = str(url)
        when = stamped_at(stamp)
    except TimestampWrong as error:
        raise Failure(f"{url}: {error}") from None
    path = keep(folder, stamp, signed.checkpoint.size)
    typer.echo(
        f"the first {signed.checkpoint.size:,} entries were there at "
        f"{when:%Y-%m-%d %H:%M:%S}Z, says {url}: {path}"
    )


def _send(
    folder: "AuditFolder",
    signed: "Signed",
    url: "SecretText",
    sender: str | None,
    account_key: Path | None,
    patience: float,
) -> None:
    from evidence.audit.anchors import keep
    from evidence.audit.transactions import Node, send, wait
    from pipeline.secrets import SecretText

    key = None
    if account_key is not None:
        key = SecretText(f"${{file:{account_key.resolve()}}}")
    node = Node(url.reveal(), timeout=TIMEOUT)
    sent = send(node, signed.note, sender=sender, key=key)
    path = keep(folder, sent, signed.checkpoint.size)
    typer.echo(f"sent in transaction {sent.hash} of chain {sent.chain_id}: {path}")
    mined = wait(node, sent, most=patience)
    typer.echo(f"the first {signed.checkpoint.size:,} entries are in block {mined.block:,}")


def given_url(text: str, option: str) -> "SecretText":
    """The URL of an option, perhaps with references to secrets. Raises Failure."""
    import httpx

    from pipeline.secrets import SecretError, SecretText

    try:
        found = SecretText(text)
        url = httpx.URL(found.reveal())
    except SecretError as error:
        raise Failure(f"{option}: {error}", CONFIGURATION) from None
    except httpx.InvalidURL:
        raise Failure(f"{option}: not a URL", CONFIGURATION) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Failure(f"{option}: a URL of http or https is wanted", CONFIGURATION)
    return found
