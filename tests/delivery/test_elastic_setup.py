"""`tapewatch setup elastic` on a real Elasticsearch with security on, and each of its roles tried.

What the server of the tests lacks (ILM, the life cycles of data streams) is in
`test_elastic_setup_whole.py`.
"""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from elasticsearch import ApiError, Elasticsearch
from typer.testing import CliRunner

from delivery.elastic_setup.api_keys import create_key
from delivery.elastic_setup.resources import Wanted
from delivery.elastic_setup.retention import Retention
from delivery.elastic_setup.roles import ROLES, Who
from delivery.elastic_setup.running import Outcome, set_up
from delivery.elasticsearch_client import Connection, NotPermitted
from delivery.sink import SinkUnavailable
from delivery.templates import DATA, Data, StreamNames
from pipeline.cli.commands import app
from pipeline.cli.setup_elastic import configured
from pipeline.cli.setup_elastic import connection as connection_of
from pipeline.config.loading import load_configuration
from pipeline.failure import Failure
from pipeline.problems import ProblemsFound
from pipeline.secrets import SecretText
from pipeline.units import DAY, SECOND
from tests.cli.command_line import configuration, tapewatch
from tests.servers.elasticsearch.server import ElasticsearchServer

FIELDS = {
    "@timestamp": "date_nanos",
    "event.id": "keyword",
    "message": "text",
    "tags": "keyword",
    "token.id": "keyword",
}
NOWHERE = ElasticsearchServer(url="http://127.0.0.1:9", username="a", password="b")
PASSWORD = "a-long-password"
WHEN = "2026-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def server(secure_elasticsearch: ElasticsearchServer) -> ElasticsearchServer:
    return secure_elasticsearch


@pytest.fixture(scope="module")
def names() -> StreamNames:
    return StreamNames(prefix=f"logs-set{uuid.uuid4().hex[:8]}", namespace="unit")


@pytest.fixture(scope="module")
def admin(server: ElasticsearchServer) -> Iterator[Elasticsearch]:
    with server.client() as client:
        yield client


def connection(server: ElasticsearchServer, **log_in: Any) -> Connection:
    assert server.password is not None
    log_in = log_in or {"username": server.username, "password": SecretText(server.password)}
    return Connection(urls=[SecretText(server.url)], timeout=20 * SECOND, **log_in)


def wanted(names: StreamNames, **more: Any) -> Wanted:
    whole = Wanted(names=names, fields=FIELDS, retention=Retention(), roles=True)
    return msgspec.structs.replace(whole, **more)


async def run(server: ElasticsearchServer, what: Wanted, **how: Any) -> Outcome:
    return await set_up(connection(server), what, **how)


def names_of(outcome: Outcome) -> list[str]:
    return [change.resource.name for change in outcome.plan.changes]


async def test_it_is_planned_then_written_then_left_alone(
    server: ElasticsearchServer, names: StreamNames, admin: Elasticsearch
):
    dry = await run(server, wanted(names), dry_run=True)
    assert not dry.done
    assert all(change.before is None for change in dry.plan.changes)
    with pytest.raises(ApiError):
        admin.indices.get_index_template(name=names.index_template("events"))
    first = await run(server, wanted(names))
    assert names_of(first) == names_of(dry)
    assert {names.role(who) for who in ROLES} < set(names_of(first))
    again = await run(server, wanted(names))
    assert names_of(again) == []
    assert again.plan.streams == []
    assert set(again.plan.unchanged) == set(names_of(first))


@pytest.fixture(scope="module")
def streams(server: ElasticsearchServer, names: StreamNames, admin: Elasticsearch) -> StreamNames:
    """All of it, with a document in each data stream."""
    asyncio.run(set_up(connection(server), wanted(names)))
    for data in DATA:
        admin.create(
            index=names.stream(data), id="first", refresh=True, document={"@timestamp": WHEN}
        )
    return names


@pytest.fixture(scope="module")
def by_role(
    server: ElasticsearchServer, streams: StreamNames, admin: Elasticsearch
) -> Iterator[dict[Who, Elasticsearch]]:
    """A user of each role, logged in."""
    users: dict[Who, Elasticsearch] = {}
    for who in ROLES:
        user = f"{streams.role(who)}-user"
        admin.security.put_user(
            username=user, password="a-long-password", roles=[streams.role(who)]
        )
        users[who] = Elasticsearch(server.url, basic_auth=(user, "a-long-password"))
    yield users
    for who, client in users.items():
        client.close()
        admin.security.delete_user(username=f"{streams.role(who)}-user")


Try = Callable[[Elasticsearch, str], object]
READ: Try = lambda client, stream: client.search(index=stream, size=1)  # noqa: E731
CREATE: Try = lambda client, stream: client.create(  # noqa: E731
    index=stream, id=uuid.uuid4().hex, document={"@timestamp": WHEN}, pipeline="_none"
)


def backing(client: Elasticsearch, stream: str) -> str:
    hits = client.search(index=stream, query={"ids": {"values": ["first"]}})["hits"]["hits"]
    return hits[0]["_index"]


def overwrite(client: Elasticsearch, stream: str) -> object:
    """As a mark is set: in the backing index."""
    body = {"doc": {"message": "marked"}}
    return client.update(index=backing(client, stream), id="first", body=body)


def erase(client: Elasticsearch, stream: str) -> object:
    return client.delete(index=backing(client, stream), id="first")


def drop(client: Elasticsearch, stream: str) -> object:
    return client.indices.delete(index=f".ds-{stream}-*")


def remap(client: Elasticsearch, stream: str) -> object:
    return client.indices.put_mapping(index=stream, properties={"more": {"type": "keyword"}})


def roll(client: Elasticsearch, stream: str) -> object:
    return client.indices.rollover(alias=stream)


def may(client: Elasticsearch, action: Try, stream: str) -> bool:
    try:
        action(client, stream)
    except ApiError as error:
        if error.status_code in (403, 404):
            return False
        raise
    return True


EVERY = frozenset(DATA)
NONE = frozenset[Data]()
WORKED = frozenset[Data](("events", "alerts", "cases"))


@pytest.mark.parametrize(
    ("action", "writer", "analyst", "auditor"),
    [
        (READ, EVERY, WORKED, EVERY),
        (CREATE, EVERY, NONE, NONE),
        (overwrite, WORKED, NONE, NONE),
        (erase, NONE, NONE, NONE),
        (drop, NONE, NONE, NONE),
        (remap, NONE, NONE, NONE),
        (roll, NONE, NONE, NONE),
    ],
    ids=["read", "create", "overwrite", "delete", "drop", "remap", "roll over"],
)
def test_each_role_may_what_it_must_and_no_more(
    streams: StreamNames,
    by_role: dict[Who, Elasticsearch],
    action: Try,
    writer: frozenset[Data],
    analyst: frozenset[Data],
    auditor: frozenset[Data],
):
    allowed = {
        who: frozenset(d for d in DATA if may(client, action, streams.stream(d)))
        for who, client in by_role.items()
    }
    assert allowed == {"writer": writer, "analyst": analyst, "auditor": auditor}


def test_no_role_may_reach_anything_else(
    streams: StreamNames, by_role: dict[Who, Elasticsearch], admin: Elasticsearch
):
    admin.index(index="somebody-elses", document={"a": 1}, refresh=True)
    tries: list[Try] = [
        lambda client, _: client.search(index="somebody-elses"),
        lambda client, _: client.search(index="logs-other-default", ignore_unavailable=False),
        lambda client, _: client.cluster.put_component_template(name="theirs", template={}),
        lambda client, _: client.ingest.put_pipeline(id="theirs", processors=[]),
        lambda client, _: client.security.put_role(name="theirs", cluster=["all"]),
        lambda client, _: client.security.create_api_key(name="theirs"),
        lambda client, _: client.cluster.put_settings(
            persistent={"cluster.max_shards_per_node": 1}
        ),
    ]
    for who, client in by_role.items():
        assert [may(client, one, "") for one in tries] == [False] * len(tries), who


async def test_a_log_in_that_may_not_is_told_all_that_it_lacks(
    server: ElasticsearchServer, streams: StreamNames, by_role: dict[Who, Elasticsearch]
):
    log_in = {
        "username": f"{streams.role('writer')}-user",
        "password": SecretText(PASSWORD),
    }
    with pytest.raises(NotPermitted) as caught:
        await set_up(connection(server, **log_in), wanted(streams))
    for lacking in (
        "manage_index_templates",
        "manage_security",
        f"manage on {streams.stream('audit')}",
    ):
        assert lacking in caught.value.reason


async def test_a_role_that_somebody_widened_is_narrowed_and_their_spaces_of_kibana_stay(
    server: ElasticsearchServer, streams: StreamNames, admin: Elasticsearch
):
    name = streams.role("auditor")
    held = admin.security.get_role(name=name)[name]
    space = {
        "application": "kibana-.kibana",
        "privileges": ["space_read"],
        "resources": ["space:audit"],
    }
    admin.security.put_role(
        name=name,
        cluster=["all"],
        indices=held["indices"],
        applications=[*held["applications"], space],
        metadata=held["metadata"],
    )
    outcome = await run(server, wanted(streams))
    assert names_of(outcome) == [name]
    assert {d.path: d.before for d in outcome.plan.changes[0].differences}["cluster"] == ["all"]
    now = admin.security.get_role(name=name)[name]
    assert now["cluster"] == []
    assert space in now["applications"]
    assert names_of(await run(server, wanted(streams))) == []


async def test_what_somebody_else_wrote_under_our_name_is_left_alone_unless_taken_over(
    server: ElasticsearchServer, admin: Elasticsearch
):
    names = StreamNames(prefix=f"logs-set{uuid.uuid4().hex[:8]}")
    admin.ingest.put_pipeline(id=names.pipeline("events"), processors=[], description="theirs")
    small = wanted(names, data=("events",), roles=False)
    outcome = await run(server, small)
    assert outcome.plan.foreign == [f"ingest pipeline {names.pipeline('events')}"]
    assert (
        admin.ingest.get_pipeline(id=names.pipeline("events"))[names.pipeline("events")][
            "description"
        ]
        == "theirs"
    )
    taken = await run(server, small, take_over=True)
    assert names_of(taken) == [names.pipeline("events")]


async def test_an_upgrade_extends_what_can_be_and_rolls_over_and_old_documents_are_found(
    server: ElasticsearchServer, admin: Elasticsearch
):
    names = StreamNames(prefix=f"logs-set{uuid.uuid4().hex[:8]}")
    stream = names.stream("alerts")
    older = {**FIELDS, "surveillance.score": "keyword", "token.id": "long"}
    await run(server, wanted(names, fields=older, data=("alerts",), roles=False))
    document = {"@timestamp": WHEN, "token": {"id": 7}, "message": "old"}
    admin.create(index=stream, id="old", document=document, refresh=True)

    newer = {**FIELDS, "surveillance.score": "keyword", "token.name": "keyword"}
    upgrade = wanted(names, fields=newer, data=("alerts",), roles=False)
    (planned,) = (await run(server, upgrade, dry_run=True)).plan.streams
    assert [(one.field, one.before, one.after) for one in planned.changed] == [
        ("token.id", "long", "keyword")
    ]
    assert planned.rolls_over
    waiting = await run(server, upgrade, roll_over=False)
    assert "POST" in waiting.remains[0]
    await run(server, upgrade)
    assert (await run(server, upgrade)).plan.streams == []

    document = {"@timestamp": WHEN, "token": {"id": "7a", "name": "ACME"}, "message": "new"}
    admin.create(index=stream, id="new", document=document, refresh=True)
    mappings = admin.indices.get_mapping(index=stream)
    kinds = {
        index[-6:]: one["mappings"]["properties"]["token"]["properties"]
        for index, one in mappings.items()
    }
    assert {index: one["id"]["type"] for index, one in kinds.items()} == {
        "000001": "long",
        "000002": "keyword",
    }
    assert all("name" in one for one in kinds.values())  # the old one was extended

    def ids(query: dict[str, Any]) -> list[str]:
        hits = admin.search(index=stream, query=query, sort="_index")["hits"]["hits"]
        return [hit["_id"] for hit in hits]

    assert ids({"terms": {"message": ["old", "new"]}}) == ["old", "new"]
    assert ids({"term": {"token.id": "7"}}) == ["old"]
    assert ids({"term": {"token.id": "7a"}}) == ["new"]


async def test_settings_reach_the_data_stream_and_those_of_an_administrator_are_respected(
    server: ElasticsearchServer, admin: Elasticsearch
):
    names = StreamNames(prefix=f"logs-set{uuid.uuid4().hex[:8]}")
    stream = names.stream("events")
    small = wanted(names, data=("events",), roles=False)
    await run(server, small)
    admin.create(index=stream, id="1", document={"@timestamp": WHEN})
    admin.indices.put_settings(index=stream, settings={"index.query.default_field": ["message"]})
    (change,) = (await run(server, small)).plan.streams
    assert list(change.settings) == ["index.query.default_field"]
    admin.cluster.put_component_template(
        name=names.custom("events"),
        template={"settings": {"index.query.default_field": ["token.id"]}},
    )
    await run(server, small)
    (held,) = admin.indices.get_settings(index=stream, flat_settings=True).values()
    assert held["settings"]["index.query.default_field"] == ["token.id"]
    assert (await run(server, small)).plan.streams == []


def test_a_document_that_somebody_else_puts_there_says_so_and_by_whom(
    streams: StreamNames, admin: Elasticsearch
):
    stream, theirs = streams.stream("alerts"), uuid.uuid4().hex
    admin.create(index=stream, id=theirs, document={"@timestamp": WHEN}, refresh=True)
    query = {"bool": {"filter": [{"term": {"tags": "foreign"}}, {"ids": {"values": [theirs]}}]}}
    (hit,) = admin.search(index=stream, query=query)["hits"]["hits"]
    assert hit["_source"]["surveillance"]["ingest"] == {"username": "elastic"}
    assert hit["_source"]["event"]["ingested"]


async def test_a_key_may_what_its_role_may_and_ends(
    server: ElasticsearchServer, streams: StreamNames
):
    key = await create_key(connection(server), "auditor", streams, expires_after=30 * DAY)
    assert key.expiration is not None
    with Elasticsearch(server.url, api_key=key.encoded) as client:
        for data in DATA:
            assert may(client, READ, streams.stream(data))
            assert not may(client, CREATE, streams.stream(data))


def write_pipeline(folder: Path, server: ElasticsearchServer, **more: Any) -> None:
    assert server.password is not None
    (folder / "password").write_text(server.password)
    (folder / "password").chmod(0o600)
    sink = {
        "name": "elastic",
        "type": "elasticsearch",
        "urls": [server.url],
        "namespace": f"cli{uuid.uuid4().hex[:6]}",
        "api_key": "${file:writer.key}",
        **more,
    }
    text = yaml.safe_dump(configuration(sinks=[sink]), sort_keys=False)
    (folder / "pipeline.yaml").write_text(text)


def test_the_command_plans_writes_and_makes_the_sinks_key(
    tmp_path: Path, server: ElasticsearchServer
):
    write_pipeline(tmp_path, server)
    log_in = ("--username", "elastic", "--password", "${file:password}")
    planned = tapewatch("setup", "elastic", *log_in, "--dry-run", folder=tmp_path)
    assert planned.code == 0
    assert "nothing was written: --dry-run" in planned.out
    assert "left out:" in planned.out
    done = tapewatch("setup", "elastic", *log_in, "--json", folder=tmp_path)
    (told,) = json.loads(done.out)
    assert told["done"]
    assert told["server"]["version"].startswith("9.")
    key = ("setup", "elastic-key", "writer", "--out", "writer.key", "--expires", "90d", *log_in)
    made = tapewatch(*key, folder=tmp_path)
    assert made.code == 0
    assert (tmp_path / "writer.key").read_text() not in made.out
    assert (tmp_path / "writer.key").stat().st_mode & 0o777 == 0o600


async def test_a_server_whose_security_is_off_makes_no_key_and_needs_none(
    elasticsearch: ElasticsearchServer, names: StreamNames
) -> None:
    with pytest.raises(SinkUnavailable, match="security is off: it asks for no key"):
        await create_key(
            Connection(urls=[SecretText(elasticsearch.url)], timeout=20 * SECOND), "writer", names
        )


def test_a_key_that_is_not_made_leaves_no_file_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def denied(*_: object) -> None:
        raise Failure("this can't be recorded for the audit log")

    def configure(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr("pipeline.cli.noting.noted_anyway", denied)
    monkeypatch.setattr("pipeline.logs.configure", configure)
    write_pipeline(tmp_path, NOWHERE)
    out = tmp_path / "writer.key"
    config = ("--config", str(tmp_path / "pipeline.yaml"))
    key = ("setup", "elastic-key", "writer", "--out", str(out), *config)
    refused = CliRunner().invoke(app, key)
    assert (refused.exit_code, "can't be recorded" in refused.stderr) == (1, True)
    assert not out.exists()
    endless = CliRunner().invoke(app, [*key, "--expires", "0s"])
    assert (endless.exit_code, "never expire" in endless.stderr) == (2, True)


@pytest.mark.parametrize(
    ("retention", "said"),
    [
        ({"alert": "6d"}, "alerts"),
        ({"alerts": "6 yaers"}, "6 yaers"),
        ({"by": "ILM"}, "ilm"),
        ({"warm_after": "7d", "by": "data_stream"}, "warm_after"),
    ],
)
def test_a_wrong_retention_is_said_with_what_was_meant(
    tmp_path: Path, retention: dict[str, str], said: str
):
    write_pipeline(tmp_path, NOWHERE, retention=retention)
    with pytest.raises(ProblemsFound) as found:
        load_configuration(tmp_path / "pipeline.yaml", resolve="later")
    assert said in str(found.value)


def test_a_wrong_sink_is_said_with_what_was_meant(tmp_path: Path):
    write_pipeline(tmp_path, NOWHERE)
    answer = tapewatch("setup", "elastic", "--sink", "elastc", folder=tmp_path)
    assert answer.code == 2
    assert "did you mean elastic?" in answer.error


@pytest.mark.parametrize(
    ("username", "password", "api_key", "said"),
    [
        ("a", None, None, "go together"),
        ("a", "${env:A}", "${env:B}", "not both"),
        ("a", "plain", None, "${env:NAME}"),
    ],
)
def test_a_log_in_that_is_no_log_in_is_said(
    tmp_path: Path, username: str | None, password: str | None, api_key: str | None, said: str
):
    write_pipeline(tmp_path, NOWHERE)
    _, (sink,) = configured(tmp_path / "pipeline.yaml", None)
    with pytest.raises(Failure) as failure:
        connection_of(sink, username, password, api_key)
    assert said in str(failure.value)
    assert "plain" not in str(failure.value)
