"""A set-up of a server that has ILM and the life cycles of data streams: by a double of one."""

from typing import Any

import msgspec
import pytest

from delivery.elastic_setup.lacking import Lacking
from delivery.elastic_setup.plan import Plan, apply, plan
from delivery.elastic_setup.resources import Wanted
from delivery.elastic_setup.retention import Retention, elastic_size, elastic_time
from delivery.elasticsearch_client import Server
from delivery.templates import DATA, StreamNames
from pipeline.units import DAY, GIB, HOUR, MINUTE
from tests.servers.elasticsearch.whole import WholeDistribution

FIELDS = {"@timestamp": "date_nanos", "message": "text"}
NAMES = StreamNames()
SERVER = Server(version="9.4.3", cluster="whole")
KEEP = {"events": 1_827 * DAY, "alerts": 2_192 * DAY, "cases": 2_192 * DAY, "audit": 0}
EVENTS = NAMES.stream("events")


def wanted(**retention: Any) -> Wanted:
    kept = msgspec.structs.replace(Retention(keep=KEEP), **retention)
    return Wanted(names=NAMES, fields=FIELDS, retention=kept, roles=True)


async def run(server: WholeDistribution, what: Wanted) -> tuple[Plan, list[str]]:
    todo = await plan(server, SERVER, what)
    return todo, await apply(server, todo, what)


@pytest.mark.parametrize("by", ["data_stream", "ilm"])
async def test_nothing_is_left_out_and_a_second_run_changes_nothing(by: str):
    server = WholeDistribution()
    first, _ = await run(server, wanted(by=by))
    assert first.left_out == []
    policies = [c for c in first.changes if c.resource.kind == "ILM policy"]
    assert len(policies) == (len(DATA) if by == "ilm" else 0)
    again, _ = await run(server, wanted(by=by))
    assert not again
    assert len(again.unchanged) == len(first.changes)


async def test_life_cycles_of_data_streams_hold_the_periods():
    server = WholeDistribution()
    await run(server, wanted())
    held = {
        data: server.held[f"_component_template/{NAMES.data_settings(data)}"]["template"]
        for data in DATA
    }
    assert held["events"]["lifecycle"] == {"enabled": True, "data_retention": "1827d"}
    assert held["alerts"]["lifecycle"] == {"enabled": True, "data_retention": "2192d"}
    assert held["audit"]["lifecycle"] == {"enabled": True}  # for good
    assert held["events"]["settings"] == {"index": {"default_pipeline": NAMES.pipeline("events")}}


async def test_ilm_holds_the_periods_and_waits_for_a_snapshot():
    server = WholeDistribution()
    await run(server, wanted(warm_after=90 * DAY, snapshot_policy="nightly"))
    policy = server.held[f"_ilm/policy/{NAMES.policy('alerts')}"]["policy"]["phases"]
    assert policy["hot"]["actions"]["rollover"] == {
        "max_age": "30d",
        "max_primary_shard_size": "50gb",
    }
    assert policy["warm"]["min_age"] == "90d"
    assert policy["delete"] == {
        "min_age": "2192d",
        "actions": {
            "delete": {"delete_searchable_snapshot": True},
            "wait_for_snapshot": {"policy": "nightly"},
        },
    }
    assert "delete" not in server.held[f"_ilm/policy/{NAMES.policy('audit')}"]["policy"]["phases"]
    template = server.held[f"_component_template/{NAMES.data_settings('alerts')}"]["template"]
    assert template["settings"]["index"]["lifecycle"] == {
        "name": NAMES.policy("alerts"),
        "prefer_ilm": True,
    }


async def test_a_serverless_one_keeps_by_the_life_cycles_of_data_streams():
    server = WholeDistribution(serverless=True)
    todo, _ = await run(server, wanted())
    assert not any(c.resource.kind == "ILM policy" for c in todo.changes)
    body = server.held[f"_component_template/{NAMES.data_settings('events')}"]
    assert body["template"]["lifecycle"]["data_retention"] == "1827d"
    assert todo.left_out == []


async def test_the_life_cycle_of_a_data_stream_that_exists_is_changed_in_place():
    server = WholeDistribution(EVENTS, lifecycle={"enabled": True})
    todo, _ = await run(server, wanted())
    (stream,) = todo.streams
    assert stream.lifecycle_before == {"enabled": True}
    assert server.lifecycle == {"enabled": True, "data_retention": "1827d"}
    assert server.settings["index.default_pipeline"] == NAMES.pipeline("events")
    assert not (await run(server, wanted()))[0]


async def test_a_data_stream_goes_from_its_life_cycle_to_ilm_and_back():
    server = WholeDistribution(EVENTS, lifecycle={"enabled": True})
    await run(server, wanted(by="ilm"))
    assert server.settings["index.lifecycle.name"] == NAMES.policy("events")
    assert server.settings["index.lifecycle.prefer_ilm"] == "true"
    await run(server, wanted(by="data_stream"))
    assert server.settings["index.lifecycle.name"] is None
    assert server.lifecycle == {"enabled": True, "data_retention": "1827d"}


async def test_that_the_cluster_deletes_earlier_is_said():
    server = WholeDistribution(EVENTS)
    server.most_retention = "90d"
    await run(server, wanted())
    todo, _ = await run(server, wanted())
    assert any("no document longer than 90d" in note for note in todo.notes)


async def test_that_ilm_is_stopped_and_a_version_unknown_is_said():
    server = WholeDistribution()
    server.ilm = "STOPPED"
    todo = await plan(server, Server(version="10.1.0"), wanted(by="ilm"))
    assert any("POST /_ilm/start" in note for note in todo.notes)
    assert any("10.0" in note for note in todo.notes)


@pytest.mark.parametrize(
    ("retention", "lacking", "keeper"),
    [
        ({}, Lacking(), "data_stream"),
        ({}, Lacking(data_stream_lifecycle=True), "ilm"),
        ({}, Lacking(data_stream_lifecycle=True, ilm=True), "none"),
        ({"warm_after": DAY}, Lacking(), "ilm"),
        ({"by": "ilm"}, Lacking(), "ilm"),
        ({"by": "ilm"}, Lacking(ilm=True), "none"),
        ({"by": "none"}, Lacking(), "none"),
    ],
)
def test_what_keeps_is_chosen_by_what_the_server_has(
    retention: dict[str, Any], lacking: Lacking, keeper: str
):
    assert Retention(**retention).keeper(lacking) == keeper


def test_too_short_a_period_is_doubted_with_the_law():
    (doubt,) = Retention(keep={"events": DAY, "alerts": 30 * DAY, "cases": 0}).doubts(Lacking())
    assert "alerts are kept for 30d" in doubt
    assert "2016/957" in doubt


def test_periods_and_sizes_are_written_as_elasticsearch_does():
    assert [elastic_time(n) for n in (36 * HOUR, 2 * DAY, 90 * MINUTE)] == ["36h", "2d", "90m"]
    assert [elastic_size(n) for n in (50 * GIB, 1_000)] == ["50gb", "1000b"]
