"""Elasticsearch mappings, from the types of the fields in the taxonomy."""

from collections.abc import Mapping
from typing import Any

#: Longer keywords are kept in the document, but not indexed: as in ECS.
_KEYWORD_LENGTH = 1024

#: ECS's own type for `message`, and what stands in for it where a server lacks it.
_TEXT = "match_only_text"
_CONSTANT = "constant_keyword"

_TYPES: Mapping[str, Mapping[str, Any]] = {
    "keyword": {"type": "keyword", "ignore_above": _KEYWORD_LENGTH},
    "text": {"type": _TEXT},
    "date_nanos": {"type": "date_nanos"},
    "date": {"type": "date"},
    "long": {"type": "long"},
    "double": {"type": "double"},
    "float": {"type": "float"},
    "boolean": {"type": "boolean"},
    "ip": {"type": "ip"},
    # Kept in the document, neither searched nor grouped by.
    "binary_text": {"type": "keyword", "index": False, "doc_values": False},
    # Names come with the rules: each becomes a double of its own.
    "float_map": {"type": "object", "dynamic": True},
}

#: What a server may lack, and what takes its place; None leaves the field out.
FALLBACKS: Mapping[str, str | None] = {_TEXT: "text", _CONSTANT: None}


class UnknownFieldType(Exception):
    """The taxonomy has a type that no mapping was written for."""


def mappings(
    fields: Mapping[str, str], constants: Mapping[str, str], missing: frozenset[str]
) -> dict[str, Any]:
    """The `mappings` of a template: `fields` by dotted name and type, `constants` by value.

    Fields that are not listed are kept in the document and not indexed (`dynamic: false`), so that
    no document is refused because it is newer than its template. `missing` are the field types
    that the server doesn't have.
    """
    properties: dict[str, Any] = {}
    dynamic_templates: list[dict[str, Any]] = []
    for name, kind in sorted(fields.items()):
        mapping = _TYPES.get(kind)
        if mapping is None:
            raise UnknownFieldType(f"{name} has the type {kind}, which has no mapping")
        _put(properties, name, dict(mapping), missing)
        if kind == "float_map":
            template = {"path_match": f"{name}.*", "mapping": {"type": "double"}}
            dynamic_templates.append({name: template})
    for name, value in constants.items():
        _put(properties, name, {"type": _CONSTANT, "value": value}, missing)
    return {
        "dynamic": False,
        "date_detection": False,
        "dynamic_templates": dynamic_templates,
        "properties": properties,
    }


def _put(
    properties: dict[str, Any], name: str, mapping: dict[str, Any], missing: frozenset[str]
) -> None:
    if mapping["type"] in missing:
        instead = FALLBACKS.get(mapping["type"])
        if instead is None:
            return
        mapping = {"type": instead}
    *parents, leaf = name.split(".")
    level = properties
    for parent in parents:
        level = level.setdefault(parent, {}).setdefault("properties", {})
    level[leaf] = mapping
