"""Builds Kibana's saved objects from `saved_objects.yaml`: `python kibana/build.py`.

The form of the objects is that of Kibana's export (`POST /api/saved_objects/_export`) with the
model versions of 8.x, which every newer Kibana migrates at the import.
"""

from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

FOLDER = Path(__file__).resolve().parent
SOURCE = FOLDER / "saved_objects.yaml"
TARGET = FOLDER / "saved_objects.ndjson"
_INDEX_REFERENCE = "kibanaSavedObjectMeta.searchSourceJSON.index"


class DataView(Struct, frozen=True, forbid_unknown_fields=True):
    """A data view; its time field is `@timestamp`."""

    id: str
    name: str
    pattern: str


class Search(Struct, frozen=True, forbid_unknown_fields=True):
    """A saved search of Discover, the newest first. `query` is in KQL."""

    id: str
    title: str
    description: str
    data_view: str
    query: str
    columns: list[str]


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of `saved_objects.yaml`."""

    data_views: list[DataView]
    searches: list[Search]


def read_source() -> Source:
    """Raises msgspec.ValidationError where the YAML is not of the form above."""
    return msgspec.convert(yaml.safe_load(SOURCE.read_text(encoding="utf-8")), Source)


def saved_objects(source: Source) -> bytes:
    """The objects as NDJSON, what is referred to before what refers to it."""
    objects = [_data_view(view) for view in source.data_views]
    objects += [_search(search) for search in source.searches]
    return b"".join(msgspec.json.encode(one, order="deterministic") + b"\n" for one in objects)


def _data_view(view: DataView) -> dict[str, Any]:
    return {
        "type": "index-pattern",
        "id": view.id,
        "attributes": {
            "title": view.pattern,
            "name": view.name,
            "timeFieldName": "@timestamp",
            "sourceFilters": "[]",
            "fieldAttrs": "{}",
            "fieldFormatMap": "{}",
            "fields": "[]",
            "runtimeFieldMap": "{}",
            "typeMeta": "{}",
        },
        "references": [],
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": "8.0.0",
    }


def _search(search: Search) -> dict[str, Any]:
    search_source: dict[str, Any] = {
        "query": {"query": search.query, "language": "kuery"},
        "filter": [],
        "indexRefName": _INDEX_REFERENCE,
    }
    return {
        "type": "search",
        "id": search.id,
        "attributes": {
            "title": search.title,
            "description": search.description,
            "columns": search.columns,
            "sort": [["@timestamp", "desc"]],
            "grid": {},
            "hideChart": False,
            "isTextBasedQuery": False,
            "timeRestore": False,
            "kibanaSavedObjectMeta": {
                "searchSourceJSON": msgspec.json.encode(search_source).decode()
            },
        },
        "references": [{"type": "index-pattern", "id": search.data_view, "name": _INDEX_REFERENCE}],
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": "8.0.0",
    }


if __name__ == "__main__":
    TARGET.write_bytes(saved_objects(read_source()))
