"""Elasticsearch's bulk requests: bodies bounded in bytes, and what each item's answer means.

Source: Elasticsearch's REST API reference, "Bulk index or delete documents".
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import Struct, field

from delivery.sink import Document

#: Far below the server's default limit of 100 MiB, and what Elastic advises for a request.
MOST_BYTES = 10 * 1024 * 1024
#: A longer `_id` fails the whole request.
MOST_ID_BYTES = 512

_DOCUMENT_FAULTS = frozenset(
    (
        "document_parsing_exception",
        "mapper_parsing_exception",
        "mapper_exception",
        "strict_dynamic_mapping_exception",
        "max_bytes_length_exceeded_exception",
        # Where an administrator's pipeline reads the document before its mapping does.
        "x_content_e_o_f_exception",
        "x_content_parse_exception",
    )
)
_FIELD = re.compile(r'(?:field|introduction of) ?(?:=|\[)"?([A-Za-z0-9_.@-]+)')


class ItemError(Struct):
    """Why an item failed."""

    type: str = ""
    reason: str | None = None


class ItemResult(Struct):
    """An item's answer."""

    status: int
    error: ItemError = field(default_factory=ItemError)


class Item(Struct):
    """An item's answer, under the name of its action."""

    create: ItemResult


class BulkAnswer(Struct):
    """The answer to a bulk request, in the order of its documents."""

    items: list[Item]
    errors: bool = False


#: Keeps the answer small: by default it has 150 bytes for every document.
FILTER = ("errors", "items.create.status", "items.create.error.type", "items.create.error.reason")

Outcome = Literal["written", "already", "refused", "again"]


def outcome(result: ItemResult) -> Outcome:
    """What became of a document. Only faults of the document itself are ever `refused`."""
    if result.status in (200, 201):
        return "written"
    kind = result.error.type
    if result.status == 409 and kind == "version_conflict_engine_exception":
        return "already"
    if result.status == 400:
        if kind in _DOCUMENT_FAULTS:
            return "refused"
        # Also "too many shards" is a 400 of this type, and no document's fault.
        if kind == "illegal_argument_exception" and fault_field(result) is not None:
            return "refused"
    return "again"


def fault_field(result: ItemResult) -> str | None:
    """The field that an error is about, where it says so."""
    found = _FIELD.search(result.error.reason or "")
    return found[1] if found else None


def operations(document: Document) -> tuple[bytes, bytes]:
    """The two lines of a document: `create` with its id, which never overwrites, and itself."""
    return b'{"create":{"_id":%b}}' % msgspec.json.encode(document.id), document.body


def chunks(documents: Sequence[Document], most_bytes: int = MOST_BYTES) -> Iterator[list[Document]]:
    """The documents in order, each chunk within `most_bytes` or a single document."""
    chunk: list[Document] = []
    size = 0
    for document in documents:
        one = len(document.body) + len(document.id) + 32
        if chunk and size + one > most_bytes:
            yield chunk
            chunk, size = [], 0
        chunk.append(document)
        size += one
    if chunk:
        yield chunk
