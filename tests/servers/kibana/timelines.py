"""Templates of Timeline (`/api/timeline`).

Source: elastic/kibana, `security_solution/common/api/timeline` (OpenAPI schemas).
"""

from typing import Any, Literal

from msgspec import Struct, field

from tests.servers.kibana.double import Answer, Call, Refusal, Route


class QueryMatch(Struct, forbid_unknown_fields=True, rename="camel"):
    field: str
    value: str
    operator: Literal[":", ":*", "includes"]
    display_field: str | None = None
    display_value: str | None = None


class DataProvider(Struct, forbid_unknown_fields=True, rename="camel"):
    id: str
    name: str
    enabled: bool
    excluded: bool
    kql_query: str
    query_match: QueryMatch
    type: Literal["default", "template"]
    and_: list[Any] = field(name="and")


class Column(Struct, forbid_unknown_fields=True, rename="camel"):
    id: str
    column_header_type: str


class Sort(Struct, forbid_unknown_fields=True, rename="camel"):
    column_id: str
    column_type: str
    sort_direction: Literal["asc", "desc"]


class Kuery(Struct, forbid_unknown_fields=True):
    kind: Literal["kuery", "lucene"]
    expression: str


class SerializedQuery(Struct, forbid_unknown_fields=True, rename="camel"):
    kuery: Kuery
    serialized_query: str


class FilterQuery(Struct, forbid_unknown_fields=True, rename="camel"):
    filter_query: SerializedQuery


class Timeline(Struct, forbid_unknown_fields=True, rename="camel"):
    """`SavedTimeline`."""

    title: str
    description: str
    timeline_type: Literal["default", "template"]
    template_timeline_id: str
    template_timeline_version: int
    status: Literal["active", "draft", "immutable"]
    event_type: Literal["all", "raw", "alert", "signal", "custom"]
    kql_mode: Literal["filter", "search"]
    kql_query: FilterQuery | None
    columns: list[Column]
    sort: list[Sort]
    data_providers: list[DataProvider]


class CreateRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """`CreateTimelinesRequest`."""

    timeline: Timeline
    timeline_type: Literal["default", "template"]
    template_timeline_id: str
    template_timeline_version: int


class PatchRequest(Struct, forbid_unknown_fields=True, rename="camel"):
    """`PatchTimelineRequest`."""

    timeline: Timeline
    timeline_id: str
    version: str


class TimelineQuery(Struct, forbid_unknown_fields=True):
    template_timeline_id: str


class Held(Struct):
    """What is kept."""

    id: str
    version: str
    timeline: Timeline


class Timelines:
    """`by_space` holds the templates by their own ids."""

    def __init__(self) -> None:
        self.by_space: dict[str, dict[str, Held]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/timeline", self.get),
            Route("POST", "/api/timeline", self.create),
            Route("PATCH", "/api/timeline", self.patch),
        ]

    def of(self, space: str) -> dict[str, Held]:
        return self.by_space.setdefault(space, {})

    def get(self, call: Call) -> Answer:
        asked = call.query(TimelineQuery)
        held = self.of(call.space).get(asked.template_timeline_id)
        if held is None:
            raise Refusal(404, f"template timeline {asked.template_timeline_id} not found")
        return Answer(200, _shown(held))

    def create(self, call: Call) -> Answer:
        asked = call.json(CreateRequest)
        if asked.template_timeline_id in self.of(call.space):
            raise Refusal(405, "Create timeline with POST is not allowed, please use PATCH instead")
        if asked.template_timeline_id != asked.timeline.template_timeline_id:
            raise Refusal(400, "the template's id is told in two ways")
        held = Held(call.kibana.new_id(), call.kibana.new_version(), asked.timeline)
        self.of(call.space)[asked.template_timeline_id] = held
        return Answer(200, _shown(held))

    def patch(self, call: Call) -> Answer:
        asked = call.json(PatchRequest)
        held = self.of(call.space).get(asked.timeline.template_timeline_id)
        if held is None or held.id != asked.timeline_id:
            raise Refusal(405, "Update timeline with PATCH is not allowed, please use POST instead")
        if held.version != asked.version:
            raise Refusal(409, f"[timeline/{held.id}]: version conflict")
        before = held.timeline.template_timeline_version
        if asked.timeline.template_timeline_version <= before:
            raise Refusal(409, f"CREATE template_timeline with version <= {before} is not allowed")
        held.timeline, held.version = asked.timeline, call.kibana.new_version()
        return Answer(200, _shown(held))


def _shown(held: Held) -> dict[str, Any]:
    timeline = held.timeline
    return {
        "savedObjectId": held.id,
        "version": held.version,
        "title": timeline.title,
        "templateTimelineId": timeline.template_timeline_id,
        "templateTimelineVersion": timeline.template_timeline_version,
        "timelineType": timeline.timeline_type,
        "status": timeline.status,
        "eventIdToNoteIds": [],
        "noteIds": [],
    }
