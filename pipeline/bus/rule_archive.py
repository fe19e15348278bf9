"""Rule sets as they were, by their hash: what a replay needs to run the rules of that time.

A set is what its files hold, byte for byte, under names that are the same on every machine. The
same files give the same hash, so a set is stored once, however often it comes into force. Each is
one object of JetStream's object store: whole or not there at all. None is ever removed; a set of a
hundred rules takes some tens of kilobytes.
"""

import asyncio
import hashlib
import zlib
from typing import Self

import msgspec
from nats.js import JetStreamContext
from nats.js.api import ObjectStoreConfig, StorageType
from nats.js.errors import (
    BadObjectMetaError,
    BucketNotFoundError,
    DigestMismatchError,
    NotFoundError,
)
from nats.js.object_store import ObjectStore

from pipeline.failure import Failure

_VERSION = 1
_PATIENCE = 60.0
_DAMAGED = (zlib.error, msgspec.MsgspecError, BadObjectMetaError, DigestMismatchError)


class RuleFile(msgspec.Struct, frozen=True, array_like=True):
    """A file of a rule set."""

    name: str
    """Below the folder that was configured, with that folder's name before it."""
    data: bytes


class RuleFiles(msgspec.Struct, frozen=True, array_like=True):
    """The files of a rule set: rules, exceptions and lists by name, and pipelines in their order.

    Make it by `rule_files`, which puts them in order.
    """

    version: int
    rules: tuple[RuleFile, ...]
    pipelines: tuple[RuleFile, ...] = ()

    def packed(self) -> bytes:
        """All of it as bytes, the same for the same files."""
        return _encode(self)

    @property
    def digest(self) -> str:
        """SHA-256 of it, hexadecimal: the set's name."""
        return hashlib.sha256(self.packed()).hexdigest()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(RuleFiles).decode


def rule_files(rules: dict[str, bytes], pipelines: list[RuleFile]) -> RuleFiles:
    """Files of rules, by name, and pipelines, as a set."""
    ordered = tuple(RuleFile(name, rules[name]) for name in sorted(rules))
    return RuleFiles(_VERSION, ordered, tuple(pipelines))


class RuleSetLost(Failure):
    """A rule set that was in force isn't in the archive, or is damaged."""

    def __init__(self, digest: str, why: str) -> None:
        super().__init__(f"the rule set {digest[:12]} can't be read from the archive: {why}")


class RuleArchive:
    """The rule sets of a deployment."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    async def open(cls, jetstream: JetStreamContext, bucket: str) -> Self:
        """Open the archive; create it where it isn't there."""
        try:
            store = await jetstream.object_store(bucket)
        except BucketNotFoundError:
            config = ObjectStoreConfig(bucket=bucket, storage=StorageType.FILE)
            store = await jetstream.create_object_store(bucket, config)
        return cls(store)

    @classmethod
    async def existing(cls, jetstream: JetStreamContext, bucket: str) -> Self | None:
        """Open the archive; None where it isn't there."""
        try:
            return cls(await jetstream.object_store(bucket))
        except BucketNotFoundError:
            return None

    async def digests(self) -> list[str]:
        """The hashes of all sets, the newest first."""
        try:
            kept = await self._store.list(ignore_deletes=True)
        except NotFoundError:
            return []
        return [one.name for one in sorted(kept, key=lambda one: one.mtime or "", reverse=True)]

    async def put(self, files: RuleFiles) -> str:
        """Keep a set; its hash. Nothing is written where it is there already."""
        digest = files.digest
        try:
            await self.get(digest)
        except RuleSetLost:
            packed = await asyncio.to_thread(zlib.compress, files.packed())
            await self._store.put(digest, packed)
        return digest

    async def get(self, digest: str) -> RuleFiles:
        """The set of this hash, checked against it. Raises RuleSetLost, and what the bus raises."""
        try:
            async with asyncio.timeout(_PATIENCE):  # it would wait for lost parts for ever
                found = await self._store.get(digest)
            files = _decode(zlib.decompress(found.data or b""))
        except NotFoundError:
            raise RuleSetLost(digest, "it isn't there") from None
        except _DAMAGED as error:
            raise RuleSetLost(digest, str(error)) from error
        if files.digest != digest:
            raise RuleSetLost(digest, "its content is another one")
        return files


__all__ = ["RuleArchive", "RuleFile", "RuleFiles", "RuleSetLost", "rule_files"]
