"""Checkpoints that somebody else has seen: a timestamp authority, or a chain.

Who has the key and the folder can write another log. What cannot be written anew is what others
hold: a checkpoint that was anchored must be one of the log for ever. Anchors are kept beside the
log, one file each, and are only added to:

    anchors/000000020852-timestamp-1.json    kind, the signed note, and what the authority answered

Whoever loses the folder has the anchors still: a chain holds the whole signed note.
"""

import os
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from evidence.audit.folder import AuditFolder, AuditLogFailed
from evidence.audit.notes import Checkpoint, NoteWrong, VerifyingKey, open_checkpoint
from pipeline.failure import Failure
from pipeline.units import KIB

FOLDER = "anchors"
#: A file of an anchor is no longer.
MOST_BYTES = 256 * KIB


class AnchorFailed(Failure):
    """A checkpoint could not be anchored: by whom, and why."""


class Timestamp(Struct, tag_field="kind", tag="timestamp", kw_only=True):
    """An authority's word on when a checkpoint was there (RFC 3161)."""

    note: str
    #: The authority.
    url: str
    #: Its `TimeStampResp`, DER.
    response: bytes


class Transaction(Struct, tag_field="kind", tag="transaction", kw_only=True):
    """A transaction whose data are the signed note, byte for byte."""

    note: str
    chain_id: int
    #: Its hash, 0x and 64 digits.
    hash: str


Anchor: TypeAlias = Timestamp | Transaction


class Kept(Struct, frozen=True):
    """An anchor as it lies beside the log."""

    path: Path
    #: None where the file could not be read, or is not of this log.
    anchor: Anchor | None
    checkpoint: Checkpoint | None
    #: Why not.
    problem: str = ""

    @property
    def known(self) -> str:
        """What it is called in sentences."""
        return f"the anchor {self.path.name}"


_decoder: msgspec.json.Decoder[Anchor] = msgspec.json.Decoder(Timestamp | Transaction)


def need(module: str) -> None:
    """Raises AnchorFailed if a package of the extra `anchor` is not there."""
    if find_spec(module) is None:
        raise AnchorFailed(f"{module} is not installed: pip install 'tapewatch[anchor]'")


def keep(folder: AuditFolder, anchor: Anchor, size: int) -> Path:
    """Write an anchor into a file of its own, on the disk. Raises AnchorFailed."""
    kind = anchor.__struct_config__.tag
    content = msgspec.json.format(msgspec.json.encode(anchor)) + b"\n"
    where = folder.path / FOLDER
    try:
        where.mkdir(exist_ok=True)
        number = 1
        while True:
            path = where / f"{size:012}-{kind}-{number}.json"
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
                break
            except FileExistsError:
                number += 1
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise AnchorFailed(
            f"the anchor was made, and can't be kept in {where}: {error.strerror}; keep it "
            f"yourself: {content.decode()}"
        ) from None
    return path


def kept(folder: AuditFolder, key: VerifyingKey) -> Iterator[Kept]:
    """All anchors, by the size of the log that they are of. Raises AuditLogFailed."""
    try:
        paths = sorted((folder.path / FOLDER).glob("*.json"))
    except OSError as error:
        raise AuditLogFailed(f"can't list the anchors of {folder.path}: {error}") from error
    for path in paths:
        try:
            if path.stat().st_size > MOST_BYTES:
                raise NoteWrong("it is too long")
            anchor = _decoder.decode(path.read_bytes())
            yield Kept(path, anchor, open_checkpoint(anchor.note, key))
        except (OSError, msgspec.MsgspecError, NoteWrong) as error:
            yield Kept(path, None, None, f"{path.name} is no anchor of this log: {error}")


def anchored(anchors: Sequence[Kept]) -> list[tuple[Checkpoint, str]]:
    """Their checkpoints, with whose word each is: for `verify`."""
    return [(one.checkpoint, one.known) for one in anchors if one.checkpoint is not None]
