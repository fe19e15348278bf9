"""The form in which Splunk's HTTP Event Collector takes events: JSON objects, one after the other.

Source: Splunk's manual "Getting Data In", chapter "Format events for HTTP Event Collector".
"""

from collections.abc import Iterator, Sequence

import msgspec

from delivery.sink import Document

_MICROSECOND = 1_000
_SECOND_IN_MICROSECONDS = 1_000_000


class Envelope:
    """Puts documents into HEC's form, with `sourcetype` and, where given, `index`."""

    def __init__(self, sourcetype: str, index: str | None) -> None:
        rest = {"sourcetype": sourcetype} | ({"index": index} if index else {})
        self._rest = msgspec.json.encode(rest)[1:-1]
        self._sources: dict[str, bytes] = {}

    def wrap(self, document: Document) -> bytes:
        """One object; `time` is in epoch seconds to the microsecond, which a float still holds."""
        seconds, micros = divmod(document.timestamp // _MICROSECOND, _SECOND_IN_MICROSECONDS)
        return b'{"time":%d.%06d,"source":%b,%b,"event":%b}' % (
            seconds,
            micros,
            self._source(document.source),
            self._rest,
            document.body,
        )

    def _source(self, source: str) -> bytes:
        encoded = self._sources.get(source)
        if encoded is None:
            # As many as there are configured sources.
            encoded = self._sources[source] = msgspec.json.encode(source or "tapewatch")
        return encoded


class HecPart(msgspec.Struct, frozen=True):
    """Documents that go in one request, with their wrapped form."""

    documents: tuple[Document, ...]
    wrapped: tuple[bytes, ...]

    def body(self) -> bytes:
        return b"\n".join(self.wrapped)

    def without(self, index: int) -> "HecPart":
        """The part but for one document."""
        return HecPart(
            self.documents[:index] + self.documents[index + 1 :],
            self.wrapped[:index] + self.wrapped[index + 1 :],
        )

    def halves(self) -> "tuple[HecPart, HecPart]":
        """The part in two, for a part of two documents or more."""
        middle = len(self.documents) // 2
        return (
            HecPart(self.documents[:middle], self.wrapped[:middle]),
            HecPart(self.documents[middle:], self.wrapped[middle:]),
        )


def parts(documents: Sequence[Document], envelope: Envelope, max_body: int) -> Iterator[HecPart]:
    """The documents in as few bodies as fit in `max_body` bytes before compression.

    A document that is larger by itself gets a part of its own: the server has the last word.
    """
    taken: list[Document] = []
    wrapped: list[bytes] = []
    size = 0
    for document in documents:
        one = envelope.wrap(document)
        if taken and size + len(one) + 1 > max_body:
            yield HecPart(tuple(taken), tuple(wrapped))
            taken, wrapped, size = [], [], 0
        taken.append(document)
        wrapped.append(one)
        size += len(one) + 1
    if taken:
        yield HecPart(tuple(taken), tuple(wrapped))
