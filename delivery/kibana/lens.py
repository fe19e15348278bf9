"""A chart as Kibana's Lens keeps it: the attributes of a `lens` saved object.

Source: elastic/kibana, `x-pack/platform/plugins/shared/lens` (the form-based data source and the
visualizations `lnsXY`, `lnsMetric`, `lnsPie`, `lnsDatatable` and `lnsChoropleth`) and
`@kbn/lens-common`, as of 9.0; newer versions migrate it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from delivery.kibana.chart import Chart, unordered
from delivery.kibana.dimensions import Bucket, Kinds, Measure, Terms, Time
from delivery.kibana.palette import LEVELS, PALETTE
from delivery.kibana.source import Show

_LAYER = "layer0"
_XY: Mapping[Show, tuple[str, str]] = {
    "bars": ("bar_horizontal_stacked", "bar_horizontal"),
    "columns": ("bar_stacked", "bar"),
    "line": ("line", "line"),
    "area": ("area_stacked", "area"),
}
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
_NUMBERS = frozenset(("long", "double", "float"))
_DATES = frozenset(("date", "date_nanos"))


def lens_attributes(chart: Chart, types: Mapping[str, str]) -> dict[str, Any]:
    """Attributes with their references. `types`: Elasticsearch's type by field."""
    measures = [f"value{number}" for number in range(len(chart.measures))]
    columns: dict[str, Any] = {}
    order: list[str] = []
    groups: list[str] = []
    for number, one in enumerate(chart.buckets):
        name = f"group{number}"
        columns[name] = _bucket(one, None if unordered(chart) else measures[0], types)
        order.append(name)
        groups.append(name)
    for name, one in zip(measures, chart.measures, strict=True):
        columns[name] = _measure(one, types)
        order.append(name)
    layer: dict[str, Any] = {
        "columns": columns,
        "columnOrder": order,
        "incompleteColumns": {},
        "sampling": 1,
        "ignoreGlobalFilters": chart.panel.ignores_controls,
    }
    kind, visualization = _visualization(chart, groups, measures)
    return {
        "title": chart.panel.title,
        "description": chart.panel.note,
        "visualizationType": kind,
        "type": "lens",
        "state": {
            "datasourceStates": {"formBased": {"layers": {_LAYER: layer}}},
            "visualization": visualization,
            "query": {"query": chart.panel.where, "language": "kuery"},
            "filters": [],
            "internalReferences": [],
            "adHocDataViews": {},
        },
        "references": [
            {
                "type": "index-pattern",
                "id": chart.panel.of,
                "name": f"indexpattern-datasource-layer-{_LAYER}",
            }
        ],
    }


def _measure(one: Measure, types: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "label": one.label,
        "customLabel": True,
        "dataType": "number",
        "isBucketed": False,
        "scale": "ratio",
    }
    if one.where:
        made["filter"] = {"query": one.where, "language": "kuery"}
    if one.function == "count":
        made |= {"operationType": "count", "sourceField": "___records___"}
        made["params"] = {"emptyAsNull": False}
        return made
    made |= {"operationType": _OPERATIONS[one.function], "sourceField": one.field}
    match one.function:
        case "percentile":
            made["params"] = {"percentile": one.percentile}
        case "last":
            kind = types.get(one.field, "keyword")
            made |= {
                "dataType": _data_type(kind),
                "scale": "ratio" if kind in _NUMBERS else "ordinal",
                "params": {"sortField": "@timestamp", "showArrayValues": False},
            }
            exists = f"{one.field}: *"
            query = f"({one.where}) and {exists}" if one.where else exists
            made["filter"] = {"query": query, "language": "kuery"}
        case "minimum" | "maximum":
            made |= {"dataType": _data_type(types.get(one.field, "double")), "params": {}}
        case "sum" | "unique":
            made["params"] = {"emptyAsNull": False}
        case _:
            made["params"] = {}
    return made


def _bucket(one: Bucket, ordered_by: str | None, types: Mapping[str, str]) -> dict[str, Any]:
    match one:
        case Time():
            return {
                "label": one.label,
                "customLabel": True,
                "dataType": "date",
                "operationType": "date_histogram",
                "sourceField": one.field,
                "isBucketed": True,
                "scale": "interval",
                "params": {"interval": "auto", "includeEmptyRows": True, "dropPartials": False},
            }
        case Terms():
            return {
                "label": one.label,
                "customLabel": True,
                "dataType": _data_type(types.get(one.field, "keyword")),
                "operationType": "terms",
                "sourceField": one.field,
                "isBucketed": True,
                "scale": "ordinal",
                "params": {
                    "size": one.size,
                    "orderBy": (
                        {"type": "column", "columnId": ordered_by}
                        if ordered_by is not None
                        else {"type": "alphabetical", "fallback": True}
                    ),
                    "orderDirection": "desc" if ordered_by is not None else "asc",
                    "otherBucket": False,
                    "missingBucket": False,
                    "parentFormat": {"id": "terms"},
                    "include": [],
                    "exclude": [],
                    "includeIsRegex": False,
                    "excludeIsRegex": False,
                },
            }
        case Kinds():
            return {
                "label": one.label,
                "customLabel": True,
                "dataType": "string",
                "operationType": "filters",
                "isBucketed": True,
                "scale": "ordinal",
                "params": {
                    "filters": [
                        {"label": label, "input": {"query": query, "language": "kuery"}}
                        for label, query in one.queries
                    ]
                },
            }


def _data_type(kind: str) -> str:
    if kind in _NUMBERS:
        return "number"
    if kind in _DATES:
        return "date"
    return "boolean" if kind == "boolean" else "string"


def _visualization(
    chart: Chart, groups: Sequence[str], measures: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    show = chart.panel.show
    common = {"layerId": _LAYER, "layerType": "data"}
    if show == "metric":
        made: dict[str, Any] = {**common, "metricAccessor": measures[0]}
        if groups:
            made |= {"breakdownByAccessor": groups[0], "maxCols": 4}
        return "lnsMetric", made
    if show == "table":
        return "lnsDatatable", {
            **common,
            "columns": [{"columnId": name} for name in (*groups, *measures)],
            "sorting": {"columnId": measures[0], "direction": "desc"},
            "paging": {"size": 10, "enabled": True},
            "density": "compact",
        }
    if show == "map":
        return "lnsChoropleth", {
            **common,
            "regionAccessor": groups[0],
            "valueAccessor": measures[0],
            "emsLayerId": "world_countries",
            "emsField": "iso2",
        }
    colors = _colors(chart.split)
    if show == "donut":
        return "lnsPie", {
            "shape": "donut",
            "layers": [
                {
                    **common,
                    "primaryGroups": list(groups),
                    "metrics": [measures[0]],
                    "numberDisplay": "value",
                    "categoryDisplay": "default",
                    "legendDisplay": "show",
                    "nestedLegend": False,
                    "colorMapping": colors,
                }
            ],
        }
    stacked, plain = _XY[show]
    layer: dict[str, Any] = {
        **common,
        "seriesType": stacked if chart.panel.stacked else plain,
        "xAccessor": groups[0],
        "accessors": list(measures),
        "position": "top",
        "showGridlines": False,
        "colorMapping": colors,
    }
    if len(groups) > 1:
        layer["splitAccessor"] = groups[1]
    return "lnsXY", {
        "layers": [layer],
        "legend": {"isVisible": True, "position": "bottom"},
        "preferredSeriesType": layer["seriesType"],
        "valueLabels": "hide",
        "fittingFunction": "Linear" if show == "line" else "None",
        "axisTitlesVisibilitySettings": {"x": False, "yLeft": False, "yRight": False},
    }


def _colors(split: Bucket | None) -> dict[str, Any]:
    """Colours that the colour-blind can tell apart; those of levels are always the same."""
    assignments: list[dict[str, Any]] = []
    if isinstance(split, Terms) and split.field == "surveillance.level":
        assignments = [
            {
                "rules": [{"type": "raw", "value": level}],
                "color": {"type": "colorCode", "colorCode": color},
                "touched": True,
            }
            for level, color in LEVELS.items()
        ]
    return {
        "assignments": assignments,
        "specialAssignments": [
            {"rules": [{"type": "other"}], "color": {"type": "loop"}, "touched": False}
        ],
        "paletteId": PALETTE,
        "colorMode": {"type": "categorical"},
    }
