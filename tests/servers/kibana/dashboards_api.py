"""The Dashboards API (`/api/dashboards/{id}`), as of 9.5: panels, controls and charts are typed.

Only the parts that Tapewatch sends are here; all else is refused, as Kibana refuses unknown keys.
Source: elastic/dashboards-api-spec and, in elastic/kibana, `dashboard_state_schemas.ts` and the
schemas of `@kbn/lens-embeddable-utils` (charts, `metric_ops`, `bucket_ops`).
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from tests.servers.kibana.dashboards_api_charts import (
    Chart,
    DataTable,
    Grid,
    Kql,
    MetricChart,
    Strict,
)
from tests.servers.kibana.double import Answer, Call, Refusal, Route
from tests.servers.kibana.saved_objects import SavedObjects


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
