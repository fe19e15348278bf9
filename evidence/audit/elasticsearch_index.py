"""The signed entries of an audit log into Elasticsearch, each once, in their order.

`create` with an id of the log's name and the entry's number: what is there already is a 409 and is
left. It goes on behind the newest entry that is there. Only what stood in the batch with that one
may be missing, so one batch before it is looked at again, by search, since an older index tells
nothing of its ids. The newest one is held against the log: what was put there before is a witness
of what the log was.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import msgspec
from elasticsearch import AsyncElasticsearch, NotFoundError
from msgspec import Struct, field

from delivery.bulk import FILTER, BulkAnswer, outcome
from delivery.elastic_setup.running import server_at
from delivery.elasticsearch_client import Connection, ElasticsearchErrors, unavailable
from delivery.sink import SinkUnavailable
from delivery.templates import StreamNames
from evidence.audit.documents import document, document_id
from evidence.audit.folder import AuditFolder, AuditLogFailed
from evidence.audit.merkle import leaf_hash
from evidence.audit.notes import Checkpoint

BATCH = 1_000
_NUMBER = "surveillance.audit.number"


class _Audit(Struct):
    leaf: str


class _Surveillance(Struct):
    audit: _Audit


class _Source(Struct):
    surveillance: _Surveillance


class _Hit(Struct):
    source: _Source = field(name="_source")


class _Hits(Struct):
    hits: list[_Hit]


class _Newest(Struct):
    """As much as is read of what is found of the newest entry."""

    hits: _Hits


class Indexed(Struct, frozen=True, kw_only=True):
    """What was done: `written` now, and `end`: how many of the log's entries are there."""

    written: int
    end: int


async def index_log(
    folder: AuditFolder,
    checkpoint: Checkpoint,
    connection: Connection,
    names: StreamNames,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Indexed:
    """Put what isn't there. `progress` is told the number of entries that are.

    Raises SinkUnavailable, AuditLogFailed (also where the log isn't what it was) and
    EntryUnreadable.
    """
    stream, origin = names.stream("audit"), checkpoint.origin
    written = 0
    try:
        async with server_at(connection) as (client, _):
            newest = await _newest(client, stream, origin)
            if newest >= 0:
                await _agree(client, stream, folder, checkpoint, newest)
            start = max(0, newest + 1 - BATCH)
            for lines in _batches(_lines(folder, start, checkpoint.size)):
                there: set[str] = set()
                if start <= newest:
                    there = await _there(client, stream, origin, start, len(lines))
                written += await _put(client, stream, origin, lines, start, there)
                start += len(lines)
                progress(start)
    except ElasticsearchErrors as error:
        raise unavailable(error) from None
    except msgspec.ValidationError as error:
        raise SinkUnavailable(f"Elasticsearch's answer can't be read: {error}") from None
    return Indexed(written=written, end=start)


def _lines(folder: AuditFolder, start: int, end: int) -> Iterator[bytes]:
    """The entries' lines from one on, without their ends."""
    first = max((number for number, _ in folder.segments() if number <= start), default=0)
    for number, line in enumerate(folder.lines(start), first):
        if number >= end:
            return
        if number >= start:
            yield line.removesuffix(b"\n")


def _batches(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _newest(client: AsyncElasticsearch, stream: str, origin: str) -> int:
    """The highest number that is there; -1 without any."""
    try:
        await client.indices.refresh(index=stream)
        answer = await client.search(
            index=stream,
            query={"term": {"event.provider": origin}},
            size=0,
            aggregations={"newest": {"max": {"field": _NUMBER}}},
            allow_partial_search_results=False,
        )
    except NotFoundError:
        return -1
    value = answer.body["aggregations"]["newest"]["value"]
    return -1 if value is None else int(value)


async def _agree(
    client: AsyncElasticsearch,
    stream: str,
    folder: AuditFolder,
    checkpoint: Checkpoint,
    newest: int,
) -> None:
    """Whether the log still holds the newest entry that is there. Raises AuditLogFailed."""
    if newest >= checkpoint.size:
        raise AuditLogFailed(
            f"{folder.path} has {checkpoint.size} signed entries, and Elasticsearch holds its "
            f"entry {newest}: the log is an older copy, or was cut"
        )
    answer = await client.search(
        index=stream,
        query={"ids": {"values": [document_id(checkpoint.origin, newest)]}},
        size=1,
        source_includes=["surveillance.audit.leaf"],
        allow_partial_search_results=False,
    )
    found = msgspec.convert(answer.body, _Newest).hits.hits
    if not found:
        raise AuditLogFailed(
            f"Elasticsearch holds an entry {newest} of {checkpoint.origin} that tapewatch has not "
            f"put there: look at the data stream {stream}"
        )
    if found[0].source.surveillance.audit.leaf != leaf_hash(folder.entry(newest)).hex():
        raise AuditLogFailed(
            f"entry {newest} of {folder.path} isn't the one that Elasticsearch holds: "
            "see tapewatch audit verify"
        )


async def _there(
    client: AsyncElasticsearch, stream: str, origin: str, start: int, count: int
) -> set[str]:
    ids = [document_id(origin, number) for number in range(start, start + count)]
    answer = await client.search(
        index=stream,
        query={"ids": {"values": ids}},
        size=count,
        source=False,
        track_total_hits=False,
        allow_partial_search_results=False,
        filter_path=["hits.hits._id"],
    )
    hits = cast("list[dict[str, str]]", answer.body.get("hits", {}).get("hits", []))
    return {hit["_id"] for hit in hits}


async def _put(
    client: AsyncElasticsearch,
    stream: str,
    origin: str,
    lines: Sequence[bytes],
    start: int,
    there: set[str],
) -> int:
    operations: list[Any] = []
    for number, line in enumerate(lines, start):
        name = document_id(origin, number)
        if name not in there:
            operations += [{"create": {"_id": name}}, document(origin, line)]
    if not operations:
        return 0
    answer = await client.bulk(
        index=stream,
        operations=operations,
        pipeline="_none",
        require_data_stream=True,
        filter_path=FILTER,
    )
    results = [item.create for item in msgspec.convert(answer.body, BulkAnswer).items]
    written = 0
    for result in results:
        match outcome(result):
            case "written":
                written += 1
            case "already":
                pass
            case "refused" | "again":
                error = result.error
                raise SinkUnavailable(f"Elasticsearch: {error.type}: {(error.reason or '')[:500]}")
    if len(results) * 2 != len(operations):
        raise SinkUnavailable("Elasticsearch answered for fewer documents than were sent")
    return written
