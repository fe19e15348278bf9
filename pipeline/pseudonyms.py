"""Pseudonyms of persons: who a source's id is, for as long as the key of that person is kept.

A person of a source (a user of a KYC provider) appears everywhere as ``inv-`` and 26 letters and
digits: HMAC-SHA-256 with a random key of that person's own. The keys lie in one file that only its
owner can read. It holds no id of a source either: a person's place in it is an HMAC of source and
id with the file's index key. When a person's entry is gone, nothing that Tapewatch stores says any
more whose pseudonym it was: not the id, not the key, and the same id would get another pseudonym.

Where somebody must not come back from a source that still has them, their place alone is kept among
those kept out. To who has the file and the id it tells that this id is kept out, and not what its
pseudonym was.
"""

import base64
import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from pipeline.durable import sync_folder
from pipeline.source_state import now

#: A pseudonym that was made here, wherever it stands in a text.
PSEUDONYM = re.compile(r"(?<![0-9A-Za-z_-])inv-[a-z2-7]{26}(?![0-9A-Za-z_])")
KEY_BYTES = 32
_PSEUDONYM_BYTES = 16
_MOST_BYTES = 512 * 1024 * 1024

T = TypeVar("T")


class PseudonymsUnavailable(Exception):
    """The file can't be used; the message says why and what to do, and holds nothing of it."""


class Person(Struct, frozen=True):
    """Somebody who has a pseudonym: from which source, and since when (nanoseconds)."""

    pseudonym: str
    source: str
    since: int


class _Entry(Struct, array_like=True):
    source: str
    key: bytes
    since: int


class _Content(Struct):
    """What the file holds, as JSON; bytes in base64."""

    index_key: Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
    people: dict[str, _Entry]
    #: Places of those who must not come back, in the order of the alphabet.
    kept_out: list[str] = field(default_factory=list[str])
    version: int = 1


_decoder = msgspec.json.Decoder(_Content)
_encoder = msgspec.json.Encoder()


class Pseudonyms:
    """The keys of persons in a file, which several processes may use at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, source: str, ids: Collection[str]) -> dict[str, str]:
        """The pseudonym of each id of a source. Who has none gets one; who is kept out is left out.

        Blocks: it reads a file, and writes it where somebody is new. Raises
        :class:`PseudonymsUnavailable`.
        """

        def find(content: _Content) -> tuple[dict[str, str], bool]:
            found: dict[str, str] = {}
            grown = False
            kept_out = frozenset(content.kept_out)
            for one in ids:
                place = _place(content, source, one)
                if place in kept_out:
                    continue
                entry = content.people.get(place)
                if entry is None:
                    entry = _Entry(source, secrets.token_bytes(KEY_BYTES), now())
                    content.people[place] = entry
                    grown = True
                found[one] = _pseudonym(place, entry.key)
            return found, grown

        return self._change(find)

    def known(self, source: str, ids: Collection[str]) -> dict[str, str]:
        """The pseudonym of each id of a source that has one already; nobody gets one.

        Raises :class:`PseudonymsUnavailable`.
        """

        def look(content: _Content) -> tuple[dict[str, str], bool]:
            places = {one: _place(content, source, one) for one in ids}
            found = {
                one: _pseudonym(place, content.people[place].key)
                for one, place in places.items()
                if place in content.people
            }
            return found, False

        return self._change(look)

    def people(self) -> list[Person]:
        """Everybody who has a pseudonym, the latest last. Raises :class:`PseudonymsUnavailable`."""

        def look(content: _Content) -> tuple[list[Person], bool]:
            found = [
                Person(_pseudonym(place, entry.key), entry.source, entry.since)
                for place, entry in content.people.items()
            ]
            return sorted(found, key=lambda one: (one.since, one.pseudonym)), False

        return self._change(look)

    def find(self, pseudonym: str) -> Person | None:
        """Who has a pseudonym; None where nobody has it. Raises :class:`PseudonymsUnavailable`."""
        return next((one for one in self.people() if one.pseudonym == pseudonym), None)

    def erase(self, pseudonym: str, *, keep_out: bool = False) -> Person | None:
        """Remove the key of a person; None where there is no such person.

        ``keep_out``: and don't take them from the source again.

        The file is written anew, and what lay on the disk is overwritten as far as the file system
        lets us. Raises :class:`PseudonymsUnavailable`.
        """

        def remove(content: _Content) -> tuple[Person | None, bool]:
            for place, entry in content.people.items():
                if hmac.compare_digest(_pseudonym(place, entry.key), pseudonym):
                    del content.people[place]
                    if keep_out:
                        content.kept_out = sorted([*content.kept_out, place])
                    return Person(pseudonym, entry.source, entry.since), True
            return None, False

        return self._change(remove, overwrite=True)

    def _change(
        self, change: Callable[[_Content], tuple[T, bool]], *, overwrite: bool = False
    ) -> T:
        try:
            with self._locked():
                content = self._read()
                result, changed = change(content)
                if changed:
                    self._write(content, overwrite=overwrite)
                return result
        except OSError as error:
            raise PseudonymsUnavailable(
                f"{self._path}: {error.strerror or type(error).__name__}"
            ) from None

    @contextmanager
    def _locked(self) -> Generator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(
            self._path.with_name(self._path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600
        )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _read(self) -> _Content:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return _Content(secrets.token_bytes(KEY_BYTES), {})
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if status.st_mode & 0o077:
                raise PseudonymsUnavailable(
                    f"others can read {self._path}, which holds keys of persons: "
                    f"chmod 600 {self._path}"
                )
            if status.st_size > _MOST_BYTES:
                raise PseudonymsUnavailable(f"{self._path} is too large to be a file of keys")
            data = file.read()
        try:
            return _decoder.decode(data)
        except msgspec.MsgspecError:
            # The error would quote what stands there.
            raise PseudonymsUnavailable(
                f"{self._path} is no file of keys, or is damaged: restore it from a backup. "
                "Without it everybody gets a new pseudonym"
            ) from None

    def _write(self, content: _Content, *, overwrite: bool) -> None:
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_encoder.encode(content))
            file.flush()
            os.fsync(descriptor)
        former = os.open(self._path, os.O_WRONLY) if overwrite else None
        try:
            fresh.replace(self._path)
            sync_folder(self._path.parent)
            if former is not None:
                os.pwrite(former, b"\0" * os.fstat(former).st_size, 0)
                os.fsync(former)
        finally:
            if former is not None:
                os.close(former)


def _place(content: _Content, source: str, one: str) -> str:
    """Where a person stands: says nothing of the id to whoever hasn't the index key."""
    named = len(source).to_bytes(4, "big") + source.encode() + one.encode()
    return base64.b64encode(hmac.digest(content.index_key, named, hashlib.sha256)).decode()


def _pseudonym(place: str, key: bytes) -> str:
    mac = hmac.digest(key, b"tapewatch pseudonym " + place.encode(), hashlib.sha256)
    return "inv-" + base64.b32encode(mac[:_PSEUDONYM_BYTES]).decode().rstrip("=").lower()
