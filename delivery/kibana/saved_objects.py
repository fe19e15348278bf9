"""All of a source as saved objects: what Kibana's import takes, one JSON a line.

The form is that of an export (`POST /api/saved_objects/_export`) with model versions of 9.0, which
every newer Kibana migrates at the import. What is referred to comes before what refers to it, but
for dashboards that lead to each other.

Each object says at the end of its description which revision it is. So a second installation knows
what is as it should be, though Kibana has migrated it since, and though somebody arranged panels.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from delivery.kibana.chart import chart
from delivery.kibana.data_views import data_view_attributes, field_types
from delivery.kibana.lens import lens_attributes
from delivery.kibana.links import Links
from delivery.kibana.palette import LEVELS
from delivery.kibana.source import Control, Dashboard, Panel, Search, Source

TAG = "tapewatch"
NAVIGATION = "tapewatch-navigation"
_NAVIGATION_HEIGHT = 3
_INDEX = "kibanaSavedObjectMeta.searchSourceJSON.index"
_REVISION = re.compile(r"\(revision ([0-9a-f]{12})\)$")

SavedObject = dict[str, Any]


def saved_objects(source: Source, links: Links, fields: Mapping[str, str]) -> list[SavedObject]:
    """Every object of a source. `fields`: Elasticsearch's type by dotted name."""
    made = [_tag()]
    for view in source.data_views:
        attributes = data_view_attributes(view, links)
        made.append(_object("index-pattern", view.id, attributes, [], "8.0.0"))
    made += [_search(search) for search in source.searches]
    for name, spec in source.vega.items():
        made.append(_vega(name, spec, links))
    made.append(_navigation(source.dashboards))
    types = field_types(source.data_views, fields)
    made += [_dashboard(one, types) for one in source.dashboards]
    return [_revised(one) for one in made]


def ndjson(objects: Sequence[SavedObject]) -> bytes:
    """As a file to import."""
    return b"".join(msgspec.json.encode(one, order="deterministic") + b"\n" for one in objects)


def revision(attributes: Mapping[str, Any]) -> str | None:
    """The revision that an object's description tells; None where it tells none."""
    found = _REVISION.search(str(attributes.get("description", "")))
    return found[1] if found else None


def _revised(made: SavedObject) -> SavedObject:
    """With its revision, of all types that have a description."""
    if made["type"] == "index-pattern":
        return made
    digest = hashlib.sha256(msgspec.json.encode(made, order="deterministic")).hexdigest()[:12]
    attributes = made["attributes"]
    text = f"{attributes['description']} (revision {digest})"
    return {**made, "attributes": {**attributes, "description": text}}


def _object(
    type_: str,
    id_: str,
    attributes: Mapping[str, Any],
    references: Sequence[Mapping[str, str]],
    version: str,
) -> SavedObject:
    return {
        "type": type_,
        "id": id_,
        "attributes": dict(attributes),
        "references": [dict(one) for one in references],
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": version,
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _tagged() -> dict[str, str]:
    return {"type": "tag", "id": TAG, "name": f"tag-ref-{TAG}"}


def _tag() -> SavedObject:
    attributes = {
        "name": "Tapewatch",
        "description": "Market surveillance of tokenised securities",
        "color": LEVELS["medium"],
    }
    return _object("tag", TAG, attributes, [], "8.0.0")


def _search(search: Search) -> SavedObject:
    inner: dict[str, Any] = {
        "query": {"query": search.query, "language": "kuery"},
        "filter": [],
        "indexRefName": _INDEX,
    }
    attributes = {
        "title": search.title,
        "description": search.description,
        "columns": search.columns,
        "sort": [["@timestamp", "desc"]],
        "grid": {},
        "hideChart": False,
        "isTextBasedQuery": False,
        "timeRestore": False,
        "kibanaSavedObjectMeta": {"searchSourceJSON": _json(inner)},
    }
    references = [{"type": "index-pattern", "id": search.data_view, "name": _INDEX}, _tagged()]
    return _object("search", search.id, attributes, references, "10.5.0")


def vega_id(name: str) -> str:
    """Id of the saved object of a Vega specification."""
    return f"tapewatch-vega-{name}"


def _vega(name: str, spec: str, links: Links) -> SavedObject:
    title = f"Tapewatch: {name.replace('-', ' ')}"
    text = spec.replace("NAMESPACE", links.namespace)
    state: dict[str, Any] = {"title": title, "type": "vega", "aggs": [], "params": {"spec": text}}
    attributes = {
        "title": title,
        "description": f"Vega, from vega/{name}.json",
        "visState": _json(state),
        "uiStateJSON": "{}",
        "version": 1,
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": _json({"query": {"query": "", "language": "kuery"}, "filter": []})
        },
    }
    return _object("visualization", vega_id(name), attributes, [_tagged()], "8.5.0")


def _navigation(dashboards: Sequence[Dashboard]) -> SavedObject:
    """Links to all dashboards, which take time and filters along. Each dashboard begins with it."""
    links: list[dict[str, Any]] = []
    references: list[dict[str, str]] = []
    for number, one in enumerate(dashboards):
        name = f"link_{one.id}_dashboard"
        links.append(
            {
                "id": one.id,
                "type": "dashboardLink",
                "label": one.title.removeprefix("Tapewatch: ").capitalize(),
                "order": number,
                "options": {
                    "openInNewTab": False,
                    "useCurrentDateRange": True,
                    "useCurrentFilters": True,
                },
                "destinationRefName": name,
            }
        )
        references.append({"type": "dashboard", "id": one.id, "name": name})
    attributes = {
        "title": "Tapewatch: all dashboards",
        "description": "Leads from each dashboard to the others",
        "layout": "horizontal",
        "links": links,
    }
    return _object("links", NAVIGATION, attributes, [*references, _tagged()], "10.1.0")


def _dashboard(dashboard: Dashboard, types: Mapping[str, Mapping[str, str]]) -> SavedObject:
    panels: list[dict[str, Any]] = []
    references: list[dict[str, str]] = [_tagged()]
    navigation = {"x": 0, "y": 0, "w": 48, "h": _NAVIGATION_HEIGHT, "i": "navigation"}
    panels.append(_referring("links", navigation))
    references.append({"type": "links", "id": NAVIGATION, "name": "navigation:panel_navigation"})
    for number, panel in enumerate(dashboard.panels):
        index = f"panel{number}"
        x, y, width, height = panel.box
        grid = {"x": x, "y": y + _NAVIGATION_HEIGHT, "w": width, "h": height, "i": index}
        made, referred = _panel(panel, index, grid, types[panel.of])
        panels.append(made)
        references += referred
    controls, referred = _controls(dashboard)
    references += referred
    attributes = {
        "title": dashboard.title,
        "description": dashboard.description,
        "version": 3,
        "panelsJSON": _json(panels),
        "optionsJSON": _json(
            {
                "useMargins": True,
                "syncColors": True,
                "syncCursor": True,
                "syncTooltips": True,
                "hidePanelTitles": False,
            }
        ),
        "timeRestore": True,
        "timeFrom": f"now-{dashboard.last}",
        "timeTo": "now",
        "refreshInterval": {"pause": False, "value": dashboard.refresh * 1000},
        "controlGroupInput": controls,
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": _json({"query": {"query": "", "language": "kuery"}, "filter": []})
        },
    }
    return _object("dashboard", dashboard.id, attributes, references, "10.2.0")


def _referring(type_: str, grid: Mapping[str, Any], title: str = "") -> dict[str, Any]:
    index = grid["i"]
    made: dict[str, Any] = {
        "type": type_,
        "gridData": dict(grid),
        "panelIndex": index,
        "panelRefName": f"panel_{index}",
        "embeddableConfig": {"enhancements": {}},
    }
    return {**made, "title": title} if title else made


def _panel(
    panel: Panel, index: str, grid: Mapping[str, Any], types: Mapping[str, str]
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    if panel.show == "documents":
        reference = {"type": "search", "id": panel.search, "name": f"{index}:panel_{index}"}
        return _referring("search", grid, panel.title), [reference]
    if panel.show == "vega":
        id_ = vega_id(panel.spec)
        reference = {"type": "visualization", "id": id_, "name": f"{index}:panel_{index}"}
        return _referring("visualization", grid, panel.title), [reference]
    made: dict[str, Any] = {
        "type": "visualization" if panel.show == "text" else "lens",
        "gridData": dict(grid),
        "panelIndex": index,
        "title": panel.title,
    }
    if panel.show == "text":
        visualization: dict[str, Any] = {
            "type": "markdown",
            "title": "",
            "description": "",
            "params": {"markdown": panel.text, "fontSize": 12, "openLinksInNewTab": False},
            "uiState": {},
            "data": {
                "aggs": [],
                "searchSource": {"query": {"query": "", "language": "kuery"}, "filter": []},
            },
        }
        made["embeddableConfig"] = {"savedVis": visualization, "enhancements": {}}
        return made, []
    attributes = lens_attributes(chart(panel), types)
    events, referred = _drilldowns(panel, index)
    made["embeddableConfig"] = {
        "attributes": attributes,
        "enhancements": {"dynamicActions": {"events": events}} if events else {},
    }
    inner = [{**one, "name": f"{index}:{one['name']}"} for one in attributes["references"]]
    return made, [*inner, *referred]


def _drilldowns(panel: Panel, index: str) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    events: list[dict[str, Any]] = []
    references: list[dict[str, str]] = []
    for target in panel.opens:
        event = f"{index}-{target}"
        events.append(
            {
                "eventId": event,
                "triggers": ["FILTER_TRIGGER"],
                "action": {
                    "factoryId": "DASHBOARD_TO_DASHBOARD_DRILLDOWN",
                    "name": f"Open {target.removeprefix('tapewatch-').replace('-', ' ')}",
                    "config": {
                        "openInNewTab": False,
                        "useCurrentDateRange": True,
                        "useCurrentFilters": True,
                    },
                },
            }
        )
        name = f"{index}:drilldown:DASHBOARD_TO_DASHBOARD_DRILLDOWN:{event}:dashboardId"
        references.append({"type": "dashboard", "id": target, "name": name})
    return events, references


def _controls(dashboard: Dashboard) -> tuple[dict[str, Any], list[dict[str, str]]]:
    panels: dict[str, Any] = {}
    references: list[dict[str, str]] = []
    for number, control in enumerate(dashboard.controls):
        id_ = f"control{number}"
        panels[id_] = _options_list(id_, number, control)
        name = f"controlGroup_{id_}:optionsListDataView"
        references.append({"type": "index-pattern", "id": control.of, "name": name})
    if dashboard.time_slider:
        panels["time"] = {
            "type": "timeSlider",
            "order": len(panels),
            "grow": True,
            "width": "large",
            "explicitInput": {"id": "time", "isAnchored": False},
        }
    ignored = {
        "ignoreFilters": False,
        "ignoreQuery": False,
        "ignoreTimerange": False,
        "ignoreValidations": False,
    }
    group = {
        "chainingSystem": "HIERARCHICAL",
        "controlStyle": "oneLine",
        "ignoreParentSettingsJSON": _json(ignored),
        "panelsJSON": _json(panels),
        "showApplySelections": False,
    }
    return group, references


def _options_list(id_: str, order: int, control: Control) -> dict[str, Any]:
    return {
        "type": "optionsListControl",
        "order": order,
        "grow": True,
        "width": "medium",
        "explicitInput": {
            "id": id_,
            "fieldName": control.field,
            "title": control.title,
            "searchTechnique": "prefix",
            "selectedOptions": [],
            "singleSelect": control.single,
            "sort": {"by": "_count", "direction": "desc"},
        },
    }
