"""One process's connection to the bus, with its streams, positions and status board."""

from collections.abc import Sequence
from typing import Self

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamInfo

from pipeline.bus.acknowledged import Acknowledgements
from pipeline.bus.bookmarks import Bookmarks
from pipeline.bus.checkpoints import Checkpoints
from pipeline.bus.client import BusUnavailable, News, connect_client
from pipeline.bus.positions import Positions
from pipeline.bus.publisher import SubjectWriter
from pipeline.bus.reader import StreamReader
from pipeline.bus.status_board import StatusBoard
from pipeline.bus.streams import Stream, StreamNames, ensure_streams
from pipeline.config.schema import EmbeddedBus, ExternalBus, MicroBatch

#: NATS refuses larger messages than its own limit; we stay below it, headers included.
PAYLOAD_MARGIN = 16 * 1024
#: With less, hardly anything would fit into a message.
SMALLEST_PAYLOAD = 64 * 1024


class Bus:
    """The streams, for one process. Use as an asynchronous context manager."""

    def __init__(
        self,
        client: Client,
        jetstream: JetStreamContext,
        config: EmbeddedBus | ExternalBus,
        news: News,
    ) -> None:
        self.client = client
        self._news = news
        self.jetstream = jetstream
        self.names = StreamNames(config.prefix if isinstance(config, ExternalBus) else "")
        self.batch: MicroBatch = config.batch
        self.config = config
        self.acknowledgements: Acknowledgements
        self.bookmarks: Bookmarks
        self.positions: Positions
        self.status: StatusBoard

    @classmethod
    async def connect(cls, config: EmbeddedBus | ExternalBus, *, name: str) -> Self:
        """Connect, and create or update streams and buckets. Raises :class:`BusUnavailable`."""
        news = News()
        client = await connect_client(config, name, news)
        bus = cls(client, client.jetstream(timeout=10), config, news)
        try:
            await bus._prepare()
        except BaseException:
            await bus.close()
            raise
        return bus

    async def _prepare(self) -> None:
        largest = self.client.max_payload
        if largest < SMALLEST_PAYLOAD:
            raise BusUnavailable(
                f"the NATS server takes messages of {largest} bytes at most: "
                f"raise its max_payload to {SMALLEST_PAYLOAD} or, better, to 32 MiB"
            )
        try:
            await self.jetstream.account_info()
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusUnavailable(
                f"the NATS server answers, but not its JetStream ({_said(error)}): enable it "
                "at the server and for our account"
            ) from error
        try:
            await ensure_streams(self.jetstream, self.names, self.config.streams)
            self.acknowledgements = await Acknowledgements.open(self.client)
            self.bookmarks = await Bookmarks.open(self.jetstream, self.names.bucket("BOOKMARKS"))
            self.positions = await Positions.open(self, self.names.bucket("POSITIONS"))
            self.status = await StatusBoard.open(self.jetstream, self.names.bucket("STATUS"))
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
            raise BusUnavailable(
                f"JetStream refused to set up the streams: {_said(error)}; check that our account "
                "may create streams, the limits and replicas in bus.streams (the limits together "
                "must fit into bus.max_storage), and bus.prefix where others use the server too"
            ) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; what was not acknowledged was never said to be durable."""
        self._news.closing = True
        await self.client.close()

    @property
    def largest_payload(self) -> int:
        """Bytes that one message may carry."""
        return self.client.max_payload - PAYLOAD_MARGIN

    def reader(
        self,
        stream: Stream,
        *,
        after: int,
        start_time: str | None = None,
        created: int | None = None,
        subjects: Sequence[str] = (),
        headers_only: bool = False,
    ) -> StreamReader:
        """Read a stream from after a sequence, or from a time on; all of it, or some subjects."""
        return StreamReader(
            self.client,
            self.jetstream,
            self.names.stream(stream),
            after=after,
            start_time=start_time,
            created=created,
            subjects=subjects,
            headers_only=headers_only,
        )

    def writer(self, stream: Stream, token: str) -> SubjectWriter:
        """The one writer of a subject of a stream."""
        return SubjectWriter(
            self,
            self.names.stream(stream),
            self.names.subject(stream, token),
            self.bookmarks,
        )

    async def checkpoints(self, stage: str) -> Checkpoints:
        """The saved states of a stage."""
        return await Checkpoints.open(self.jetstream, self.names.bucket("CHECKPOINTS"), stage)

    async def info(self, stream: Stream) -> StreamInfo:
        """What the server says of a stream."""
        return await self.jetstream.stream_info(self.names.stream(stream))

    async def last_sequence(self, stream: Stream) -> int:
        """Sequence of the newest message of a stream."""
        return (await self.info(stream)).state.last_seq


def _said(error: Exception) -> str:
    if isinstance(error, nats.js.errors.APIError):
        return error.description or str(error)
    return str(error).removeprefix("nats: ") or type(error).__name__


__all__ = ["Bus", "BusUnavailable"]
