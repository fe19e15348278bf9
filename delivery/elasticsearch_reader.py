"""Documents out of Elasticsearch again, in the order of their time: a point in time, paged through.

Source: Elasticsearch's REST API reference, "Open a point in time" and "Paginate search results".
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import msgspec
from elasticsearch import AsyncElasticsearch, NotFoundError
from msgspec import Struct, field

from delivery.elasticsearch_client import (
    Connection,
    ElasticsearchErrors,
    connect,
    fitting_server,
    logged_in,
    unavailable,
)
from delivery.sink import SinkUnavailable
from normalizer.events.ecs import rfc3339
from pipeline.event_sources import Batch
from pipeline.event_sources.blocking import drawn
from pipeline.failure import FAILED, Failure
from pipeline.units import MILLISECOND

PAGE = 2_000
#: How long the server keeps the point in time between two pages.
KEEP_ALIVE = "5m"
_TIME = "@timestamp"


class _Hit(Struct):
    id: str = field(name="_id")
    index: str = field(name="_index", default="")
    source: dict[str, Any] = field(name="_source", default_factory=dict[str, Any])
    sort: list[Any] = field(default_factory=list[Any])


class _Total(Struct):
    value: int = 0


class _Hits(Struct):
    hits: list[_Hit] = field(default_factory=list[_Hit])
    total: _Total = field(default_factory=_Total)


class _Page(Struct):
    pit_id: str = ""
    hits: _Hits = field(default_factory=_Hits)


class _Value(Struct):
    value: float | None = None


class _Ends(Struct):
    first: _Value
    last: _Value


class _Span(Struct):
    aggregations: _Ends | None = None


class ElasticsearchSource:
    """What an index, data stream or pattern of them holds, as a source of events.

    `query` is in Lucene's syntax, as in Kibana's search bar set to it. `since` and `until` are
    nanoseconds of event time; the second isn't included. Orphaned events are left out, unless
    `orphaned` ones are wanted.
    """

    unit = "documents"
    refused = 0

    def __init__(
        self,
        connection: Connection,
        index: str,
        *,
        query: str | None = None,
        since: int | None = None,
        until: int | None = None,
        page: int = PAGE,
        orphaned: bool = False,
    ) -> None:
        self._connection = connection
        self._index = index
        self._filter = _filter(query, since, until, orphaned=orphaned)
        self._page = page
        self.total: int | None = None
        self.notes: list[str] = []

    @property
    def name(self) -> str:
        """The index or pattern."""
        return f"Elasticsearch {self._index}"

    def batches(self) -> Iterator[Batch]:
        """A batch for every page. Raises Failure."""
        return drawn(self._batches())

    async def _batches(self) -> AsyncGenerator[Batch]:
        async with (
            asking(self._connection, self._index) as client,
            aclosing(self._pages(client)) as pages,
        ):
            async for batch in pages:
                yield batch

    async def _pages(self, client: AsyncElasticsearch) -> AsyncGenerator[Batch]:
        opened = await client.open_point_in_time(index=self._index, keep_alive=KEEP_ALIVE)
        point: str = opened.body["id"]
        encode = msgspec.json.Encoder().encode
        after: Sequence[Any] | None = None
        done = 0
        try:
            while True:
                answer = await client.search(
                    pit={"id": point, "keep_alive": KEEP_ALIVE},
                    query=self._filter,
                    # Of equal times the server's own order, which is the same on every page.
                    sort=[
                        {_TIME: {"order": "asc", "format": "strict_date_optional_time_nanos",
                                 "numeric_type": "date_nanos"}},
                        {"_shard_doc": "asc"},
                    ],
                    search_after=after,
                    size=self._page,
                    track_total_hits=after is None,
                    allow_partial_search_results=False,
                )  # fmt: skip
                page = msgspec.convert(answer.body, _Page)
                point = page.pit_id or point
                if after is None:
                    self.total = page.hits.total.value
                hits = page.hits.hits
                if not hits:
                    return
                yield Batch(
                    self._index, done + 1, [encode(h.source) for h in hits], done + len(hits)
                )
                done += len(hits)
                after = hits[-1].sort
        finally:
            await client.options(ignore_status=404).close_point_in_time(id=point)


def time_span(connection: Connection, index: str) -> tuple[int, int] | None:
    """Times of the oldest and the newest document, to the millisecond; None without any.

    Raises Failure.
    """
    return asyncio.run(_time_span(connection, index))


async def _time_span(connection: Connection, index: str) -> tuple[int, int] | None:
    async with asking(connection, index) as client:
        answer = await client.search(
            index=index,
            size=0,
            aggregations={"first": {"min": {"field": _TIME}}, "last": {"max": {"field": _TIME}}},
            ignore_unavailable=True,
            allow_partial_search_results=False,
        )
        found = msgspec.convert(answer.body, _Span).aggregations
        if found is None or found.first.value is None or found.last.value is None:
            return None
        return int(found.first.value) * MILLISECOND, int(found.last.value) * MILLISECOND


@asynccontextmanager
async def asking(connection: Connection, index: str) -> AsyncGenerator[AsyncElasticsearch]:
    """A client that may be asked. What goes wrong with it becomes a Failure."""
    try:
        client = connect(connection)
        try:
            user = logged_in(client, connection)
            await fitting_server(user)
            yield user
        finally:
            await client.close()
    except NotFoundError:
        raise Failure(f"Elasticsearch has nothing called {index}", FAILED) from None
    except ElasticsearchErrors as error:
        raise Failure(unavailable(error).reason, FAILED) from None
    except SinkUnavailable as error:
        raise Failure(error.reason, FAILED) from None
    except msgspec.ValidationError as error:
        raise Failure(f"Elasticsearch's answer can't be read: {error}", FAILED) from None


def _filter(
    query: str | None, since: int | None, until: int | None, *, orphaned: bool
) -> Mapping[str, Any]:
    filters: list[Mapping[str, Any]] = []
    limits = {
        operator: rfc3339(moment)
        for operator, moment in (("gte", since), ("lt", until))
        if moment is not None
    }
    if limits:
        filters.append({"range": {_TIME: limits}})
    if query:
        filters.append({"query_string": {"query": query, "analyze_wildcard": True}})
    if orphaned:
        return {"bool": {"filter": filters}}
    # What left its chain did not happen.
    left = {"term": {"blockchain.orphaned": True}}
    return {"bool": {"filter": filters, "must_not": [left]}}
