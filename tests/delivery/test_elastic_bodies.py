"""Every body that is put on an Elasticsearch, held to the types that Elastic publishes for them.

They are made from Elastic's specification of its REST API, and know each key of ILM policies, data
stream life cycles, templates, ingest pipelines, roles and API keys. TypeScript refuses a key that
isn't among them. It needs a folder with both packages, which nothing else of ours does:

    npm install --prefix FOLDER @elastic/elasticsearch@9.4.3 typescript@5.9
    TAPEWATCH_ELASTIC_TYPES=FOLDER .venv/bin/pytest tests/delivery/test_elastic_bodies.py
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from delivery.build import elasticsearch_fields
from delivery.elastic_setup.lacking import Lacking
from delivery.elastic_setup.resources import Kind, Wanted, resources
from delivery.elastic_setup.retention import Retention
from delivery.elastic_setup.roles import ROLES, needed_privileges, role_body
from delivery.templates import DATA, StreamNames
from pipeline.units import DAY

FOLDER = os.environ.get("TAPEWATCH_ELASTIC_TYPES", "")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="TAPEWATCH_ELASTIC_TYPES names no folder with Elastic's types"
)

#: The request that takes each kind, and what it calls the name.
REQUESTS: dict[Kind, tuple[str, str]] = {
    "ILM policy": ("IlmPutLifecycleRequest", "name"),
    "ingest pipeline": ("IngestPutPipelineRequest", "id"),
    "component template": ("ClusterPutComponentTemplateRequest", "name"),
    "index template": ("IndicesPutIndexTemplateRequest", "name"),
    "role": ("SecurityPutRoleRequest", "name"),
}
KEEP = {"events": 1_827 * DAY, "alerts": 2_192 * DAY, "cases": 2_192 * DAY, "audit": 0}
NAMES = StreamNames()
BY_LIFECYCLE = Retention(keep=KEEP)
BY_ILM = Retention(keep=KEEP, warm_after=90 * DAY, snapshot_policy="nightly")


def requests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Elastic's name of each request, and what it would be."""
    for retention in (BY_LIFECYCLE, BY_ILM):
        wanted = Wanted(names=NAMES, fields=elasticsearch_fields(), retention=retention, roles=True)
        for resource in resources(wanted, Lacking(), (9, 4)):
            request, called = REQUESTS[resource.kind]
            yield request, {called: resource.name, **resource.body}
    for data in DATA:
        lifecycle = BY_LIFECYCLE.data_stream_lifecycle(data)
        yield "IndicesPutDataLifecycleRequest", {"name": NAMES.stream(data), **lifecycle}
    yield "SecurityHasPrivilegesRequest", needed_privileges(NAMES, DATA, roles=True, ilm=True)
    keys = {who: role_body(who, NAMES, (9, 4)) for who in ROLES}
    yield "SecurityCreateApiKeyRequest", {"name": "key", "role_descriptors": keys}


def refusals(folder: Path, source: str) -> str:
    """What TypeScript says against it."""
    (folder / "node_modules").symlink_to(Path(FOLDER).resolve() / "node_modules")
    (folder / "bodies.ts").write_text(source)
    compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
    options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext"]
    done = subprocess.run(
        ["node", compiler, *options, "--target", "es2022", "bodies.ts"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout + done.stderr


def written(bodies: list[tuple[str, dict[str, Any]]]) -> str:
    lines = ['import type { estypes as elastic } from "@elastic/elasticsearch"']
    lines += [
        f"export const of{number}: elastic.{request} = {msgspec.json.encode(body).decode()}"
        for number, (request, body) in enumerate(bodies)
    ]
    return "\n".join(lines)


def test_every_body_is_of_elastics_own_type(tmp_path: Path):
    bodies = [*requests()]
    assert len(bodies) > 40
    assert refusals(tmp_path, written(bodies)) == ""


def test_a_key_that_elastic_does_not_know_is_refused(tmp_path: Path):
    policy = BY_ILM.policy("events")
    policy["phases"]["hot"]["actions"]["rollover"]["max_shard_size"] = "50gb"
    wrong = {"name": "events", "policy": policy}
    assert "max_shard_size" in refusals(tmp_path, written([("IlmPutLifecycleRequest", wrong)]))
