"""Every sink under injected failures for some seconds: none lost, none twice. See `make faults`."""

from functools import partial

import msgspec
import pytest

from tests.faults import targets
from tests.faults.documents import Arrived, Counted, documents
from tests.faults.published import page
from tests.faults.targets import TRIALS
from tests.faults.trial import Outcome, play
from tests.servers.elasticsearch.server import ElasticsearchServer

#: Documents, and how many are in a batch: some dozens of requests, of which a third have bad luck.
_SIZES = {
    "files": (15_000, 500), "splunk-hec": (6_000, 500), "webhook": (40 * 50, 10),
    "pagerduty": (40 * 100, 10), "slack": (150 * 50, 20), "e-mail": (200 * 50, 40),
}  # fmt: skip


def as_promised(found: Outcome) -> None:
    assert found.as_promised, found
    assert sum(found.faults.values()) >= 3
    assert found.restarts
    assert found.found.distinct == found.documents


@pytest.mark.parametrize("name", sorted(_SIZES))
async def test_nothing_is_lost_and_nothing_is_there_twice_but_under_its_id(name: str) -> None:
    count, batch = _SIZES[name]
    trial = msgspec.structs.replace(TRIALS[name], batch=batch)
    as_promised(await play(trial, count, seed=7, share=0.3, restarts=0.3))


async def test_elasticsearch_holds_each_document_once(elasticsearch: ElasticsearchServer) -> None:
    target = partial(targets.elasticsearch, server=elasticsearch)
    trial = msgspec.structs.replace(TRIALS["elasticsearch"], target=target, batch=150)
    as_promised(await play(trial, 3_000, seed=7, share=0.3, restarts=0.3))


def test_what_is_missing_again_and_strange_is_counted() -> None:
    arrived = Arrived(4)
    for one in ("item-0", "item-2", "item-2", "item-2", "item-4", "order-1", "item--1"):
        arrived.add(one)
    assert arrived.counted() == Counted(distinct=2, lost=2, again=2, strange=3)


def test_one_that_is_twice_breaks_the_promise_of_once_and_one_lost_any() -> None:
    once = Outcome(
        trial="files", what="", promise="once", documents=2, requests=1, restarts=0, refused=0,
        found=Counted(distinct=2, lost=0, again=0, strange=0), seconds=1, seed=1,
    )  # fmt: skip
    assert once.as_promised
    twice = msgspec.structs.replace(once, found=Counted(distinct=2, lost=0, again=1, strange=0))
    assert not twice.as_promised
    assert msgspec.structs.replace(twice, promise="by id").as_promised
    lost = msgspec.structs.replace(once, found=Counted(distinct=1, lost=1, again=0, strange=0))
    assert not msgspec.structs.replace(lost, promise="by id").as_promised
    assert not msgspec.structs.replace(once, refused=1).as_promised
    assert "| **no** |" in page([twice])


def test_documents_are_events_and_alerts_each_with_its_number() -> None:
    made = list(documents(0, 40))
    assert [one.id for one in made if one.content == "alerts"] == ["item-0", "item-20"]
    for one in made:
        assert msgspec.json.decode(one.body)["event"]["id"] == one.id
