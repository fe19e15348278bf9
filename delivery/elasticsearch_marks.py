"""Marks on documents that are in Elasticsearch already: orphaned events, retracted alerts, and
what is not the newest of its case any more.

The documents are looked up in all backing indices of the data stream and updated there by their
place, each as it was found: an update that meets another one is tried again on what is there then.
A mark that is there already is not written again, so what is delivered twice changes nothing. An
index of an older version, whose mapping lacks a mark, holds it but can't be searched by it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from elasticsearch import AsyncElasticsearch, NotFoundError
from msgspec import Struct

from delivery.marks import AlertChange, OrphanedBlocks
from delivery.sink import SinkUnavailable
from normalizer.events.ecs import rfc3339

_UPDATED = ("items.update.status", "items.update.error.type", "items.update.error.reason")
_PLACES = tuple(
    f"hits.hits.{name}" for name in ("_index", "_id", "_seq_no", "_primary_term", "sort")
)
#: The order in which documents are gone through.
_SORT: tuple[dict[str, Any], ...] = ({"event.id": {"unmapped_type": "keyword"}}, {"_index": "asc"})
#: Documents that are marked at once.
_AT_ONCE = 1_000
#: Block hashes in one search. Elasticsearch takes 65,536.
_MOST_HASHES = 10_000
#: Cases in one search.
_MOST_CASES = 200
_CASE, _NUMBER, _LATEST = "surveillance.case.id", "event.sequence", "surveillance.case.latest"
#: How many times in a row others may be faster.
_MOST_CONFLICTS = 20


class MayNotMark(Exception):
    """The user lacks the privilege to update documents."""


class _Found(Struct):
    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")
    sequence: int = msgspec.field(name="_seq_no")
    term: int = msgspec.field(name="_primary_term")
    sort: list[str | None]


class _Hits(Struct):
    hits: list[_Found] = msgspec.field(default_factory=list[_Found])


class _Answer(Struct):
    hits: _Hits = msgspec.field(default_factory=_Hits)


class _Error(Struct):
    type: str = ""
    reason: str | None = None


class _Updated(Struct):
    status: int
    error: _Error | None = None


class _Item(Struct):
    update: _Updated


class _Bulk(Struct):
    items: list[_Item]


async def mark_orphaned(client: AsyncElasticsearch, stream: str, blocks: OrphanedBlocks) -> int:
    """Mark the events of these blocks. Returns how many were marked now. Raises MayNotMark."""
    chosen: list[dict[str, Any]] = [
        {"term": {"blockchain.chain.id": blocks.chain_id}},
        {"term": {"event.provider": blocks.provider}},
        {"range": {"blockchain.block.number": {"gt": blocks.above}}},
        # What is of the new branch was received later, and may be here already.
        {"range": {"event.ingested": {"lte": rfc3339(blocks.ingested)}}},
    ]
    document = {"blockchain": {"orphaned": True}}
    unmarked = {"must_not": [{"term": {"blockchain.orphaned": True}}]}
    if not blocks.hashes:
        return await _update(client, stream, {"bool": {"filter": chosen, **unmarked}}, document)
    marked = 0
    for start in range(0, len(blocks.hashes), _MOST_HASHES):
        some = {"blockchain.block.hash": blocks.hashes[start : start + _MOST_HASHES]}
        query = {"bool": {"filter": [*chosen, {"terms": some}], **unmarked}}
        marked += await _update(client, stream, query, document)
    return marked


async def mark_returned(client: AsyncElasticsearch, stream: str, ids: Sequence[str]) -> int:
    """Take the mark from events that were told again: their blocks are back on the chain."""
    marked = 0
    for start in range(0, len(ids), _AT_ONCE):
        chosen = [
            {"ids": {"values": list(ids[start : start + _AT_ONCE])}},
            {"term": {"blockchain.orphaned": True}},
        ]
        document = {"blockchain": {"orphaned": False}}
        marked += await _update(client, stream, {"bool": {"filter": chosen}}, document)
    return marked


async def mark_alert(client: AsyncElasticsearch, stream: str, change: AlertChange) -> int:
    """Mark the alert with its status, and why. Returns 0 where it is not there, or is so.

    Each amendment says more than the one before it, so one that is amended is marked again.
    """
    chosen: dict[str, Any] = {"filter": [{"ids": {"values": [change.alert_id]}}]}
    if change.status != "amended":
        chosen["must_not"] = [{"term": {"surveillance.alert.status": change.status}}]
    query = {"bool": chosen}
    status = {"status": change.status, "status_reason": change.reason}
    return await _update(client, stream, query, {"surveillance": {"alert": status}})


async def mark_cases(client: AsyncElasticsearch, stream: str, newest: Mapping[str, int]) -> int:
    """Take `latest` from what was done to cases before. `newest`: number by case id."""
    marked = 0
    cases = list(newest.items())
    for start in range(0, len(cases), _MOST_CASES):
        before = [
            {"bool": {"filter": [{"term": {_CASE: case}}, {"range": {_NUMBER: {"lt": number}}}]}}
            for case, number in cases[start : start + _MOST_CASES]
        ]
        query = {
            "bool": {
                "filter": [{"term": {_LATEST: True}}],
                "should": before,
                "minimum_should_match": 1,
            }
        }
        document = {"surveillance": {"case": {"latest": False}}}
        marked += await _update(client, stream, query, document)
    return marked


async def _update(
    client: AsyncElasticsearch,
    stream: str,
    query: Mapping[str, Any],
    document: Mapping[str, Any],
) -> int:
    """Update all that a query finds, page by page."""
    marked = conflicts = 0
    after: list[str | None] = []
    while True:
        found = await _find(client, stream, query, after)
        if not found:
            return marked
        operations: list[Mapping[str, Any]] = []
        for one in found:
            place: dict[str, Any] = {"_index": one.index, "_id": one.id}
            place |= {"if_seq_no": one.sequence, "if_primary_term": one.term}
            operations += [{"update": place}, {"doc": document}]
        answer = await client.bulk(
            operations=operations,
            filter_path=_UPDATED,
        )
        results = [item.update for item in msgspec.convert(answer.body, _Bulk).items]
        if len(results) != len(found):
            raise SinkUnavailable("Elasticsearch answered for fewer marks than were to be set")
        for result in results:
            if result.status not in (200, 404, 409):
                error = result.error or _Error()
                reason = f"{error.type}: {error.reason}"
                if result.status == 403:
                    raise MayNotMark(reason)
                raise SinkUnavailable(f"a mark could not be set: {reason}")
        marked += sum(result.status == 200 for result in results)
        if any(result.status == 409 for result in results):
            conflicts += 1
            if conflicts > _MOST_CONFLICTS:
                raise SinkUnavailable("somebody else changes the documents that are to be marked")
            continue  # the same page once more
        if len(found) < _AT_ONCE:
            return marked
        conflicts = 0
        after = found[-1].sort


async def _find(
    client: AsyncElasticsearch, stream: str, query: Mapping[str, Any], after: list[str | None]
) -> Sequence[_Found]:
    try:
        await client.indices.refresh(index=stream)
        answer = await client.search(
            index=stream,
            query=query,
            size=_AT_ONCE,
            sort=_SORT,
            search_after=after or None,
            source=False,
            seq_no_primary_term=True,
            track_total_hits=False,
            allow_partial_search_results=False,
            filter_path=_PLACES,
        )
    except NotFoundError:
        return ()
    return msgspec.convert(answer.body, _Answer).hits.hits
