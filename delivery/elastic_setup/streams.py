"""Data streams that exist: a template is for new indices only, so what changes reaches them apart.

A field that is new is added to the mappings of all their indices. A field whose type changed can't
be: the data stream rolls over, so that its next index has the new type, and older documents stay
where they are, searchable as before. Settings and life cycles are changed in place.

A reduced distribution lacks the REST interface of data streams, but has the streams: a first
document makes one, and it rolls over as any other. So there is no need of aliases there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from elasticsearch import NotFoundError
from msgspec import Struct, field

from delivery.elastic_setup.difference import definition, flat_settings
from delivery.elastic_setup.lacking import Lacking
from delivery.elastic_setup.resources import Wanted
from delivery.elastic_setup.rest import Rest, found
from delivery.templates import Data, composed_of, templates

#: Settings that are ours to change in place.
_OURS = (
    "index.default_pipeline",
    "index.lifecycle.name",
    "index.lifecycle.prefer_ilm",
    "index.query.default_field",
)
#: Of a field's mapping, what can be changed in place.
_CHANGEABLE = frozenset(("ignore_above", "meta"))


class FieldChange(Struct, frozen=True, kw_only=True):
    """A field that an index has in another way than the template."""

    field: str
    before: str
    after: str


class StreamChange(Struct, frozen=True, kw_only=True):
    """What is to be done to a data stream that exists."""

    stream: str
    #: Index by index, the fields that it gets.
    extended: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    #: What the index that is written now has in another way: it rolls over.
    changed: tuple[FieldChange, ...] = ()
    #: Settings and what they become; None: removed.
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    #: The life cycle, before and after; None after: it is left as it is.
    lifecycle_before: dict[str, Any] | None = None
    lifecycle: dict[str, Any] | None = None

    @property
    def rolls_over(self) -> bool:
        return bool(self.changed)

    def __bool__(self) -> bool:
        return bool(self.extended or self.changed or self.settings or self.lifecycle is not None)


class _Expected(Struct):
    properties: dict[str, Any]
    dynamic_templates: list[Any]
    settings: dict[str, Any]
    lifecycle: dict[str, Any] | None


async def stream_changes(
    rest: Rest, wanted: Wanted, lacking: Lacking
) -> tuple[list[StreamChange], list[str]]:
    """What is to be done, and what a person should know. Raises ApiError and TransportError."""
    changes: list[StreamChange] = []
    notes: list[str] = []
    for data in wanted.data:
        stream = wanted.names.stream(data)
        indices = await _mappings(rest, stream)
        if not indices:
            continue
        expected = await _expected(rest, wanted, data, lacking)
        extended, changed = _fields(indices, expected.properties)
        held, lifecycle = None, None
        if expected.lifecycle is not None and not lacking.data_stream_lifecycle:
            held, effective = await _lifecycle(rest, stream)
            lifecycle = expected.lifecycle if held != expected.lifecycle else None
            if effective is not None:
                notes.append(f"{stream}: {effective}")
        changes.append(
            StreamChange(
                stream=stream,
                extended=extended,
                changed=tuple(changed),
                settings=await _settings(rest, stream, expected.settings, wanted),
                lifecycle_before=held,
                lifecycle=lifecycle,
            )
        )
    return [change for change in changes if change], notes


async def change_stream(
    rest: Rest, change: StreamChange, wanted: Wanted, lacking: Lacking, *, roll_over: bool
) -> list[str]:
    """Do it. Returns what a person should know. Raises ApiError and TransportError."""
    data: Data = next(one for one in wanted.data if wanted.names.stream(one) == change.stream)
    expected = await _expected(rest, wanted, data, lacking)
    said: list[str] = []
    for index, names in change.extended.items():
        body = {
            "dynamic_templates": expected.dynamic_templates,
            "properties": _only(expected.properties, names),
        }
        await rest.ask("PUT", f"/{index}/_mapping", body)
    if change.settings:
        await rest.ask("PUT", f"/{change.stream}/_settings", dict(change.settings))
    if change.lifecycle is not None:
        await rest.ask("PUT", f"/_data_stream/{change.stream}/_lifecycle", change.lifecycle)
    if change.rolls_over:
        fields = ", ".join(one.field for one in change.changed[:5])
        if roll_over:
            await rest.ask("POST", f"/{change.stream}/_rollover")
        else:
            said.append(
                f"{change.stream} keeps its old mapping of {fields} until it rolls over: run "
                f"`tapewatch setup elastic`, or POST {change.stream}/_rollover"
            )
    return said


async def _mappings(rest: Rest, stream: str) -> dict[str, dict[str, Any]]:
    """Mapping by backing index, oldest first."""
    try:
        answer: dict[str, Any] = await rest.ask("GET", f"/{stream}/_mapping")
    except NotFoundError:
        return {}
    # The generation ends each name, and the date before it only grows.
    ordered = sorted(answer, key=lambda name: name.rpartition("-")[2])
    return {name: answer[name]["mappings"] for name in ordered}


async def _expected(rest: Rest, wanted: Wanted, data: Data, lacking: Lacking) -> _Expected:
    """As the next index will be: our templates, and over them what an administrator put."""
    every = templates(wanted.names, wanted.fields, wanted.retention, lacking, wanted.data)
    bodies = {one.name: one.body["template"] for one in every if one.component}
    merged: dict[str, Any] = {}
    for name in composed_of(wanted.names, data):
        body = bodies.get(name)
        if body is None:
            answer = await found(rest, f"/_component_template/{name}")
            held = definition("component template", name, answer) if answer else None
            body = held["template"] if held else dict[str, Any]()
        settings = flat_settings(body.get("settings", {}))
        flat = {k if k.startswith("index.") else f"index.{k}": v for k, v in settings.items()}
        merged = _merged(merged, {**body, "settings": flat})
    mappings = merged.get("mappings", {})
    return _Expected(
        properties=mappings.get("properties", {}),
        dynamic_templates=mappings.get("dynamic_templates", []),
        settings=merged.get("settings", {}),
        lifecycle=merged.get("lifecycle"),
    )


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(
                cast("Mapping[str, Any]", below), cast("Mapping[str, Any]", value)
            )
        else:
            merged[key] = value
    return merged


def _fields(
    indices: Mapping[str, Mapping[str, Any]], properties: Mapping[str, Any]
) -> tuple[dict[str, list[str]], list[FieldChange]]:
    """Fields that each index lacks, and those that the newest has in another way."""
    wanted = _leaves(properties)
    extended: dict[str, list[str]] = {}
    changed: list[FieldChange] = []
    for number, (index, mapping) in enumerate(indices.items(), start=1):
        held = _leaves(mapping.get("properties", {}))
        objects = {name.rpartition(".")[0] for name in held}
        missing: list[str] = []
        for name, leaf in wanted.items():
            there = held.get(name)
            if there is None:
                # A leaf where there is an object, or an object where there is a leaf.
                blocked = name in objects or any(above in held for above in _above(name))
                if not blocked:
                    missing.append(name)
                    continue
                before, differs = "an object" if name in objects else "below a field", True
            else:
                before = _said(there)
                differs = _fixed(there) != _fixed(leaf)
            if differs and number == len(indices):
                changed.append(FieldChange(field=name, before=before, after=_said(leaf)))
        if missing:
            extended[index] = missing
    return extended, changed


def _above(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _leaves(properties: Mapping[str, Any], prefix: str = "") -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for name, mapping in properties.items():
        path = f"{prefix}{name}"
        inner = mapping.get("properties")
        # An object that takes what comes has its fields from the documents: they are no leaves.
        if inner is not None and mapping.get("dynamic") not in (True, "true"):
            found |= _leaves(inner, f"{path}.")
        else:
            found[path] = mapping
    return found


def _fixed(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """What of a field's mapping can't be changed in place, in one form."""
    kept = {k: v for k, v in mapping.items() if k not in _CHANGEABLE and k != "properties"}
    if kept.get("dynamic") is not None:
        kept["dynamic"] = str(kept["dynamic"]).lower()
        kept.setdefault("type", "object")
    return kept


def _said(mapping: Mapping[str, Any]) -> str:
    kept = _fixed(mapping)
    kind = str(kept.pop("type", "object"))
    rest = ", ".join(f"{key}: {str(value).lower()}" for key, value in sorted(kept.items()))
    return f"{kind} ({rest})" if rest else kind


def _only(properties: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    leaves = _leaves(properties)
    chosen: dict[str, Any] = {}
    for name in names:
        *parents, leaf = name.split(".")
        level = chosen
        for parent in parents:
            level = level.setdefault(parent, {}).setdefault("properties", {})
        level[leaf] = leaves[name]
    return chosen


async def _settings(
    rest: Rest, stream: str, expected: Mapping[str, Any], wanted: Wanted
) -> dict[str, Any]:
    """Those of ours that an index has in another way."""
    answer: dict[str, Any] = await rest.ask("GET", f"/{stream}/_settings?flat_settings=true")
    changed: dict[str, Any] = {}
    for held in (one["settings"] for one in answer.values()):
        for name in _OURS:
            now, then = held.get(name), expected.get(name)
            ours = str(now).startswith(wanted.names.prefix) or name.endswith("prefer_ilm")
            if now == then or (then is None and not ours):
                continue
            changed[name] = then
    return changed


async def _lifecycle(rest: Rest, stream: str) -> tuple[dict[str, Any] | None, str | None]:
    """The life cycle as it was put, and a sentence where the cluster's own limits override it."""
    answer = await found(rest, f"/_data_stream/{stream}/_lifecycle")
    listed: list[dict[str, Any]] = answer["data_streams"] if answer else []
    held: dict[str, Any] | None = listed[0].get("lifecycle") if listed else None
    if held is None:
        return None, None
    put: dict[str, Any] = {
        key: held[key] for key in ("enabled", "data_retention", "downsampling") if key in held
    }
    said = None
    if held.get("retention_determined_by") == "max_global_retention":
        said = (
            f"the cluster keeps no document longer than {held.get('effective_retention')}, "
            "whatever is configured here: see `data_streams.lifecycle.retention.max`"
        )
    return put, said
