"""What is done to cases, in a real Elasticsearch: each once, and the newest of each case marked."""

from collections.abc import Sequence

import msgspec

from delivery.build import elasticsearch_fields
from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_sink import ElasticsearchSink
from delivery.sink import Document
from delivery.stage import documents_of
from delivery.templates import StreamNames
from pipeline.bus import StreamMessage
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.evidence.cases.examples import START, Worked
from tests.servers.elasticsearch.server import ElasticsearchServer


def documents(worked: Worked) -> list[Document]:
    """As the stage makes them of the stream."""
    return [
        document
        for number, one in enumerate(worked.activities, 1)
        for document in documents_of(
            "cases", StreamMessage(number, START, "cases.TW-1", msgspec.json.encode(one), None)
        )
    ]


def latest(elasticsearch: ElasticsearchServer, names: StreamNames) -> Sequence[tuple[str, str]]:
    """Status and action of what is said to be the newest of its case."""
    with elasticsearch.client() as client:
        client.indices.refresh(index=names.stream("cases"))
        answer = client.search(
            index=names.stream("cases"),
            query={"term": {"surveillance.case.latest": True}},
        )
        found = [hit["_source"]["surveillance"]["case"] for hit in answer["hits"]["hits"]]
        return sorted((case["status"], case["action"]) for case in found)


async def test_the_newest_of_each_case_is_marked_whatever_comes_twice(
    elasticsearch: ElasticsearchServer, names: StreamNames
) -> None:
    connection = Connection(urls=[SecretText(elasticsearch.url)], timeout=20 * SECOND)
    sink = ElasticsearchSink(
        "es", connection, elasticsearch_fields(), names=names, contents=["cases"]
    )
    await sink.open()
    worked = Worked()
    worked.do("assigned", "boss", assignee="alice")
    first = documents(worked)
    assert (await sink.deliver(first)).written == 2
    assert latest(elasticsearch, names) == [("open", "assigned")]
    worked.do("resolution-proposed", "alice", resolution="explained")
    worked.do("closed", "bob", resolution="explained")
    again = documents(worked)
    done = await sink.deliver(again)
    assert (done.written, done.already, done.refused) == (2, 2, ())
    assert latest(elasticsearch, names) == [("closed", "closed")]
    await sink.deliver(first)
    assert latest(elasticsearch, names) == [("closed", "closed")]
    await sink.close()
