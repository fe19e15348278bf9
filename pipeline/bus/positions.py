"""Where stages and sinks stand: the sequence up to which all that a message caused is durable."""

import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig, StorageType
from nats.js.kv import KeyValue


class Positions:
    """One key per reader, in a JetStream key-value bucket with file storage."""

    def __init__(self, bucket: KeyValue) -> None:
        self._bucket = bucket
        self._saved: dict[str, int] = {}

    @classmethod
    async def open(cls, jetstream: JetStreamContext, bucket: str) -> "Positions":
        """Open the bucket; create it when it isn't there."""
        return cls(await open_bucket(jetstream, bucket, history=1))

    async def load(self, reader: str) -> int:
        """The reader's position; 0 when it has none yet."""
        try:
            entry = await self._bucket.get(reader)
        except nats.js.errors.KeyNotFoundError:
            return 0
        return int(entry.value or b"0")

    async def save(self, reader: str, sequence: int) -> None:
        """Set the position, when it changed."""
        if self._saved.get(reader) != sequence:
            await self._bucket.put(reader, str(sequence).encode())
            self._saved[reader] = sequence

    async def all(self) -> dict[str, int]:
        """Every reader's position."""
        try:
            keys = await self._bucket.keys()
        except nats.js.errors.NoKeysError:
            return {}
        return {key: await self.load(key) for key in sorted(keys)}


async def open_bucket(
    jetstream: JetStreamContext, bucket: str, *, history: int, ttl: float | None = None
) -> KeyValue:
    """Open a key-value bucket; create it when it isn't there."""
    try:
        return await jetstream.key_value(bucket)
    except nats.js.errors.BucketNotFoundError:
        return await jetstream.create_key_value(
            KeyValueConfig(bucket=bucket, history=history, ttl=ttl, storage=StorageType.FILE)
        )
