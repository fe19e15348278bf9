"""Kibana's saved objects: generated, resolvable, and about fields that we map."""

import re
import runpy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from delivery.build import elasticsearch_fields
from delivery.templates import StreamNames

KIBANA = Path(__file__).resolve().parents[2] / "kibana"
OBJECTS: list[dict[str, Any]] = [
    msgspec.json.decode(line)
    for line in (KIBANA / "saved_objects.ndjson").read_bytes().splitlines()
]
SEARCHES = [one for one in OBJECTS if one["type"] == "search"]


def test_the_file_is_what_its_source_makes():
    build = runpy.run_path(str(KIBANA / "build.py"))
    made = build["saved_objects"](build["read_source"]())
    assert made == (KIBANA / "saved_objects.ndjson").read_bytes(), "run `python kibana/build.py`"


def test_ids_are_unique_and_every_reference_resolves():
    keys = [(one["type"], one["id"]) for one in OBJECTS]
    assert len(set(keys)) == len(keys)
    for one in OBJECTS:
        for reference in one["references"]:
            assert (reference["type"], reference["id"]) in keys, one["id"]


def test_the_data_views_match_the_data_streams():
    patterns = {one["attributes"]["title"] for one in OBJECTS if one["type"] == "index-pattern"}
    names = StreamNames(namespace="*")
    assert patterns == {names.stream("events"), names.stream("alerts")}


@pytest.mark.parametrize("search", SEARCHES, ids=lambda s: s["id"])
def test_the_json_in_a_search_parses_and_names_its_data_view(search: dict[str, Any]):
    inner = search["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"]
    source = msgspec.json.decode(inner)
    assert source["indexRefName"] in {r["name"] for r in search["references"]}
    assert source["query"]["language"] == "kuery"


@pytest.mark.parametrize("search", SEARCHES, ids=lambda s: s["id"])
def test_every_field_of_a_search_is_mapped(search: dict[str, Any]):
    attributes = search["attributes"]
    query = msgspec.json.decode(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    asked = re.findall(r"([\w.@]+)\s*(?:>=|<=|[:<>])", query["query"]["query"])
    used = [*attributes["columns"], *asked, *(name for name, _ in attributes["sort"])]
    assert [name for name in used if name not in elasticsearch_fields()] == []
    assert bool(asked) == bool(query["query"]["query"])
