"""The Splunk app: its files parse, and its searches use fields and macros that exist."""

import configparser
import re
from pathlib import Path

import msgspec
import pytest

from delivery.build import elasticsearch_fields
from normalizer.events.ecs import rfc3339
from pipeline.config.sinks import SplunkHecSink
from tests.delivery.documents import MOMENT, event

APP = Path(__file__).resolve().parents[2] / "splunk" / "tapewatch"


def conf(name: str) -> configparser.RawConfigParser:
    """A .conf file; a stanza or key that stands twice is an error."""
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.optionxform = lambda optionstr: optionstr
    parser.read_string((APP / "default" / f"{name}.conf").read_text(encoding="utf-8"))
    return parser


def searches() -> list[str]:
    found = [conf("macros")[name]["definition"] for name in conf("macros").sections()]
    found += [conf("eventtypes")[name]["search"] for name in conf("eventtypes").sections()]
    found += [conf("savedsearches")[name]["search"] for name in conf("savedsearches").sections()]
    return found


@pytest.mark.parametrize("search", searches())
def test_every_field_of_a_search_is_one_of_ours(search: str):
    names = re.findall(r"\b([a-z_]+(?:\.[a-z_]+)+)\b", search)
    assert [name for name in names if name not in elasticsearch_fields()] == []


def test_every_macro_that_is_used_is_defined():
    used = {name for search in searches() for name in re.findall(r"`(\w+)`", search)}
    assert used
    assert used <= set(conf("macros").sections())


def test_the_sourcetype_is_the_one_that_the_sink_sends():
    default = next(
        field.default
        for field in msgspec.structs.fields(SplunkHecSink)
        if field.name == "sourcetype"
    )
    assert conf("props").sections() == [default]
    assert all(default in search for search in searches() if "sourcetype" in search)


def test_the_time_of_a_document_is_found_where_the_props_look_for_it():
    props = conf("props")["tapewatch:ecs"]
    body = event(1).body.decode()
    found = re.search(props["TIME_PREFIX"], body)
    assert found is not None
    ahead = body[found.end() : found.end() + int(props["MAX_TIMESTAMP_LOOKAHEAD"])]
    assert ahead.startswith(rfc3339(MOMENT))


def test_the_versions_of_manifest_and_app_agree():
    manifest = msgspec.json.decode((APP / "app.manifest").read_bytes())
    assert manifest["info"]["id"]["version"] == conf("app")["launcher"]["version"]
    assert manifest["info"]["id"]["name"] == conf("app")["package"]["id"] == APP.name


def test_tags_are_on_event_types_that_exist():
    types = {name.partition("=")[2] for name in conf("tags").sections()}
    assert types <= set(conf("eventtypes").sections())
