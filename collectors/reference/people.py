"""What sources of persons have in common: pseudonyms, records that are checked, private files."""

import asyncio
import csv
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from collectors.reference.http_api import HttpApi
from collectors.reference.record_identity import identity_of
from collectors.reference.source import Given, Item, Rejected, SourceFault
from pipeline.foreign_text import HEAD, foreign
from pipeline.pseudonyms import Pseudonyms, PseudonymsUnavailable
from pipeline.reference_records import ReferenceRecord

_MOST_BYTES = 64 * 1024 * 1024


async def pseudonyms_of(book: Pseudonyms, source: str, ids: Collection[str]) -> dict[str, str]:
    """The pseudonym of each id of a source that isn't kept out. Raises SourceFault."""
    try:
        return await asyncio.to_thread(book.of, source, ids)
    except PseudonymsUnavailable as unavailable:
        raise SourceFault(str(unavailable)) from None


def record_item(record: type[ReferenceRecord], values: Mapping[str, Any], place: str) -> Item:
    """The record of these values. What doesn't fit is rejected, by field, and never quoted.

    ``place`` names nobody: it is a pseudonym or a wallet.
    """
    known = {name: value for name, value in values.items() if value is not None}
    try:
        return Given(msgspec.convert(known, record), place)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at `$.")
        # Of an unknown choice msgspec quotes the value.
        reason = "not one of the values of the record" if text.startswith("Invalid enum") else text
        field = where.rstrip("`") or None
        return Rejected(place, reason, field, identity=identity_of(record, known))


class UserToken:
    """A user's own access token, which the file had. It is renewed by whoever writes the file."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def headers(self, client: HttpApi) -> Mapping[str, str]:
        """``Authorization: Bearer …``."""
        return {"Authorization": f"Bearer {self._token}"}

    def refused(self) -> bool:
        """There is no other one."""
        return False

    def __repr__(self) -> str:
        return "UserToken()"


def user_tokens(path: Path) -> list[UserToken]:
    """The tokens in a file, one a line. Blocks. Raises SourceFault."""
    lines = private_text(path).splitlines()
    return [UserToken(line.strip()) for line in lines if line.strip()]


def rows(path: Path, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """These columns of a CSV file with a head. Blocks. Raises SourceFault, which quotes no row."""
    lines = private_text(path).splitlines()
    reader = csv.DictReader(lines)
    there = list(reader.fieldnames or ())
    missing = [name for name in columns if name not in there]
    if missing:
        raise SourceFault(f"{path}: the column {missing[0]} is missing")
    twice = [name for name in columns if there.count(name) > 1]
    if twice:
        raise SourceFault(f"{path}: the column {twice[0]} is there twice")
    found: list[tuple[str, ...]] = []
    try:
        for number, row in enumerate(reader, 2):
            values = tuple((row[name] or "").strip() for name in columns)
            if not all(values):
                raise SourceFault(f"{path}, line {number}: a value is missing")
            found.append(values)
    except csv.Error:
        raise SourceFault(f"{path}: this is no CSV") from None
    return found


def private_text(path: Path) -> str:
    """The text of a file that only its owner may read: it leads to persons. Raises SourceFault."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise SourceFault(
                    f"others can read {path}, which leads to persons: chmod 600 {path}"
                )
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SourceFault(f"{path}: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise SourceFault(f"{path} is too large")
    if what := foreign(data[:HEAD]):
        raise SourceFault(f"{path} {what}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SourceFault(f"{path} isn't UTF-8 text") from None
