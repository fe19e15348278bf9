"""The Dashboards API (`/api/dashboards/{id}`), as of 9.5: panels, controls and charts are typed.

Only the parts that Tapewatch sends are here; all else is refused, as Kibana refuses unknown keys.
Source: elastic/dashboards-api-spec and, in elastic/kibana, `dashboard_state_schemas.ts` and the
schemas of `@kbn/lens-embeddable-utils` (charts, `metric_ops`, `bucket_ops`).
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from tests.servers.kibana.double import Answer, Call, Refusal, Route
from tests.servers.kibana.saved_objects import SavedObjects

Direction = Literal["asc", "desc"]
Width = Annotated[int, Meta(ge=1, le=48)]


class Strict(Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Kql(Strict, kw_only=True):
    language: Literal["kql", "lucene"]
    expression: str


class Grid(Strict, kw_only=True):
    x: Annotated[int, Meta(ge=0, le=47)]
    y: Annotated[int, Meta(ge=0)]
    w: Width
    h: Annotated[int, Meta(ge=1)]


class DataViewSpec(Strict, tag="data_view_spec", kw_only=True):
    index_pattern: str
    time_field: str | None = None


class DataViewReference(Strict, tag="data_view_reference", kw_only=True):
    ref_id: str


DataSource = DataViewSpec | DataViewReference


class _Measured(Strict, kw_only=True):
    label: str | None = None
    filter: Kql | None = None


class _Fielded(_Measured, kw_only=True):
    field: str


# Operations are told apart by `operation`; a primary metric has a `type` besides.
Primary = Literal["primary"] | None


class Count(_Measured, tag_field="operation", tag="count", kw_only=True):
    type: Primary = None
    field: str | None = None


class UniqueCount(_Fielded, tag_field="operation", tag="unique_count", kw_only=True):
    type: Primary = None


class Sum(_Fielded, tag_field="operation", tag="sum", kw_only=True):
    type: Primary = None


class Average(_Fielded, tag_field="operation", tag="average", kw_only=True):
    type: Primary = None


class Minimum(_Fielded, tag_field="operation", tag="min", kw_only=True):
    type: Primary = None


class Maximum(_Fielded, tag_field="operation", tag="max", kw_only=True):
    type: Primary = None


class Median(_Fielded, tag_field="operation", tag="median", kw_only=True):
    type: Primary = None


class Percentile(_Fielded, tag_field="operation", tag="percentile", kw_only=True):
    type: Primary = None
    percentile: float


class LastValue(_Fielded, tag_field="operation", tag="last_value", kw_only=True):
    type: Primary = None
    sort_by: str


Metric = Count | UniqueCount | Sum | Average | Minimum | Maximum | Median | Percentile | LastValue


class ByMetric(Strict, tag="metric", kw_only=True):
    metric_index: int
    direction: Direction


class Alphabetical(Strict, tag="alphabetical", kw_only=True):
    direction: Direction


class Ems(Strict, kw_only=True):
    boundaries: str
    join: str


class Terms(Strict, tag_field="operation", tag="terms", kw_only=True):
    fields: Annotated[list[str], Meta(min_length=1, max_length=4)]
    label: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)]
    rank_by: ByMetric | Alphabetical
    ems: Ems | None = None


class DateHistogram(Strict, tag_field="operation", tag="date_histogram", kw_only=True):
    field: str
    label: str | None = None


class LabelledFilter(Strict, kw_only=True):
    label: str
    filter: Kql


class Filters(Strict, tag_field="operation", tag="filters", kw_only=True):
    filters: list[LabelledFilter]
    label: str | None = None


Bucket = Terms | DateHistogram | Filters


class Drilldown(Strict, tag="dashboard_drilldown", kw_only=True):
    dashboard_id: str
    label: str
    trigger: Literal["on_apply_filter"]
    open_in_new_tab: bool
    use_filters: bool
    use_time_range: bool


class _Chart(Strict, kw_only=True):
    title: str | None = None
    description: str | None = None
    query: Kql | None = None
    drilldowns: Annotated[list[Drilldown], Meta(max_length=100)] = field(
        default_factory=list[Drilldown]
    )


class _Layered(_Chart, kw_only=True):
    data_source: DataSource
    ignore_global_filters: bool = False
    sampling: float = 1.0


class MetricChart(_Layered, tag="metric", kw_only=True):
    metrics: Annotated[list[Metric], Meta(min_length=1, max_length=2)]
    breakdown_by: dict[str, Any] | None = None


class XyLayer(Strict, kw_only=True):
    type: Literal[
        "area", "area_stacked", "bar", "bar_stacked", "bar_horizontal", "bar_horizontal_stacked",
        "line",
    ]  # fmt: skip
    data_source: DataSource
    ignore_global_filters: bool = False
    sampling: float = 1.0
    x: Bucket
    y: Annotated[list[Metric], Meta(min_length=1, max_length=100)]
    breakdown_by: Bucket | None = None


class Legend(Strict, kw_only=True):
    visibility: Literal["visible", "hidden", "auto"]
    placement: Literal["outside", "inside"]
    position: Literal["top", "bottom", "left", "right"]


class XyChart(_Chart, tag="xy", kw_only=True):
    layers: Annotated[list[XyLayer], Meta(min_length=1, max_length=100)]
    legend: Legend | None = None


class SortBy(Strict, kw_only=True):
    column_type: Literal["metric", "row"]
    index: int
    direction: Direction


class Density(Strict, kw_only=True):
    mode: Literal["compact", "default", "expanded"]


class TableStyling(Strict, kw_only=True):
    density: Density | None = None
    paging: Literal[10, 20, 30, 50, 100] | None = None
    sort_by: SortBy | None = None


class DataTable(_Layered, tag="data_table", kw_only=True):
    metrics: Annotated[list[Metric], Meta(min_length=1, max_length=1000)]
    rows: Annotated[list[Bucket], Meta(min_length=1, max_length=50)]
    styling: TableStyling | None = None


class PieStyling(Strict, kw_only=True):
    donut_hole: Literal["none", "s", "m", "l"]


class Pie(_Layered, tag="pie", kw_only=True):
    metrics: Annotated[list[Metric], Meta(min_length=1, max_length=100)]
    group_by: Annotated[list[Bucket], Meta(min_length=1, max_length=100)]
    styling: PieStyling | None = None


class RegionMap(_Layered, tag="region_map", kw_only=True):
    metric: Metric
    region: Bucket


Chart = MetricChart | XyChart | DataTable | Pie | RegionMap


class LinkOptions(Strict, kw_only=True):
    open_in_new_tab: bool
    use_filters: bool
    use_time_range: bool


class DashboardLink(Strict, tag="dashboard", kw_only=True):
    destination: str
    label: str | None = None
    options: LinkOptions | None = None


class LinksConfig(Strict, kw_only=True):
    layout: Literal["horizontal", "vertical"]
    links: list[DashboardLink]
    title: str | None = None


class MarkdownSettings(Strict, kw_only=True):
    open_links_in_new_tab: bool = True


class MarkdownConfig(Strict, kw_only=True):
    content: str
    settings: MarkdownSettings | None = None
    title: str | None = None


class DiscoverConfig(Strict, kw_only=True):
    ref_id: str
    title: str | None = None


class VisPanel(Strict, tag="vis", kw_only=True):
    id: str
    grid: Grid
    config: Chart


class LinksPanel(Strict, tag="links", kw_only=True):
    id: str
    grid: Grid
    config: LinksConfig


class MarkdownPanel(Strict, tag="markdown", kw_only=True):
    id: str
    grid: Grid
    config: MarkdownConfig


class DiscoverPanel(Strict, tag="discover_session", kw_only=True):
    id: str
    grid: Grid
    config: DiscoverConfig


Panel = VisPanel | LinksPanel | MarkdownPanel | DiscoverPanel


class OptionsListConfig(Strict, kw_only=True):
    title: str | None = None
    data_view_id: str
    field_name: str
    single_select: bool = False


class OptionsListControl(Strict, tag="options_list_control", kw_only=True):
    width: Literal["small", "medium", "large"] = "medium"
    grow: bool = False
    config: OptionsListConfig


class TimeSliderControl(Strict, tag="time_slider_control", kw_only=True):
    config: dict[str, Any]


class TimeRange(Strict, kw_only=True):
    from_: str = field(name="from")
    to: str


class RefreshInterval(Strict, kw_only=True):
    pause: bool
    value: int


class Options(Strict, kw_only=True):
    use_margins: bool = True
    sync_colors: bool = False
    sync_cursor: bool = True
    sync_tooltips: bool = False
    hide_panel_titles: bool = False
    hide_panel_borders: bool = False
    auto_apply_filters: bool = True


class Dashboard(Strict, kw_only=True):
    """`kbn-dashboard-data`."""

    title: str
    description: str | None = None
    tags: Annotated[list[str], Meta(max_length=100)] = field(default_factory=list[str])
    time_range: TimeRange | None = None
    refresh_interval: RefreshInterval | None = None
    query: Kql | None = None
    options: Options = field(default_factory=Options)
    pinned_panels: Annotated[list[OptionsListControl | TimeSliderControl], Meta(max_length=100)] = (
        field(default_factory=list[OptionsListControl | TimeSliderControl])
    )
    panels: Annotated[list[Panel], Meta(max_length=100)]


class DashboardsApi:
    """`by_space` holds the dashboards, in this form, by id."""

    def __init__(self) -> None:
        self.by_space: dict[str, dict[str, Dashboard]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/dashboards/{id}", self.get, (9, 4)),
            Route("PUT", "/api/dashboards/{id}", self.put, (9, 4)),
        ]

    def of(self, space: str) -> dict[str, Dashboard]:
        return self.by_space.setdefault(space, {})

    def get(self, call: Call) -> Answer:
        id_ = call.parameters["id"]
        held = self.of(call.space).get(id_)
        if held is None:
            raise Refusal(404, f"A dashboard with ID [{id_}] was not found.")
        return Answer(200, _shown(id_, held))

    def put(self, call: Call) -> Answer:
        id_ = call.parameters["id"]
        asked = call.json(Dashboard)
        _check(asked)
        objects = call.kibana.area(SavedObjects).of(call.space)
        for type_, ref in _references(asked):
            if (type_, ref) not in objects:
                raise Refusal(404, f"Saved object [{type_}/{ref}] not found")
        created = id_ not in self.of(call.space)
        self.of(call.space)[id_] = asked
        return Answer(201 if created else 200, _shown(id_, asked))


def _shown(id_: str, held: Dashboard) -> dict[str, Any]:
    """With its defaults, as Kibana gives it back."""
    return {"id": id_, "data": msgspec.to_builtins(held), "meta": {}}


def _check(asked: Dashboard) -> None:
    """What the types don't say. Raises Refusal 400."""
    for panel in asked.panels:
        if panel.grid.x + panel.grid.w > 48:
            raise Refusal(400, f"[request body.panels]: {panel.id} is wider than the grid")
        if not isinstance(panel, VisPanel):
            continue
        chart = panel.config
        if isinstance(chart, MetricChart):
            if chart.metrics[0].type != "primary":
                raise Refusal(400, "The first metric must be the primary metric.")
        elif isinstance(chart, DataTable) and chart.styling and chart.styling.sort_by:
            sort = chart.styling.sort_by
            listed = chart.metrics if sort.column_type == "metric" else chart.rows
            if sort.index >= len(listed):
                raise Refusal(400, f"The 'sort_by.index' ({sort.index}) is out of bounds.")


def _references(asked: Dashboard) -> list[tuple[str, str]]:
    found = [("tag", tag) for tag in asked.tags]
    found += [
        ("index-pattern", one.config.data_view_id)
        for one in asked.pinned_panels
        if isinstance(one, OptionsListControl)
    ]
    found += [
        ("search", one.config.ref_id) for one in asked.panels if isinstance(one, DiscoverPanel)
    ]
    return found
