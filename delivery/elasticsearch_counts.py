"""How many documents have which value, counted by Elasticsearch: by a composite aggregation.

Source: Elasticsearch's REST API reference, "Composite aggregation" and "Date range aggregation".
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_reader import asking

_PAGE = 1_000


class _Ranges(Struct):
    buckets: dict[str, dict[str, Any]]


class _Bucket(Struct):
    key: dict[str, str]
    spans: _Ranges


class _Composite(Struct):
    buckets: list[_Bucket] = field(default_factory=list[_Bucket])
    after_key: dict[str, str] | None = None


class _Aggregations(Struct):
    values: _Composite = field(default_factory=_Composite)


class _Answer(Struct):
    aggregations: _Aggregations = field(default_factory=_Aggregations)


def counted(
    connection: Connection, index: str, name: str, spans: Sequence[tuple[str, str]]
) -> Counter[tuple[str, int]]:
    """Documents by the value of a keyword field and the span of `@timestamp` that they are in.

    `spans`: RFC 3339, the second not included; the result tells which by its place. Orphaned
    documents are left out. Raises Failure.
    """
    return asyncio.run(_counted(connection, index, name, spans))


async def _counted(
    connection: Connection, index: str, name: str, spans: Sequence[tuple[str, str]]
) -> Counter[tuple[str, int]]:
    found: Counter[tuple[str, int]] = Counter()
    ranges = [{"key": str(at), "from": begin, "to": end} for at, (begin, end) in enumerate(spans)]
    within = {"gte": min(begin for begin, _ in spans), "lt": max(end for _, end in spans)}
    after: Mapping[str, str] | None = None
    async with asking(connection, index) as client:
        while True:
            composite: dict[str, Any] = {
                "size": _PAGE,
                "sources": [{"value": {"terms": {"field": name}}}],
            }
            if after is not None:
                composite["after"] = after
            answer = await client.search(
                index=index,
                size=0,
                query={
                    "bool": {
                        "filter": [{"range": {"@timestamp": within}}],
                        "must_not": [{"term": {"blockchain.orphaned": True}}],
                    }
                },
                aggregations={
                    "values": {
                        "composite": composite,
                        "aggregations": {
                            "spans": {
                                "date_range": {
                                    "field": "@timestamp", "keyed": True, "ranges": ranges,
                                }
                            }
                        },
                    }
                },
                ignore_unavailable=True,
                allow_partial_search_results=False,
            )  # fmt: skip
            page = msgspec.convert(answer.body, _Answer).aggregations.values
            for bucket in page.buckets:
                for key, span in bucket.spans.buckets.items():
                    if span["doc_count"]:
                        found[bucket.key["value"], int(key)] += int(span["doc_count"])
            if page.after_key is None or len(page.buckets) < _PAGE:
                return found
            after = page.after_key
