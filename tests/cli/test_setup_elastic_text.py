"""What `tapewatch setup elastic` says of an upgrade: for people, held against a file."""

import pytest

from delivery.elastic_setup.plan import apply, plan
from delivery.elastic_setup.resources import Wanted
from delivery.elastic_setup.retention import Retention
from delivery.elastic_setup.running import Outcome
from delivery.elasticsearch_client import Server
from delivery.templates import StreamNames
from pipeline.cli.setup_elastic_text import as_data, said
from pipeline.units import DAY
from tests.cli.golden_file import assert_golden
from tests.servers.elasticsearch.whole import WholeDistribution

NAMES = StreamNames()
SERVER = Server(version="9.4.3", cluster="surveillance")
OLDER = {"@timestamp": "date_nanos", "token.id": "long", "rule.name": "keyword"}
NEWER = {"@timestamp": "date_nanos", "token.id": "keyword", "surveillance.score": "double"}


def wanted(fields: dict[str, str], days: int) -> Wanted:
    kept = Retention(keep={"alerts": days * DAY})
    return Wanted(names=NAMES, fields=fields, retention=kept, data=("alerts",), roles=True)


async def upgrade() -> Outcome:
    """Of a server that has an older version, a role that was widened and a foreign pipeline."""
    stream = NAMES.stream("alerts")
    server = WholeDistribution(stream, lifecycle={"enabled": True})
    older = wanted(OLDER, 0)
    await apply(server, await plan(server, SERVER, older), older)
    server.mapping = {"properties": {"token": {"properties": {"id": {"type": "long"}}}}}
    server.held[f"_security/role/{NAMES.role('auditor')}"]["cluster"] = ["all"]
    del server.held[f"_security/role/{NAMES.role('writer')}"]
    server.held[f"_ingest/pipeline/{NAMES.pipeline('alerts')}"] = {"processors": []}
    todo = await plan(server, SERVER, wanted(NEWER, 30))
    return Outcome(plan=todo, done=False, remains=[])


async def test_it_is_told_line_by_line() -> None:
    assert_golden("setup_elastic.txt", "\n".join(said("elastic", await upgrade())) + "\n")


async def test_machines_are_told_the_same() -> None:
    told = as_data("elastic", await upgrade())
    changes = {one["name"]: one["action"] for one in told["changes"]}
    assert changes[NAMES.role("writer")] == "create"
    assert changes[NAMES.role("auditor")] == "update"
    (stream,) = told["data_streams"]
    assert stream["rolls_over"]
    assert told["foreign"] == [f"ingest pipeline {NAMES.pipeline('alerts')}"]
    assert not told["done"]


@pytest.mark.parametrize("char", ["\x1b[31m", "\x07"])
async def test_what_a_server_says_does_not_command_the_terminal(char: str) -> None:
    outcome = await upgrade()
    outcome.plan.notes.append(f"a note{char}")
    assert char not in "\n".join(said("elastic", outcome))
