"""Events out of a real Elasticsearch: a point in time, paged through in the order of time."""

import json
import random
from typing import Any

import pytest

from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_reader import ElasticsearchSource, time_span
from normalizer.events.ecs import rfc3339
from pipeline.failure import Failure
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.servers.elasticsearch.server import ElasticsearchServer

START = 1_767_225_600 * SECOND
COUNT = 57


@pytest.fixture
def connection(elasticsearch: ElasticsearchServer) -> Connection:
    return Connection(urls=[SecretText(elasticsearch.url)], timeout=30 * SECOND)


@pytest.fixture
def index(elasticsearch: ElasticsearchServer, index_prefix: str) -> str:
    """Documents in no order, each pair of one time, in two indices of one pattern."""
    documents = [
        {
            "@timestamp": rfc3339(START + number // 2 * SECOND + 1),
            "event": {"id": f"e{number:03d}", "action": "trade" if number % 3 else "swap"},
            "token": {"amount_raw": "1" * 40, "amount": number / 10},
        }
        for number in range(COUNT)
    ]
    random.Random(1).shuffle(documents)
    mappings = {
        "properties": {
            "@timestamp": {"type": "date_nanos"},
            "event": {"properties": {"action": {"type": "keyword"}, "id": {"type": "keyword"}}},
        }
    }
    with elasticsearch.client(request_timeout=60) as client:
        for half in (0, 1):
            name = f"{index_prefix}{half}"
            client.indices.create(index=name, mappings=mappings)
            operations: list[Any] = []
            for one in documents[half::2]:
                operations += [{"index": {}}, one]
            client.bulk(index=name, operations=operations, refresh=True)
    return f"{index_prefix}*"


def ids(source: ElasticsearchSource) -> list[str]:
    return [json.loads(line)["event"]["id"] for batch in source.batches() for line in batch.lines]


@pytest.mark.parametrize("page", [5, 1_000])
def test_all_documents_come_once_in_the_order_of_time(
    connection: Connection, index: str, page: int
) -> None:
    source = ElasticsearchSource(connection, index, page=page)

    batches = list(source.batches())

    documents = [json.loads(line) for batch in batches for line in batch.lines]
    assert sorted(one["event"]["id"] for one in documents) == [f"e{n:03d}" for n in range(COUNT)]
    times = [one["@timestamp"] for one in documents]
    assert times == sorted(times)
    assert documents[0]["token"]["amount_raw"] == "1" * 40
    assert source.total == COUNT
    assert batches[-1].done == COUNT


def test_only_a_time_and_what_a_query_matches(connection: Connection, index: str) -> None:
    since, until = START + 5 * SECOND, START + 10 * SECOND

    assert sorted(ids(ElasticsearchSource(connection, index, since=since, until=until))) == [
        f"e{number:03d}" for number in range(10, 20)
    ]
    found = ids(ElasticsearchSource(connection, index, query="event.action:swap AND event.id:e00*"))
    assert sorted(found) == ["e000", "e003", "e006", "e009"]


def test_the_time_span(connection: Connection, index: str) -> None:
    assert time_span(connection, index) == (START, START + 28 * SECOND)
    assert time_span(connection, "test-none-there-*") is None


def test_reading_may_stop_early(connection: Connection, index: str) -> None:
    batches = ElasticsearchSource(connection, index, page=5).batches()

    assert len(next(batches).lines) == 5
    batches.close()  # type: ignore[attr-defined]


def test_an_index_that_is_not_there_is_told(connection: Connection) -> None:
    with pytest.raises(Failure, match="Elasticsearch has nothing called test-not-there"):
        list(ElasticsearchSource(connection, "test-not-there").batches())


def test_a_bad_query_is_told(connection: Connection, index: str) -> None:
    with pytest.raises(Failure, match="HTTP 400"):
        list(ElasticsearchSource(connection, index, query="event.action:(").batches())


def test_a_server_that_is_not_there_is_told() -> None:
    connection = Connection(urls=[SecretText("http://127.0.0.1:9")], timeout=SECOND)

    with pytest.raises(Failure, match="can't be reached"):
        list(ElasticsearchSource(connection, "x").batches())
