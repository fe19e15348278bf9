"""Definitions of Dashboard Studio from our readable sources, and the views that hold them.

The form is that of Splunk's "Dashboard definition structure"; `splunk/studio` holds it to Splunk's
own validator.
"""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from splunk.dashboard_source import COLUMNS, Dashboard, Link, Panel, TextInput
from splunk.palette import FIGURES, ON_SEVERITIES, SERIES, SEVERITIES
from splunk.shared_searches import shared

APP = "tapewatch"
_WIDTH = 1440
_TYPES: Mapping[str, str] = {
    "number": "splunk.singlevalue",
    "column": "splunk.column",
    "line": "splunk.line",
    "area": "splunk.area",
    "bar": "splunk.bar",
    "pie": "splunk.pie",
    "table": "splunk.table",
    "map": "splunk.map",
    "sankey": "splunk.sankey",
}
_EARLIEST, _LATEST = "$time.earliest$", "$time.latest$"
#: A search over all that there is costs much, and changes little.
_REFRESH_OF_ALL = "1h"
_CLASSIFICATIONS = "classifications"
_ANY = {"label": "Any", "value": "*"}
_ACCREDITATIONS = ("accredited", "qualified", "retail", "none")

#: Of columns that hold sentences or little, in pixels; the others share the rest.
_WIDTHS: Mapping[str, int] = {
    "reason": 440,
    "rule": 230,
    "title": 260,
    "time": 160,
    "level": 80,
    "about": 190,
    "typology": 160,
}
#: Columns of addresses, which would be set to the right as if they were numbers.
_TEXTS = ("about", "contract", "from", "holder", "to", "transaction")

Definition = dict[str, Any]


def definition(dashboard: Dashboard) -> Definition:
    """The dashboard as Dashboard Studio keeps it."""
    sources: Definition = {
        f"shared_{name}": _search(shared(dashboard, name), f"Shared: {name}", dashboard)
        for name in dashboard.searches
    }
    visualizations: Definition = {}
    structure: list[Definition] = []
    top = 0
    for row in dashboard.rows:
        left = 0
        for panel in row.panels:
            number = len(visualizations) + 1
            source, name = f"search_{number}", f"viz_{number}"
            sources[source] = _source(panel, dashboard)
            visualizations[name] = _visualization(panel, source)
            width = panel.width * _WIDTH // COLUMNS
            structure.append(
                {
                    "item": name,
                    "type": "block",
                    "position": {"x": left, "y": top, "w": width, "h": row.height},
                }
            )
            left += width
        top += row.height
    inputs = _inputs(dashboard)
    if "input_classification" in inputs:
        sources[_CLASSIFICATIONS] = _classifications()
    return {
        "title": dashboard.title,
        "description": dashboard.description,
        "visualizations": visualizations,
        "dataSources": sources,
        "defaults": {},
        "inputs": inputs,
        "layout": {
            "type": "grid",
            "options": {"width": _WIDTH},
            "structure": structure,
            "globalInputs": list(inputs),
        },
    }


def view(dashboard: Dashboard) -> str:
    """The XML view of the app: a dashboard of version 2."""
    written = msgspec.json.format(msgspec.json.encode(definition(dashboard)), indent=2).decode()
    assert "]]>" not in written
    return (
        '<dashboard version="2" theme="light">\n'
        f"  <label>{escape(dashboard.title)}</label>\n"
        f"  <description>{escape(dashboard.description)}</description>\n"
        f"  <definition><![CDATA[\n{written}\n  ]]></definition>\n"
        "</dashboard>\n"
    )


def _search(search: str, name: str, dashboard: Dashboard) -> Definition:
    return {
        "type": "ds.search",
        "name": name,
        "options": {
            "query": " ".join(search.split()),
            "queryParameters": {"earliest": _EARLIEST, "latest": _LATEST},
            "refresh": dashboard.refresh,
            "refreshType": "delay",
        },
    }


def _source(panel: Panel, dashboard: Dashboard) -> Definition:
    if panel.after is None:
        found: Definition = _search(panel.search, panel.title, dashboard)
        if panel.all_time:
            found["options"]["queryParameters"] = {"earliest": "0", "latest": "now"}
            found["options"]["refresh"] = _REFRESH_OF_ALL
        return found
    return {
        "type": "ds.chain",
        "name": panel.title,
        "options": {"extend": f"shared_{panel.after}", "query": " ".join(panel.search.split())},
    }


def _visualization(panel: Panel, source: str) -> Definition:
    found: Definition = {
        "type": _TYPES[panel.show],
        "title": panel.title,
        "dataSources": {"primary": source},
        "options": _options(panel),
        "showProgressBar": False,
        "showLastUpdated": False,
    }
    if panel.show == "table":
        found["context"] = {"fills": _by_level(SEVERITIES), "texts": _by_level(ON_SEVERITIES)}
    if panel.link is not None:
        found["eventHandlers"] = [_handler(panel.link)]
    return found


def _options(panel: Panel) -> Definition:
    match panel.show:
        case "number":
            number: Definition = {
                "majorFontSize": 42,
                "numberPrecision": panel.decimals,
                "shouldUseThousandSeparators": True,
                "sparklineDisplay": "off",
                "trendDisplay": "off",
            }
            if panel.colour is not None:
                number["majorColor"] = FIGURES[panel.colour]
            if panel.unit is not None:
                number |= {"unit": panel.unit, "unitPosition": "after"}
            return number
        case "column" | "line" | "area" | "bar":
            chart: Definition = {
                "seriesColors": list(SERIES),
                "seriesColorsByField": dict(SEVERITIES),
                "xAxisTitleVisibility": "hide",
                "yAxisTitleVisibility": "hide",
                "legendDisplay": "off" if panel.show == "bar" else "bottom",
                "legendTruncation": "ellipsisEnd",
            }
            if panel.show != "line":
                chart["stackMode"] = "stacked" if panel.stacked else "auto"
            else:
                chart["nullValueDisplay"] = "connect"
                chart["showYAxisWithZero"] = False
            return chart
        case "pie":
            return {"seriesColors": list(SERIES), "showDonutHole": True}
        case "sankey":
            return {"seriesColors": list(SERIES), "colorMode": "categorical", "linkOpacity": 0.6}
        case "map":
            return {
                "center": [30, 0],
                "zoom": 0.6,
                "layers": [
                    {
                        "type": "bubble",
                        "latitude": "> primary | seriesByName('latitude')",
                        "longitude": "> primary | seriesByName('longitude')",
                        "bubbleSize": "> primary | frameBySeriesNames('transfers')",
                        "additionalTooltipFields": ["country", "transfers"],
                        "seriesColors": [SERIES[0]],
                    }
                ],
            }
        case "table":
            columns: Definition = {name: {"width": width} for name, width in _WIDTHS.items()}
            for name in _TEXTS:
                columns.setdefault(name, {})["align"] = "left"
            level = "> table | seriesByName('level')"
            columns["level"]["rowBackgroundColors"] = f"{level} | matchValue(fills)"
            columns["level"]["rowColors"] = f"{level} | matchValue(texts)"
            return {"count": 20, "showInternalFields": False, "columnFormat": columns}


def _by_level(colours: Mapping[str, str]) -> list[Definition]:
    return [{"match": level, "value": colour} for level, colour in colours.items()]


def _handler(link: Link) -> Definition:
    url = link.url
    if url is None:
        # `form.` sets a dashboard's inputs.
        tokens = "&".join(f"form.{name}={value}" for name, value in link.tokens.items())
        url = f"/app/{APP}/{link.dashboard}?{tokens}"
    return {"type": "drilldown.customUrl", "options": {"url": url, "newTab": True}}


def _inputs(dashboard: Dashboard) -> Definition:
    found: Definition = {
        "input_time": {
            "type": "input.timerange",
            "title": "Time",
            "options": {"token": "time", "defaultValue": "-24h@h,now"},
        }
    }
    for one in dashboard.inputs:
        match one:
            case "classification":
                found["input_classification"] = _classification()
            case "accreditation":
                found["input_accreditation"] = {
                    "type": "input.dropdown",
                    "title": "Accreditation",
                    "options": {
                        "token": "accreditation",
                        "defaultValue": "*",
                        "items": [
                            _ANY,
                            *({"label": name, "value": name} for name in _ACCREDITATIONS),
                        ],
                    },
                }
            case TextInput():
                found[f"input_{one.token}"] = {
                    "type": "input.text",
                    "title": one.label,
                    "options": {"token": one.token, "defaultValue": one.default},
                }
    return found


def _classification() -> Definition:
    """Classes are an issuer's own words: those that the data has are offered."""
    return {
        "type": "input.dropdown",
        "title": "Token class",
        "options": {
            "token": "classification",
            "defaultValue": "*",
            "items": "> frame(label, value) | prepend(statics) | objects()",
        },
        "context": {
            "statics": [[_ANY["label"]], [_ANY["value"]]],
            "label": "> primary | seriesByName('label')",
            "value": "> primary | seriesByName('value')",
        },
        "dataSources": {"primary": _CLASSIFICATIONS},
    }


def _classifications() -> Definition:
    return {
        "type": "ds.search",
        "name": "Token classes",
        "options": {
            "query": (
                '`tapewatch_index` sourcetype="tapewatch:ecs" token.classification=* '
                "| stats count by token.classification | rename token.classification AS label "
                "| eval value=label | table label value"
            ),
            "queryParameters": {"earliest": _EARLIEST, "latest": _LATEST},
        },
    }
