"""A dashboard in the form of the Dashboards API (`PUT /api/dashboards/{id}`), as of Kibana 9.5.

It is the form to read and compare. It can't hold Vega (`legacy_vis`): such panels are left out, and
a text says where they are. Colours are left to Kibana, whose defaults are of its own palette.

Source: elastic/dashboards-api-spec and, in elastic/kibana, `dashboard_state_schemas.ts` and the
schemas of `@kbn/lens-embeddable-utils`.
"""

from collections.abc import Mapping
from typing import Any

from delivery.kibana.chart import Chart, chart, unordered
from delivery.kibana.data_views import pattern
from delivery.kibana.dimensions import Bucket, Kinds, Measure, Terms, Time
from delivery.kibana.links import Links
from delivery.kibana.saved_objects import TAG
from delivery.kibana.source import Control, Dashboard, Panel, Show, Source

_NAVIGATION_HEIGHT = 3
_OPERATIONS = {
    "unique": "unique_count",
    "sum": "sum",
    "average": "average",
    "minimum": "min",
    "maximum": "max",
    "median": "median",
    "last": "last_value",
    "percentile": "percentile",
}
_XY: Mapping[Show, tuple[str, str]] = {
    "bars": ("bar_horizontal_stacked", "bar_horizontal"),
    "columns": ("bar_stacked", "bar"),
    "line": ("line", "line"),
    "area": ("area_stacked", "area"),
}


def dashboards(source: Source, links: Links) -> dict[str, dict[str, Any]]:
    """The body of each dashboard, by its id."""
    patterns = {view.id: pattern(view, links) for view in source.data_views}
    return {one.id: _dashboard(one, source, patterns) for one in source.dashboards}


def left_out(dashboard: Dashboard) -> list[str]:
    """Titles of the panels that this form can't hold."""
    return [panel.title for panel in dashboard.panels if panel.show == "vega"]


def _dashboard(dashboard: Dashboard, source: Source, patterns: Mapping[str, str]) -> dict[str, Any]:
    panels: list[dict[str, Any]] = [
        {
            "id": "navigation",
            "type": "links",
            "grid": {"x": 0, "y": 0, "w": 48, "h": _NAVIGATION_HEIGHT},
            "config": {"layout": "horizontal", "links": _navigation(source)},
        }
    ]
    for number, panel in enumerate(dashboard.panels):
        x, y, width, height = panel.box
        type_, config = _panel(panel, patterns)
        panels.append(
            {
                "id": f"panel{number}",
                "type": type_,
                "grid": {"x": x, "y": y + _NAVIGATION_HEIGHT, "w": width, "h": height},
                "config": config,
            }
        )
    pinned: list[dict[str, Any]] = [_control(one) for one in dashboard.controls]
    if dashboard.time_slider:
        pinned.append({"type": "time_slider_control", "config": {}})
    return {
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": [TAG],
        "time_range": {"from": f"now-{dashboard.last}", "to": "now"},
        "refresh_interval": {"pause": False, "value": dashboard.refresh * 1000},
        "query": {"language": "kql", "expression": ""},
        "options": {"use_margins": True, "sync_colors": True, "sync_cursor": True},
        "pinned_panels": pinned,
        "panels": panels,
    }


def _navigation(source: Source) -> list[dict[str, Any]]:
    return [
        {
            "type": "dashboard",
            "destination": one.id,
            "label": one.title.removeprefix("Tapewatch: ").capitalize(),
            "options": {"open_in_new_tab": False, "use_filters": True, "use_time_range": True},
        }
        for one in source.dashboards
    ]


def _control(control: Control) -> dict[str, Any]:
    return {
        "type": "options_list_control",
        "width": "medium",
        "grow": True,
        "config": {
            "title": control.title,
            "data_view_id": control.of,
            "field_name": control.field,
            "single_select": control.single,
        },
    }


def _panel(panel: Panel, patterns: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    match panel.show:
        case "text":
            return "markdown", _markdown(panel.title, panel.text)
        case "vega":
            said = (
                f"**{panel.title}** is drawn by Vega, which the Dashboards API can't hold. It "
                "comes with the saved objects: *Visualize library*, *Tapewatch: "
                f"{panel.spec.replace('-', ' ')}*."
            )
            return "markdown", _markdown(panel.title, said)
        case "documents":
            return "discover_session", {"ref_id": panel.search, "title": panel.title}
        case _:
            return "vis", _chart(chart(panel), patterns)


def _markdown(title: str, text: str) -> dict[str, Any]:
    return {"title": title, "content": text, "settings": {"open_links_in_new_tab": False}}


def _chart(made: Chart, patterns: Mapping[str, str]) -> dict[str, Any]:
    panel = made.panel
    source = {
        "type": "data_view_spec",
        "index_pattern": patterns[panel.of],
        "time_field": "@timestamp",
    }
    if any(name.startswith("tapewatch.") for name in made.fields()):
        # Runtime fields are the data view's own.
        source = {"type": "data_view_reference", "ref_id": panel.of}
    config: dict[str, Any] = {"title": panel.title}
    if panel.note:
        config["description"] = panel.note
    config["query"] = {"language": "kql", "expression": panel.where}
    if panel.opens:
        config["drilldowns"] = [_drilldown(target) for target in panel.opens]
    measures = [_measure(one) for one in made.measures]
    alphabetical = unordered(made)
    split = _bucket(made.split, alphabetical) if made.split is not None else None
    layer = {"data_source": source, "ignore_global_filters": panel.ignores_controls}
    match panel.show:
        case "metric":
            config |= {"type": "metric", **layer}
            config["metrics"] = [{"type": "primary", **measures[0]}]
            if split is not None:
                config["breakdown_by"] = {**split, "columns": 4}
        case "table":
            config |= {"type": "data_table", **layer, "metrics": measures}
            config["rows"] = [_bucket(one, alphabetical) for one in made.rows]
            config["styling"] = {
                "density": {"mode": "compact"},
                "paging": 10,
                "sort_by": {"column_type": "metric", "index": 0, "direction": "desc"},
            }
        case "donut":
            config |= {"type": "pie", **layer, "metrics": measures, "group_by": [split]}
            config["styling"] = {"donut_hole": "m"}
        case "map":
            ems = {"boundaries": "world_countries", "join": "iso2"}
            config |= {"type": "region_map", **layer, "metric": measures[0]}
            config["region"] = {**(split or {}), "ems": ems}
        case _:
            assert made.axis is not None
            stacked, plain = _XY[panel.show]
            data: dict[str, Any] = {"type": stacked if panel.stacked else plain, **layer}
            data |= {"x": _bucket(made.axis, alphabetical), "y": measures}
            if split is not None:
                data["breakdown_by"] = split
            legend = {"visibility": "visible", "placement": "outside", "position": "bottom"}
            config |= {"type": "xy", "layers": [data], "legend": legend}
    return config


def _drilldown(target: str) -> dict[str, Any]:
    return {
        "type": "dashboard_drilldown",
        "dashboard_id": target,
        "label": f"Open {target.removeprefix('tapewatch-').replace('-', ' ')}",
        "trigger": "on_apply_filter",
        "open_in_new_tab": False,
        "use_filters": True,
        "use_time_range": True,
    }


def _measure(one: Measure) -> dict[str, Any]:
    made: dict[str, Any] = {"label": one.label}
    if one.where:
        made["filter"] = {"language": "kql", "expression": one.where}
    if one.function == "count":
        return {**made, "operation": "count"}
    made |= {"operation": _OPERATIONS[one.function], "field": one.field}
    if one.function == "percentile":
        made["percentile"] = one.percentile
    if one.function == "last":
        made["sort_by"] = "@timestamp"
    return made


def _bucket(one: Bucket, alphabetical: bool) -> dict[str, Any]:
    match one:
        case Time():
            return {"operation": "date_histogram", "field": one.field, "label": one.label}
        case Terms():
            by_measure = {"type": "metric", "metric_index": 0, "direction": "desc"}
            return {
                "operation": "terms",
                "fields": [one.field],
                "label": one.label,
                "limit": one.size,
                "rank_by": (
                    {"type": "alphabetical", "direction": "asc"} if alphabetical else by_measure
                ),
            }
        case Kinds():
            return {
                "operation": "filters",
                "label": one.label,
                "filters": [
                    {"label": label, "filter": {"language": "kql", "expression": query}}
                    for label, query in one.queries
                ],
            }
