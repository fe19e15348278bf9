"""Every record that Tapewatch knows, as the document that reaches Elasticsearch."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, cast, get_args

import msgspec
import pytest
from msgspec import NODEFAULT, Struct, inspect

from delivery.build import elasticsearch_fields
from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_sink import ElasticsearchSink
from delivery.sink import Content, Document
from delivery.templates import DATA, StreamNames
from normalizer.events import Alert, AlertUpdate, CaseActivity, Record
from normalizer.events.ecs import nest
from normalizer.events.taxonomy import FieldInfo, fields, record_classes, struct_type
from pipeline.secrets import SecretText
from pipeline.units import SECOND
from tests.delivery.documents import MOMENT
from tests.servers.ecs_schema import EcsSchema
from tests.servers.elasticsearch.server import ElasticsearchServer

RECORDS = record_classes()
LARGEST = str(2**256 - 1)


def full(record: type[Struct]) -> Any:
    """A record with every field set, to a value that is telling for its type."""
    values: dict[str, Any] = {}
    for field in struct_type(record).fields:
        info = fields()[field.encode_name]
        # A default of ECS's own (kind, category, type, outcome, dataset) is kept.
        if field.default is NODEFAULT or field.default in (None, (), False, ""):
            own = choices_of(field.type)
            values[field.encode_name] = own[0] if own else value_of(info, record)
    values["event.id"] = f"{struct_type(record).tag}:1"
    values["event.action"] = struct_type(record).tag
    return msgspec.convert(values, record)


def choices_of(kind: inspect.Type) -> list[str]:
    """The only values that a field has in this record; another may leave it open."""
    match kind:
        case inspect.Metadata():
            return choices_of(kind.type)
        case inspect.UnionType():
            return [one for inner in kind.types for one in choices_of(inner)]
        case inspect.LiteralType():
            return [str(value) for value in kind.values]
        case _:
            return []


def value_of(info: FieldInfo, record: type[Struct]) -> Any:
    if info.name.startswith("event.") and info.name in ("event.category", "event.type"):
        return []
    if info.name == "event.outcome":
        return "success"
    one: Any = {
        "str": info.choices[0] if info.choices else f"a {info.name}",
        "int": MOMENT if info.es == "date_nanos" else 7,
        "float": 1.25,
        "bool": True,
        "map": {"share": 0.75},
    }[info.type]
    if info.es == "binary_text":
        one = "0x" + "ab" * 40_000  # far beyond what an indexed keyword may be
    elif info.name.endswith("_raw"):
        one = LARGEST
    return [one] if str(struct_type(record).tag) in info.lists else one


def content_of(record: Any) -> Content:
    if isinstance(record, CaseActivity):
        return "cases"
    return "alerts" if isinstance(record, Alert | AlertUpdate) else "events"


def document_of(record: Any) -> Document:
    return Document(
        content=content_of(record),
        id=record.id,
        timestamp=record.timestamp,
        source=record.provider,
        position="EVENTS/1/0",
        body=msgspec.json.encode(nest(record)),
    )


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and value of everything in a document; a map's content is under its own name."""
    if isinstance(value, dict) and fields().get(name) is None:
        for key, item in cast(dict[str, Any], value).items():
            yield from leaves(item, f"{name}.{key}" if name else key)
    else:
        yield name, value


@pytest.fixture
async def strict_sink(
    elasticsearch: ElasticsearchServer, names: StreamNames
) -> AsyncIterator[ElasticsearchSink]:
    """A sink to streams whose mapping refuses every field that it doesn't know."""
    strict = {"mappings": {"dynamic": "strict"}}
    with elasticsearch.client() as client:
        for data in DATA:
            client.cluster.put_component_template(name=names.custom(data), template=strict)
    connection = Connection(urls=[SecretText(elasticsearch.url)], timeout=20 * SECOND)
    sink = ElasticsearchSink(
        "es", connection, elasticsearch_fields(), names=names, contents=get_args(Content)
    )
    await sink.open()
    yield sink
    await sink.close()


def test_the_records_are_all_there():
    expected = (*get_args(Record), Alert, AlertUpdate, CaseActivity)
    assert {r.__name__ for r in RECORDS} == {r.__name__ for r in expected}
    assert len(RECORDS) > 25


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.__name__)
async def test_a_record_of_every_class_is_valid_ecs(record: type[Struct], ecs_schema: EcsSchema):
    document = msgspec.json.decode(document_of(full(record)).body)
    assert ecs_schema.violations(document) == []


async def test_a_record_of_every_class_is_taken_strictly_and_found_by_each_of_its_fields(
    elasticsearch: ElasticsearchServer, strict_sink: ElasticsearchSink, names: StreamNames
):
    documents = [document_of(full(record)) for record in RECORDS]
    done = await strict_sink.deliver(documents)
    assert done.refused == ()
    assert done.written + done.already == len(RECORDS)
    with elasticsearch.client(request_timeout=60) as client:
        client.indices.refresh(index=f"{names.prefix}.*")
        searches: list[dict[str, Any]] = []
        asked: list[tuple[str, str]] = []
        for document in documents:
            for name, value in leaves(msgspec.json.decode(document.body)):
                info = fields()[name]
                if info.es == "binary_text":
                    continue
                searches.append({"index": names.stream(document.content)})
                searches.append({"query": query(document.id, info, value), "size": 1})
                asked.append((document.id, name))
        answers = client.msearch(searches=searches)["responses"]
        found = {
            key
            for key, answer in zip(asked, answers, strict=True)
            if [hit["_id"] for hit in answer["hits"]["hits"]] == [key[0]]
        }
        assert set(asked) - found == set()
        assert len(asked) > 500


def query(document_id: str, info: FieldInfo, value: Any) -> dict[str, Any]:
    one: Any = cast(list[Any], value)[0] if isinstance(value, list) else value
    if info.es == "float_map":
        inner: dict[str, Any] = {"range": {f"{info.name}.share": {"gt": 0.7, "lt": 0.8}}}
    elif info.es == "text":
        inner = {"match": {info.name: {"query": one, "operator": "and"}}}
    else:
        inner = {"term": {info.name: {"value": one}}}
    return {"bool": {"filter": [{"term": {"event.id": document_id}}, inner]}}


async def test_nanoseconds_order_events_of_one_microsecond(
    elasticsearch: ElasticsearchServer, strict_sink: ElasticsearchSink, names: StreamNames
):
    trade = next(r for r in RECORDS if struct_type(r).tag == "trade")
    close = [
        msgspec.structs.replace(full(trade), id=f"close:{n}", timestamp=MOMENT + n)
        for n in (2, 0, 1)
    ]
    await strict_sink.deliver([document_of(record) for record in close])
    with elasticsearch.client() as client:
        stream = names.stream("events")
        client.indices.refresh(index=stream)
        answer = client.search(
            index=stream,
            query={"prefix": {"event.id": "close:"}},
            sort=[{"@timestamp": "asc"}],
        )
        assert [hit["_id"] for hit in answer["hits"]["hits"]] == ["close:0", "close:1", "close:2"]
