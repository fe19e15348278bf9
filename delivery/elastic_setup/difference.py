"""What differs between what is on the server and what should be, path by path.

A server gives back more than was put, and in other forms: defaults, times of the last change,
settings as texts. None of that is a difference.
"""

from collections.abc import Mapping
from typing import Any, cast

from msgspec import Struct

from delivery.elastic_setup.resources import Kind

#: Added by the server.
_ADDED = frozenset(
    (
        "created_date",
        "created_date_millis",
        "modified_date",
        "modified_date_millis",
        "transient_metadata",
        "version",
    )
)
#: What is meant where nothing is said.
_DEFAULTS: dict[str, Any] = {
    "aliases": {},
    "allow_custom_routing": False,
    "allow_restricted_indices": False,
    "field_security": {},
    "hidden": False,
    "ignore_missing_component_templates": [],
    "run_as": [],
}
#: In which order they stand says nothing.
_SETS = frozenset(("names", "privileges", "resources"))


class Difference(Struct, frozen=True, kw_only=True):
    """One place that differs. None: there is nothing at it."""

    path: str
    before: Any = None
    after: Any = None


def differences(
    kind: Kind, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[Difference]:
    """By path. `before` as `definition` gives it, `after` as it is put."""
    old, new = _flat(_normal(kind, before)), _flat(_normal(kind, after))
    return [
        Difference(path=path, before=old.get(path), after=new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def definition(kind: Kind, name: str, answer: Any) -> dict[str, Any] | None:
    """What the server holds, out of its answer; None where it holds none of this name."""
    match kind:
        case "component template":
            listed = answer.get("component_templates", [])
            return listed[0]["component_template"] if listed else None
        case "index template":
            listed = answer.get("index_templates", [])
            return listed[0]["index_template"] if listed else None
        case "ILM policy":
            held = answer.get(name)
            return {"policy": held["policy"]} if held else None
        case "ingest pipeline" | "role":
            return answer.get(name)


def is_ours(kind: Kind, held: Mapping[str, Any]) -> bool:
    """Whether Tapewatch has written it."""
    match kind:
        case "role":
            meta = held.get("metadata")
        case "ILM policy":
            meta = held["policy"].get("_meta")
        case _:
            meta = held.get("_meta")
    return isinstance(meta, Mapping) and cast("dict[str, Any]", meta).get("managed_by") == (
        "tapewatch"
    )


def kept(kind: Kind, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What to put, with what an administrator has added and may: a role's other applications."""
    if kind != "role":
        return dict(wanted)
    ours: list[dict[str, Any]] = list(wanted["applications"])
    theirs = [
        one for one in held.get("applications", []) if not any(_covers(one, mine) for mine in ours)
    ]
    return {**wanted, "applications": [*ours, *theirs]}


def _covers(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    """Whether an entry is the one that we wrote, perhaps by an earlier version."""
    return (theirs["application"], sorted(theirs["resources"])) == (
        mine["application"],
        sorted(mine["resources"]),
    )


def _normal(kind: Kind, body: Mapping[str, Any]) -> dict[str, Any]:
    normal = _without_defaults({k: v for k, v in body.items() if k not in _ADDED})
    if kind in ("component template", "index template"):
        if isinstance(template := normal.get("template"), Mapping):
            held = _without_defaults(cast("Mapping[str, Any]", template))
            if isinstance(settings := held.get("settings"), Mapping):
                held["settings"] = _settings(cast("Mapping[str, Any]", settings))
            normal["template"] = held
        if isinstance(stream := normal.get("data_stream"), Mapping):
            normal["data_stream"] = _without_defaults(cast("Mapping[str, Any]", stream))
    if kind == "role":
        normal["cluster"] = sorted(normal.get("cluster", []))
        for key in ("indices", "applications"):
            entries = [_entry(one) for one in normal.get(key, [])]
            normal[key] = sorted(entries, key=repr)
    return normal


def _without_defaults(body: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in body.items() if k not in _DEFAULTS or v != _DEFAULTS[k]}


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Of a role. In which order names and privileges stand says nothing."""
    return {k: sorted(v) if k in _SETS else v for k, v in _without_defaults(entry).items()}


def _settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Flat, with `index.` before each, and texts: as the server holds them."""
    flat: dict[str, Any] = {}
    for path, value in flat_settings(settings).items():
        flat[path if path.startswith("index.") else f"index.{path}"] = value
    return flat


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by dotted name, each a text or a list of texts."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flat_settings(cast("Mapping[str, Any]", value), f"{path}.")
        elif isinstance(value, list):
            flat[path] = [str(item) for item in cast("list[Any]", value)]
        elif isinstance(value, bool):
            flat[path] = str(value).lower()
        else:
            flat[path] = str(value)
    return flat


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Leaves by path; an empty object is a leaf, and so is a list of plain values."""
    if isinstance(value, Mapping) and value:
        flat: dict[str, Any] = {}
        for key, item in cast("Mapping[str, Any]", value).items():
            flat |= _flat(item, f"{prefix}.{key}" if prefix else str(key))
        return flat
    if isinstance(value, list) and any(isinstance(i, Mapping) for i in cast("list[Any]", value)):
        flat = {}
        for index, item in enumerate(cast("list[Any]", value)):
            flat |= _flat(item, f"{prefix}[{index}]")
        return flat
    return {prefix: value}
