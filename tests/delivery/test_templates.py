"""Templates on a real Elasticsearch: installed once, adapted to what the server has."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from elasticsearch import AsyncElasticsearch

from delivery.elastic_setup.installing import Installed, install, missing
from delivery.elastic_setup.lacking import Lacking
from delivery.elastic_setup.resources import Wanted, resources
from delivery.elastic_setup.retention import Retention
from delivery.elasticsearch_client import Connection, Server, connect, fitting_server
from delivery.mappings import UnknownFieldType, mappings
from delivery.templates import Data, StreamNames
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.servers.elasticsearch.server import ElasticsearchServer

FIELDS = {"@timestamp": "date_nanos", "message": "text", "event.id": "keyword"}
#: Two of the four, which is enough for what is tested here, and quicker.
DATA: Sequence[Data] = ("events", "alerts")


def wanted(names: StreamNames, fields: Mapping[str, str]) -> Wanted:
    return Wanted(names=names, fields=fields, retention=Retention(), data=DATA)


@asynccontextmanager
async def client_of(
    server: ElasticsearchServer,
) -> AsyncGenerator[tuple[AsyncElasticsearch, Server]]:
    client = connect(Connection(urls=[SecretText(server.url)], timeout=20 * SECOND))
    try:
        yield client, await fitting_server(client)
    finally:
        await client.close()


async def installed(
    server: ElasticsearchServer, names: StreamNames, fields: dict[str, str]
) -> Installed:
    async with client_of(server) as (client, version):
        return await install(client, version, wanted(names, fields))


def component(server: ElasticsearchServer, name: str) -> dict[str, Any]:
    with server.client() as client:
        answer = client.cluster.get_component_template(name=name)
        return answer["component_templates"][0]["component_template"]


async def test_a_second_installation_writes_nothing(
    elasticsearch: ElasticsearchServer, names: StreamNames
):
    first = await installed(elasticsearch, names, FIELDS)
    everything = resources(wanted(names, FIELDS), Lacking(ilm=True), (9, 4))
    assert set(first.written) == {one.name for one in everything}
    second = await installed(elasticsearch, names, FIELDS)
    assert second.written == ()
    assert set(second.unchanged) == set(first.written)
    assert second.left_out == first.left_out


async def test_a_changed_field_is_written_and_reaches_the_data_stream_that_exists(
    elasticsearch: ElasticsearchServer, names: StreamNames
):
    await installed(elasticsearch, names, FIELDS)
    with elasticsearch.client() as client:
        stream = names.stream("events")
        client.create(index=stream, id="1", document={"@timestamp": "2026-01-01T00:00:00Z"})
        report = await installed(elasticsearch, names, {**FIELDS, "token.id": "keyword"})
        assert set(report.written) == {names.mappings("events"), names.mappings("alerts")}
        assert report.doubts == ()
        (mapping,) = client.indices.get_mapping(index=stream).values()
        properties = mapping["mappings"]["properties"]
        assert properties["token"]["properties"]["id"]["type"] == "keyword"


async def test_a_field_whose_type_changed_is_reported_with_what_to_do(
    elasticsearch: ElasticsearchServer, names: StreamNames
):
    await installed(elasticsearch, names, {**FIELDS, "token.id": "long"})
    with elasticsearch.client() as client:
        stream = names.stream("events")
        client.create(index=stream, id="1", document={"@timestamp": "2026-01-01T00:00:00Z"})
    report = await installed(elasticsearch, names, {**FIELDS, "token.id": "keyword"})
    (doubt,) = report.doubts
    assert f"POST {stream}/_rollover" in doubt
    assert "token.id" in doubt


async def test_what_the_server_lacks_is_left_out_and_said(
    elasticsearch: ElasticsearchServer, names: StreamNames
):
    report = await installed(elasticsearch, names, FIELDS)
    body = component(elasticsearch, names.mappings("events"))
    properties = body["template"]["mappings"]["properties"]
    kind = properties["message"]["type"]
    # A full distribution has both types; the node of Maven Central has neither.
    said = " ".join(report.left_out)
    assert (kind, "match_only_text" in said) in (("text", True), ("match_only_text", False))
    assert ("data_stream" in properties) != ("constant_keyword" in said)
    assert body["_meta"]["managed_by"] == "tapewatch"
    async with client_of(elasticsearch) as (client, version):
        assert await missing(client, version, wanted(names, FIELDS)) == []
        more = wanted(names, {**FIELDS, "token.id": "keyword"})
        assert names.mappings("events") in await missing(client, version, more)


async def test_what_somebody_changed_by_hand_is_put_right(
    elasticsearch: ElasticsearchServer, names: StreamNames
):
    await installed(elasticsearch, names, FIELDS)
    name = names.mappings("events")
    body = component(elasticsearch, name)
    body["template"]["mappings"]["properties"]["message"] = {"type": "keyword"}
    with elasticsearch.client() as client:
        client.cluster.put_component_template(
            name=name, template=body["template"], meta=body["_meta"]
        )
    report = await installed(elasticsearch, names, FIELDS)
    assert report.written == (name,)
    assert component(elasticsearch, name) != body


async def test_what_an_administrator_puts_into_custom_wins(
    elasticsearch: ElasticsearchServer, names: StreamNames
):
    with elasticsearch.client() as client:
        client.cluster.put_component_template(
            name=names.custom("events"), template={"settings": {"index.refresh_interval": "17s"}}
        )
        await installed(elasticsearch, names, FIELDS)
        stream = names.stream("events")
        client.create(index=stream, id="1", document={"@timestamp": "2026-01-01T00:00:00Z"})
        (settings,) = client.indices.get_settings(index=stream).values()
        assert settings["settings"]["index"]["refresh_interval"] == "17s"


async def test_two_that_install_at_once_both_succeed(
    elasticsearch: ElasticsearchServer, names: StreamNames
):
    reports = await asyncio.gather(*(installed(elasticsearch, names, FIELDS) for _ in range(3)))
    assert all(r.written or r.unchanged for r in reports)
    assert (await installed(elasticsearch, names, FIELDS)).written == ()


def test_names_follow_the_data_stream_naming_scheme():
    names = StreamNames(namespace="prod")
    assert names.stream("events") == "logs-tapewatch.events-prod"
    assert names.stream("alerts") == "logs-tapewatch.alerts-prod"


def test_a_type_without_a_mapping_is_an_error_that_names_the_field():
    with pytest.raises(UnknownFieldType, match=r"token\.id has the type vector"):
        mappings({"token.id": "vector"}, {}, frozenset())
