"""The audit log in Elasticsearch: each signed entry once, valid ECS, by the writer's key alone."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from elasticsearch import Elasticsearch

from delivery.elastic_setup.api_keys import create_key
from delivery.elastic_setup.resources import Wanted
from delivery.elastic_setup.retention import Retention
from delivery.elastic_setup.running import set_up
from delivery.elasticsearch_client import Connection
from delivery.templates import StreamNames
from evidence.audit.documents import document
from evidence.audit.elasticsearch_index import Indexed, index_log
from evidence.audit.entries import Action, Entry, encode
from evidence.audit.export import signed_now
from evidence.audit.merkle import leaf_hash
from evidence.audit.store import AuditFolder, AuditLog, AuditLogFailed
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.evidence.audit.test_log import KEY, happening
from tests.servers.ecs_schema import EcsSchema
from tests.servers.elasticsearch.server import ElasticsearchServer


@pytest.fixture
def admin(secure_elasticsearch: ElasticsearchServer) -> Iterator[Elasticsearch]:
    with secure_elasticsearch.client() as client:
        yield client


@pytest.fixture
def names() -> StreamNames:
    return StreamNames(prefix=f"logs-idx{uuid.uuid4().hex[:8]}", namespace="unit")


@pytest.fixture
async def writer(secure_elasticsearch: ElasticsearchServer, names: StreamNames) -> Connection:
    """With the key of the role `writer`, which may do no more."""
    server = secure_elasticsearch
    assert server.password is not None
    as_admin = Connection(
        urls=[SecretText(server.url)],
        timeout=20 * SECOND,
        username=server.username,
        password=SecretText(server.password),
    )
    await set_up(as_admin, Wanted(names=names, fields={}, retention=Retention(), data=("audit",)))
    key = await create_key(as_admin, "writer", names)
    return Connection(
        urls=[SecretText(server.url)], timeout=20 * SECOND, api_key=SecretText(key.encoded)
    )


def log_of(path: Path, count: int) -> AuditFolder:
    with AuditLog(path, KEY, sync=False) as log:
        if (more := count - log.size) > 0:
            log.append([happening(n, why=f"because {n}") for n in range(count - more, count)])
        log.sign()
    return log.folder


async def indexed(folder: AuditFolder, to: Connection, names: StreamNames) -> Indexed:
    return await index_log(folder, signed_now(folder, KEY.verifying).checkpoint, to, names)


def stored(admin: Elasticsearch, names: StreamNames) -> list[dict[str, Any]]:
    admin.indices.refresh(index=names.stream("audit"))
    answer = admin.search(index=names.stream("audit"), size=1_000, sort="surveillance.audit.number")
    return [hit["_source"] for hit in answer["hits"]["hits"]]


async def test_each_entry_is_there_once_also_after_a_rollover_and_leads_back_to_its_line(
    tmp_path: Path, writer: Connection, names: StreamNames, admin: Elasticsearch
):
    folder = log_of(tmp_path / "log", 20)
    assert await indexed(folder, writer, names) == Indexed(written=20, end=20)
    assert await indexed(folder, writer, names) == Indexed(written=0, end=20)
    admin.indices.rollover(alias=names.stream("audit"))
    log_of(tmp_path / "log", 30)
    assert (await indexed(folder, writer, names)).written == 10
    found = stored(admin, names)
    assert [one["surveillance"]["audit"]["number"] for one in found] == list(range(30))
    for one in found:
        audit = one["surveillance"]["audit"]
        assert audit["leaf"] == leaf_hash(folder.entry(audit["number"])).hex()


async def test_a_log_that_was_cut_since_is_not_taken(
    tmp_path: Path, writer: Connection, names: StreamNames
):
    await indexed(log_of(tmp_path / "log", 12), writer, names)
    with pytest.raises(AuditLogFailed, match="older copy, or was cut"):
        await indexed(log_of(tmp_path / "another", 11), writer, names)
    with AuditLog(tmp_path / "forged", KEY, sync=False) as forged:
        forged.append([happening(n, what="forged") for n in range(1, 12)])
        forged.sign()
    with pytest.raises(AuditLogFailed, match="isn't the one"):
        await indexed(forged.folder, writer, names)


async def test_an_entry_that_somebody_else_put_there_is_told(
    tmp_path: Path, writer: Connection, names: StreamNames, admin: Elasticsearch
):
    await indexed(log_of(tmp_path / "log", 12), writer, names)
    planted = document(KEY.verifying.name, encode(happening(15), 15))
    admin.index(index=names.stream("audit"), document=planted, op_type="create", refresh=True)
    with pytest.raises(AuditLogFailed, match=r"holds an entry 15 .* that tapewatch has not put"):
        await indexed(log_of(tmp_path / "log", 20), writer, names)


@pytest.mark.parametrize("action", get_args(Action))
def test_every_entry_is_valid_ecs(ecs_schema: EcsSchema, action: Action):
    entry = happening(
        7, action=action, why="asked", place="ALERTS/7", before=msgspec.Raw(b'{"a":1}')
    )
    found = document("example.com/audit", encode(entry, 3))
    assert ecs_schema.violations(found) == []
    assert found["event"]["id"] == "example.com/audit/3"
    assert found["surveillance"]["audit"]["before"] == '{"a":1}'


def test_every_field_of_an_entry_is_told():
    told = {"action", "time", "who", "what", "why", "place", "count", "sha256", "before", "after"}
    assert {field.name for field in msgspec.structs.fields(Entry)} == told | {"number"}
