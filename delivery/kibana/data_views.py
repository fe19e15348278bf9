"""A data view as Kibana keeps it: labels, links and runtime fields are JSON within JSON.

Source: elastic/kibana, `src/platform/plugins/shared/data_views` and the URL formatter in
`src/platform/plugins/shared/field_formats/common/converters/url.ts`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from delivery.kibana.links import Links
from delivery.kibana.source import DataView, RuntimeField


def data_view_attributes(view: DataView, links: Links) -> dict[str, Any]:
    """The attributes of an `index-pattern` saved object."""
    formats = {
        name: {
            "id": "url",
            "params": {
                "type": "a",
                "urlTemplate": links.template(link),
                "labelTemplate": "Open" if link == "explorer" else "{{value}}",
                "openLinkInCurrentTab": False,
            },
        }
        for name, link in view.links.items()
    }
    labels = {name: {"customLabel": label} for name, label in view.labels.items()}
    for name, one in view.runtime.items():
        labels[name] = {"customLabel": one.label}
        if one.description:
            labels[name]["customDescription"] = one.description
    return {
        "title": pattern(view, links),
        "name": view.name,
        "timeFieldName": "@timestamp",
        "allowNoIndex": True,
        "sourceFilters": "[]",
        "fieldAttrs": _json(labels),
        "fieldFormatMap": _json(formats),
        "fields": "[]",
        "runtimeFieldMap": _json(runtime_mappings(view, links)),
        "typeMeta": "{}",
    }


def pattern(view: DataView, links: Links) -> str:
    """The data streams that it reads."""
    return view.pattern.replace("NAMESPACE", links.namespace)


def runtime_mappings(view: DataView, links: Links) -> dict[str, Any]:
    """The runtime fields, as Elasticsearch takes them in `runtime_mappings`."""
    return {
        name: {"type": one.type, "script": {"source": _script(one, links)}}
        for name, one in view.runtime.items()
    }


def field_types(views: Sequence[DataView], fields: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Elasticsearch's type of all fields, runtime ones among them, by data view."""
    return {
        view.id: {**fields, **{name: one.type for name, one in view.runtime.items()}}
        for view in views
    }


def _script(one: RuntimeField, links: Links) -> str:
    explorers = links.all_explorers()
    transactions = {chain: pages[0] for chain, pages in explorers.items()}
    addresses = {chain: pages[1] for chain, pages in explorers.items()}
    return (
        one.script.strip()
        .replace("@EXPLORER_TRANSACTIONS@", _painless_map(transactions))
        .replace("@EXPLORER_ADDRESSES@", _painless_map(addresses))
    )


def _painless_map(pages: Mapping[str, str]) -> str:
    """A map literal of Painless. The configuration allows neither quotes nor backslashes in it."""
    items = ", ".join(f"'{chain}': '{page}'" for chain, page in sorted(pages.items()))
    return f"[{items}]"


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
