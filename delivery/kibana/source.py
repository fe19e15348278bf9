"""The readable source of what is installed in Kibana: the YAML files of a folder, as records.

- `data_views.yaml`: data views, with labels, links and runtime fields;
- `searches.yaml`: saved searches of Discover;
- `dashboards/*.yaml`: one dashboard each, in the language of panels below;
- `vega/*.json`: Vega and Vega-Lite specifications that panels name;
- `cases.yaml`, `timelines.yaml`, `security.yaml`: see `delivery.kibana.security_source`.

A panel is said in a few words, and compiled to Kibana's own form (`lens`, `saved_objects`,
`dashboards_api`). What is counted and what it is split by are sentences:

    values: {Volume: sum of token.amount, Refused: {is: count, where: "event.outcome : failure"}}
    over: time
    by: top 5 of token.symbol

The key of a value or a row is its heading.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from delivery.kibana.security_source import Cases, Security, Timelines

Id = Annotated[str, Meta(pattern=r"^tapewatch(-[a-z0-9]+)*$(?!\n)")]
Place = Annotated[
    str,
    Meta(pattern=r"^\d+ \d+ \d+ \d+$(?!\n)", description="x y width height, in 48ths and rows"),
]
Show = Literal[
    "metric", "bars", "columns", "line", "area", "donut", "table", "map", "text", "documents",
    "vega",
]  # fmt: skip
#: Which fields a value's link may be built from; the templates are the configuration's.
Link = Literal["investor", "asset", "alert", "event", "evidence", "explorer", "order", "case"]


class RuntimeField(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A field that Elasticsearch computes for each document that is looked at."""

    #: Its type in Elasticsearch.
    type: Literal["keyword", "long", "double", "date", "boolean"]
    #: Painless, which calls `emit`; `@EXPLORER_TRANSACTIONS@` and `@EXPLORER_ADDRESSES@` stand for
    #: the block explorers by chain.
    script: str
    #: What people see.
    label: str
    #: What it is, for people.
    description: str = ""


class DataView(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A data view; its time field is `@timestamp`."""

    id: Id
    name: str
    #: Data streams; `NAMESPACE` at its end stands for the configured one.
    pattern: str
    labels: dict[str, str] = field(default_factory=dict[str, str])
    links: dict[str, Link] = field(default_factory=dict[str, Link])
    runtime: dict[str, RuntimeField] = field(default_factory=dict[str, RuntimeField])


class DataViews(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`data_views.yaml`."""

    data_views: list[DataView]


class Search(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A saved search of Discover, the newest first. `query` is in KQL."""

    id: Id
    title: str
    description: str
    data_view: Id
    query: str = ""
    columns: list[str]


class Searches(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`searches.yaml`."""

    searches: list[Search]


class Filtered(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A value of those documents only that a query in KQL finds."""

    is_: str = field(name="is")
    where: str


class Panel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A panel of a dashboard."""

    title: str
    show: Show
    at: Place
    #: Data view.
    of: Id = "tapewatch-events"
    #: KQL.
    where: str = ""
    #: What is counted or measured, by heading.
    values: dict[str, str | Filtered] = field(default_factory=dict[str, str | Filtered])
    #: `time` or `top N of FIELD`: the axis of a chart.
    over: str = ""
    #: `top N of FIELD`: what a chart is split by, or a map's regions.
    by: str = ""
    #: Queries in KQL by heading, to split by instead.
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    #: `top N of FIELD` by heading: the rows of a table.
    rows: dict[str, str] = field(default_factory=dict[str, str])
    stacked: bool = True
    #: What it means, for people.
    note: str = ""
    #: Dashboards that a click leads to, with what was clicked as a filter.
    opens: list[Id] = field(default_factory=list[str])
    #: Leaves the dashboard's controls out, which are about fields that its documents lack.
    ignores_controls: bool = False
    #: Markdown.
    text: str = ""
    #: Id of a saved search, for `documents`.
    search: str = ""
    #: Name of a file in `vega/`, without its ending.
    spec: str = ""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width, height."""
        x, y, width, height = map(int, self.at.split())
        return x, y, width, height


class Control(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A list of a field's values to choose from."""

    title: str
    field: str
    of: Id = "tapewatch-events"
    single: bool = False


class Dashboard(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`dashboards/*.yaml`."""

    id: Id
    title: str
    description: str
    #: How far back it looks when it is opened, such as 24h.
    last: Annotated[str, Meta(pattern=r"^\d+[mhdwMy]$(?!\n)")] = "24h"
    #: Every so many seconds it looks again.
    refresh: Annotated[int, Meta(ge=5, le=86_400)] = 60
    controls: list[Control] = field(default_factory=list[Control])
    #: A slider for a part of the time.
    time_slider: bool = False
    panels: list[Panel]


class Source(Struct, frozen=True, kw_only=True):
    """All of a folder."""

    data_views: tuple[DataView, ...]
    searches: tuple[Search, ...]
    dashboards: tuple[Dashboard, ...]
    #: By name.
    vega: dict[str, str]
    cases: Cases
    timelines: Timelines
    security: Security
