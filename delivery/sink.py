"""What a sink is: it takes batches of documents, and says when they are durable.

The runner reads EVENTS, ALERTS and CASES with one durable consumer per sink and content, and
acknowledges a message when `deliver` has returned and its refusals are dead letters. So a sink that
is down holds up no other, and loses nothing.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from delivery.marks import Mark
from pipeline.findings import Finding
from pipeline.secrets import without_secrets

Content = Literal["events", "alerts", "cases"]


class Document(Struct, frozen=True, gc=False, kw_only=True):
    """An event, an alert or what was done to a case, as it goes to a sink.

    `body` is the nested ECS document as JSON on one line, without the line's end. `timestamp` is
    its `@timestamp` in nanoseconds since the epoch. `position` is where it lies on the bus:
    stream/sequence/index. `redelivered` says that the bus has handed it out before, so that a copy
    may be in the sink already. `mark` is what it says of documents that came before it.
    """

    content: Content
    id: str
    timestamp: int
    source: str
    position: str
    body: bytes
    redelivered: bool = False
    mark: Mark | None = None


class Refused(Struct, frozen=True, kw_only=True):
    """A document that the sink will never take, and why. It goes to the dead letters."""

    document: Document
    reason: str
    field: str | None = None


class Delivered(Struct, frozen=True, kw_only=True):
    """What became of a batch: every document is in exactly one of the four.

    `written`: stored now. `already`: was there before. `skipped`: not for this sink, by its
    configuration. `refused`: never will be.
    """

    written: int = 0
    already: int = 0
    skipped: int = 0
    refused: tuple[Refused, ...] = ()


class SinkUnavailable(Exception):
    """The sink took nothing, or a part, of the batch: the whole batch must be delivered again.

    `reason` says what happened and, where a person must act, what to do; it never holds a secret.
    `retry_after`: seconds that the sink asks to wait.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        self.reason = without_secrets(reason)  # a server may repeat what it was sent
        self.retry_after = retry_after
        super().__init__(self.reason)


class Sink(Protocol):
    """A place that documents are delivered to. One task at a time calls `deliver` per content."""

    @property
    def name(self) -> str:
        """The sink's name in the configuration."""
        ...

    async def open(self) -> None:
        """Get ready. Raises SinkUnavailable; it may then be called again."""
        ...

    async def deliver(self, batch: Sequence[Document]) -> Delivered:
        """Return when the batch is durable in the sink; a document with the same id is kept once.

        Raises SinkUnavailable: the whole batch is then delivered again.
        """
        ...

    async def close(self) -> None:
        """Let go of files and connections. It may be opened again."""
        ...

    async def check(self) -> list[Finding]:
        """What `tapewatch doctor` says of it; the sink need not be open, and nothing is sent."""
        ...
