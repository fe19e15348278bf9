"""Charts in the form of the Dashboards API, as of 9.5: metrics, buckets and what holds them.

Source: in elastic/kibana, the schemas of `@kbn/lens-embeddable-utils` (charts, `metric_ops`,
`bucket_ops`).
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

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
