"""What a fork did to what was delivered: marks in Elasticsearch, further lines in files."""

import asyncio
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from delivery.build import elasticsearch_fields
from delivery.elasticsearch_client import Connection
from delivery.elasticsearch_sink import ElasticsearchSink
from delivery.file_sink import FileSink
from delivery.marks import OrphanedBlocks
from delivery.sink import Content, Delivered, Document
from delivery.stage import documents_of
from delivery.templates import StreamNames
from detections.engine.engine import Engine
from detections.lanes.events import Taken
from evidence.timeline import timeline
from normalizer.events import Alert, AlertUpdate, Record
from normalizer.events.chain import Block
from normalizer.events.market import TradeBusted
from pipeline.bus import StreamMessage
from pipeline.cli.evidence import print_timeline
from pipeline.secrets import SecretText
from pipeline.units import HOUR, MIB, SECOND
from tests.detections.forked_chain import ForkedChain, run
from tests.detections.samples import Tape
from tests.detections.test_revised_evidence import Lane
from tests.detections.test_revised_trades import revised
from tests.detections.test_rewind import RULES, parse_rules
from tests.servers.elasticsearch.server import ElasticsearchServer


def documents(content: Content, messages: Iterable[Iterable[Any]]) -> list[list[Document]]:
    """As the runner makes them of a stream's messages."""
    lines = [b"\n".join(map(msgspec.json.encode, message)) for message in messages]
    return [
        documents_of(content, StreamMessage(number, 0, "", data, None))
        for number, data in enumerate(lines, 1)
    ]


def there_and_back() -> ForkedChain:
    """Blocks 1 and 2; 3 in two forms, of which the first comes back in the end."""
    chain = ForkedChain()
    chain.grow("a", [1])
    chain.grow("a", [150])
    chain.grow("a", [200])
    chain.fork(1)
    chain.grow("b", [300])
    return chain


def flat(batches: Iterable[Iterable[Document]]) -> list[Document]:
    return [document for batch in batches for document in batch]


def orphaned(elasticsearch: ElasticsearchServer, names: StreamNames) -> dict[str, bool]:
    """By event id, what its document says of itself; events that say nothing are left out."""
    with elasticsearch.client() as client:
        stream = names.stream("events")
        client.indices.refresh(index=stream)
        hits = client.search(index=stream, size=1_000)["hits"]["hits"]
    marks = {hit["_id"]: hit["_source"].get("blockchain", {}).get("orphaned") for hit in hits}
    return {key: mark for key, mark in marks.items() if mark is not None}


def ids(records: Iterable[Record]) -> set[str]:
    return {record.id for record in records}


@pytest.mark.parametrize("at_once", [True, False])
async def test_orphaned_events_are_marked_in_elasticsearch_and_unmarked_when_they_come_back(
    elasticsearch: ElasticsearchServer,
    elastic: ElasticsearchSink,
    names: StreamNames,
    at_once: bool,
):
    chain = there_and_back()
    first, second = ids(chain.messages[2]), ids(chain.messages[4])
    chain.fork(1)
    chain.grow("a")
    batches = documents("events", chain.messages)
    for until in (4, 5, 7):
        part = batches[:until]
        for batch in [flat(part)] if at_once else part:
            await elastic.deliver(batch)
        if until == 4:
            assert orphaned(elasticsearch, names) == dict.fromkeys(first, True)
        if until == 7:
            expected = dict.fromkeys(first, False) | dict.fromkeys(second, True)
            assert orphaned(elasticsearch, names) == expected
        else:
            assert orphaned(elasticsearch, names) == dict.fromkeys(first, True)


async def test_a_fork_of_unknown_depth_marks_all_above_it_that_had_come(
    elasticsearch: ElasticsearchServer, elastic: ElasticsearchSink, names: StreamNames
):
    chain = ForkedChain()
    for _ in range(4):
        chain.grow("a", [1])
    chain.fork(2, known=False)
    chain.grow("b", [1])
    for _ in range(2):  # the second time as after a crash
        assert isinstance(
            await elastic.deliver(flat(documents("events", chain.messages))), Delivered
        )
        assert orphaned(elasticsearch, names).keys() == ids(
            [*chain.messages[2], *chain.messages[3]]
        )


async def test_a_fork_of_more_blocks_than_one_search_may_name_marks_them_all(
    elasticsearch: ElasticsearchServer, elastic: ElasticsearchSink, names: StreamNames
):
    chain = there_and_back()
    *_, fork, _ = batches = documents("events", chain.messages)
    mark = fork[0].mark
    assert isinstance(mark, OrphanedBlocks)
    many = tuple(f"0x{number:064x}" for number in range(70_000))
    deep = msgspec.structs.replace(mark, hashes=(*many, *mark.hashes))
    batches[3] = [msgspec.structs.replace(fork[0], mark=deep)]
    await elastic.deliver(flat(batches))
    assert orphaned(elasticsearch, names) == dict.fromkeys(ids(chain.messages[2]), True)


async def test_an_index_of_an_older_version_holds_marks_and_delivery_goes_on(
    elasticsearch: ElasticsearchServer, names: StreamNames
):
    older = {key: kind for key, kind in elasticsearch_fields().items() if "orphaned" not in key}
    connection = Connection(urls=[SecretText(elasticsearch.url)], timeout=20 * SECOND)
    first = ElasticsearchSink("es", connection, older, names=names)
    await first.open()
    sink = ElasticsearchSink("es", connection, elasticsearch_fields(), names=names, install=False)
    chain = there_and_back()
    for _ in range(2):  # the second time as after a crash
        async with asyncio.timeout(20):
            await sink.deliver(flat(documents("events", chain.messages)))
        assert orphaned(elasticsearch, names) == dict.fromkeys(ids(chain.messages[2]), True)
    await sink.close()


async def told() -> tuple[ForkedChain, list[Alert | AlertUpdate]]:
    chain = there_and_back()
    chain.fork(1)
    chain.grow("a")
    rules = parse_rules(RULES.encode())
    sink, _ = await run(chain.messages, lambda: Engine(rules), lambda _: False)
    return chain, sink.told


async def test_retracted_and_reinstated_alerts_are_marked_in_elasticsearch(
    elasticsearch: ElasticsearchServer, elastic: ElasticsearchSink, names: StreamNames
):
    _, lines = await told()
    updates = [one for one in lines if isinstance(one, AlertUpdate)]
    batches = documents("alerts", [lines])
    for _ in range(2):
        await elastic.deliver(flat(batches))
        with elasticsearch.client() as client:
            stream = names.stream("alerts")
            client.indices.refresh(index=stream)
            hits = client.search(index=stream, size=100)["hits"]["hits"]
        by_id = {hit["_id"]: hit["_source"] for hit in hits}
        assert len(by_id) == len(hits) == len(lines)
        for one in lines:
            if isinstance(one, AlertUpdate):
                assert by_id[one.id]["event"]["action"] == "alert-update"
                continue
            last = [update for update in updates if update.alert_id == one.id][-1:]
            mark = by_id[one.id]["surveillance"].get("alert", {})
            assert mark.get("status") == (last[0].status if last else None)
            assert mark.get("status_reason") == (last[0].reason if last else None)


async def test_an_alert_that_is_amended_again_says_in_elasticsearch_how_it_stands_now(
    elasticsearch: ElasticsearchServer, elastic: ElasticsearchSink, names: StreamNames
):
    tape = Tape()
    trades = [
        tape.trade(minutes * 60_000, 10.0, 5.0, buyer_account="a", seller_account="a")
        for minutes in range(2)
    ]
    busts = [revised(TradeBusted, one, 300_000) for one in trades]
    lane, lines = Lane().engine, list[Alert | AlertUpdate]()
    for place, records in enumerate((trades, *([bust] for bust in busts)), 1):
        lines += await lane.take(place, Taken(list(records), True))
    alert, *updates = lines
    assert [one.status for one in updates if isinstance(one, AlertUpdate)] == ["amended"] * 2
    for _ in range(2):  # the second time as after a crash
        for batch in documents("alerts", [[one] for one in lines]):
            await elastic.deliver(batch)
        with elasticsearch.client() as client:
            stream = names.stream("alerts")
            client.indices.refresh(index=stream)
            (hit,) = client.search(index=stream, query={"ids": {"values": [alert.id]}})["hits"][
                "hits"
            ]
        mark = hit["_source"]["surveillance"]["alert"]
        assert mark["status"] == "amended"
        assert mark["status_reason"].endswith("all 2 were busted")


def sink_below(folder: Path) -> FileSink:
    return FileSink("files", folder, rotate_size=MIB, rotate_after=HOUR)


def hash_of(message: list[Record]) -> str:
    block = message[0]
    assert isinstance(block, Block)
    assert block.block_hash is not None
    return block.block_hash


def lines_of(folder: Path) -> list[str]:
    return [
        msgspec.json.decode(line)["event"]["id"]
        for file in sorted(folder.glob("*.ndjson"))
        for line in file.read_bytes().splitlines()
    ]


@pytest.mark.parametrize("crash", range(8))
async def test_an_event_that_comes_back_is_a_line_again_however_often_it_is_delivered(
    tmp_path: Path, crash: int
):
    chain = there_and_back()
    chain.fork(1)
    chain.grow("a")
    batches = documents("events", chain.messages)
    expected = [record.id for message in chain.messages for record in message]
    first = sink_below(tmp_path)
    for batch in batches[:crash]:
        await first.deliver(batch)
    await first.close()
    # After a crash all comes again, since no position was saved.
    second = sink_below(tmp_path)
    for batch in batches:
        again = [msgspec.structs.replace(document, redelivered=True) for document in batch]
        await second.deliver(again)
    await second.close()
    assert lines_of(tmp_path / "events") == expected


async def test_a_timeline_from_files_shows_what_was_retracted_and_orphaned(tmp_path: Path):
    chain, lines = await told()
    sink = sink_below(tmp_path)
    await sink.deliver(flat(documents("events", chain.messages)))
    await sink.deliver(flat(documents("alerts", [lines])))
    await sink.close()
    alerts = [one for one in lines if isinstance(one, Alert) and one.rule_name.startswith("A la")]
    found = {alert.block_hash: timeline(alert.id, tmp_path) for alert in alerts}
    left, back = hash_of(chain.messages[4]), hash_of(chain.messages[6])
    assert left != back
    orphan, again = found[left], found[back]
    assert orphan.update is not None
    assert orphan.update.status == "retracted"
    assert [entry.orphaned for entry in orphan.entries] == [True]
    assert again.update is not None
    assert again.update.status == "reinstated"
    assert [entry.orphaned for entry in again.entries] == [False]
    shown = Console(width=200, record=True, file=StringIO())
    for one in (orphan, again):
        print_timeline(one, shown)
    text = shown.export_text()
    assert "retracted: chain 31337 left its branch after block 2" in text
    assert "reinstated: chain 31337 left its branch" in text
    assert text.count("orphaned: its block left the chain") == 1
    (untouched,) = [one for one in found.values() if one is not orphan and one is not again]
    assert untouched.update is None
