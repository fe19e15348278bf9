"""What `kibana/` compiles to, taken apart for tests."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from delivery.build import elasticsearch_fields
from delivery.kibana.data_views import field_types
from delivery.kibana.links import Links
from delivery.kibana.reading import read_source
from delivery.kibana.saved_objects import saved_objects
from delivery.kibana.source import Source

FOLDER = Path(__file__).resolve().parents[2] / "kibana"


@cache
def source() -> Source:
    return read_source(FOLDER, elasticsearch_fields())


@cache
def objects() -> tuple[dict[str, Any], ...]:
    return tuple(saved_objects(source(), Links(), elasticsearch_fields()))


@cache
def types() -> dict[str, dict[str, str]]:
    """Elasticsearch's type of each field, by data view."""
    return field_types(source().data_views, elasticsearch_fields())


def of_type(type_: str) -> list[dict[str, Any]]:
    return [one for one in objects() if one["type"] == type_]


def parsed(text: str) -> Any:
    return msgspec.json.decode(text)


def lens_panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each Lens panel's attributes, by dashboard and title."""
    for one in of_type("dashboard"):
        for panel in parsed(one["attributes"]["panelsJSON"]):
            if panel["type"] == "lens":
                name = f"{one['id'].removeprefix('tapewatch-')}: {panel['title']}"
                yield f"{name} ({panel['panelIndex']})", panel["embeddableConfig"]["attributes"]


def vega_specs() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in of_type("visualization"):
        state = parsed(one["attributes"]["visState"])
        if state["type"] == "vega":
            found[one["id"]] = parsed(state["params"]["spec"])
    return found
