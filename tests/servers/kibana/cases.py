"""`/api/cases` of the double, from Elastic's OpenAPI document of the Cases API: strict about it.

What Kibana refuses is refused here: unknown keys, values beyond their limits, custom fields that
aren't configured, a version that isn't the case's. Everything that is done is a user action of who
the API key is of.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field, to_builtins

from tests.servers.kibana.double import Answer, Call, Refusal, Route

Status = Literal["open", "in-progress", "closed"]
Severity = Literal["low", "medium", "high", "critical"]
Owner = Literal["cases", "observability", "securitySolution"]
Title = Annotated[str, Meta(min_length=1, max_length=160)]
Description = Annotated[str, Meta(min_length=1, max_length=30_000)]
Tags = Annotated[list[Annotated[str, Meta(min_length=1, max_length=256)]], Meta(max_length=200)]
Category = Annotated[str, Meta(min_length=1, max_length=50)]
MOST_ALERTS = 1_000


class Strict(Struct, forbid_unknown_fields=True, kw_only=True):
    """A body."""


class Assignee(Strict):
    uid: str


class Settings(Strict):
    sync_alerts: bool = field(name="syncAlerts")


class Connector(Strict):
    id: Literal["none"]
    name: Literal["none"]
    type: Literal[".none"]
    fields: None


class CustomField(Strict):
    key: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,36}$")]
    type: Literal["text", "toggle", "number"]
    value: Annotated[str, Meta(min_length=1, max_length=160)] | bool | float | None


class CreateCase(Strict):
    title: Title
    description: Description
    tags: Tags
    owner: Owner
    settings: Settings
    connector: Connector
    severity: Severity = "low"
    category: Category | None = None
    assignees: Annotated[list[Assignee], Meta(max_length=10)] = field(
        default_factory=list[Assignee]
    )
    custom_fields: Annotated[list[CustomField], Meta(max_length=10)] = field(
        name="customFields", default_factory=list[CustomField]
    )


class UpdateCase(Strict):
    id: str
    version: str
    status: Status | UnsetType = UNSET
    severity: Severity | UnsetType = UNSET
    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    assignees: Annotated[list[Assignee], Meta(max_length=10)] | UnsetType = UNSET
    custom_fields: Annotated[list[CustomField], Meta(max_length=10)] | UnsetType = field(
        name="customFields", default=UNSET
    )


class UpdateCases(Strict):
    cases: Annotated[list[UpdateCase], Meta(min_length=1, max_length=100)]


class UserComment(Strict, tag_field="type", tag="user"):
    comment: Annotated[str, Meta(min_length=1, max_length=30_000)]
    owner: Owner


class AlertRule(Strict):
    id: str | None = None
    name: str | None = None


class AlertComment(Strict, tag_field="type", tag="alert"):
    alert_id: Annotated[list[str], Meta(min_length=1, max_length=1_000)] = field(name="alertId")
    index: Annotated[list[str], Meta(min_length=1, max_length=1_000)]
    rule: AlertRule
    owner: Owner


class FindCases(Strict):
    owner: Owner | None = None
    tags: str | None = None
    sort_field: Literal["createdAt", "updatedAt", "closedAt", "title", "status", "severity"] = (
        field(name="sortField", default="createdAt")
    )
    sort_order: Literal["asc", "desc"] = field(name="sortOrder", default="desc")
    page: Annotated[int, Meta(ge=1)] = 1
    per_page: Annotated[int, Meta(ge=1, le=100)] = field(name="perPage", default=20)


class FindActions(Strict):
    sort_order: Literal["asc", "desc"] = field(name="sortOrder", default="desc")
    page: Annotated[int, Meta(ge=1)] = 1
    per_page: Annotated[int, Meta(ge=1, le=100)] = field(name="perPage", default=20)


class OfOwner(Strict):
    owner: Owner


class Held(Struct):
    """A case with all that was done to it."""

    case: dict[str, Any]
    actions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Cases:
    """Cases by space and id. `custom_fields` are what is configured: type by key."""

    def __init__(self, custom_fields: dict[str, str] | None = None) -> None:
        self.custom_fields = custom_fields or {}
        self.by_space: dict[str, dict[str, Held]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/cases/configure", self.configure),
            Route("GET", "/api/cases/_find", self.find),
            Route("POST", "/api/cases", self.create),
            Route("PATCH", "/api/cases", self.update),
            Route("GET", "/api/cases/{id}", self.get),
            Route("POST", "/api/cases/{id}/comments", self.comment),
            Route("GET", "/api/cases/{id}/user_actions/_find", self.user_actions),
        ]

    def held(self, space: str = "default") -> list[Held]:
        """All of a space."""
        return list(self.by_space.get(space, {}).values())

    def delete(self, case: str, space: str = "default") -> None:
        """As somebody does by hand."""
        del self.by_space[space][case]

    def configure(self, call: Call) -> Answer:
        call.query(OfOwner)
        fields = [
            {"key": key, "type": kind, "label": key, "required": False}
            for key, kind in self.custom_fields.items()
        ]
        return Answer(200, [{"id": "c1", "version": "WzEsMV0=", "customFields": fields}])

    def create(self, call: Call) -> Answer:
        asked = call.json(CreateCase)
        self._known(asked.custom_fields)
        now = call.kibana.now()
        body = to_builtins(asked) | {
            "id": call.kibana.new_id(),
            "version": call.kibana.new_version(),
            "status": "open",
            "comments": [],
            "totalComment": 0,
            "totalAlerts": 0,
            "created_at": now,
            "created_by": user(call.user),
            "updated_at": None,
            "updated_by": None,
            "closed_at": None,
            "closed_by": None,
            "duration": None,
            "external_service": None,
        }
        self.by_space.setdefault(call.space, {})[body["id"]] = held = Held(body)
        self._note(call, held, "create_case", "create", to_builtins(asked))
        return Answer(200, body)

    def update(self, call: Call) -> Answer:
        asked = call.json(UpdateCases)
        cases = self.by_space.get(call.space, {})
        for one in asked.cases:
            held = cases.get(one.id)
            if held is None:
                raise Refusal(404, f"These cases {one.id} do not exist.")
            if held.case["version"] != one.version:
                raise Refusal(
                    409,
                    f"These cases {one.id} has been updated. Please refresh before saving "
                    "additional updates.",
                )
            if one.custom_fields is not UNSET:
                self._known(one.custom_fields)
            changed = {
                name: value
                for name, value in to_builtins(one).items()
                if name not in ("id", "version") and value != held.case.get(name)
            }
            if not changed:
                raise Refusal(406, "All update fields are identical to current version.")
        return Answer(200, [self._changed(call, cases[one.id], one) for one in asked.cases])

    def _changed(self, call: Call, held: Held, asked: UpdateCase) -> dict[str, Any]:
        for name, value in to_builtins(asked).items():
            before = held.case.get(name)
            if name in ("id", "version") or value == before:
                continue
            held.case[name] = value
            if name == "assignees":
                self._note_assignees(call, held, before or [], value)
            elif name == "customFields":
                for one in value:
                    if one not in (before or []):
                        self._note(call, held, name, "update", {name: [one]})
            else:
                self._note(call, held, name, "update", {name: value})
            if name == "status":
                closed = value == "closed"
                held.case["closed_at"] = held.case["updated_at"] if closed else None
                held.case["closed_by"] = user(call.user) if closed else None
        return held.case

    def _note_assignees(
        self, call: Call, held: Held, before: list[dict[str, str]], now: list[dict[str, str]]
    ) -> None:
        for action, users in (
            ("delete", [one for one in before if one not in now]),
            ("add", [one for one in now if one not in before]),
        ):
            if users:
                self._note(call, held, "assignees", action, {"assignees": users})

    def get(self, call: Call) -> Answer:
        return Answer(200, self._of(call).case)

    def find(self, call: Call) -> Answer:
        asked = call.query(FindCases)
        found = [
            held.case
            for held in self.held(call.space)
            if asked.owner in (None, held.case["owner"])
            and (asked.tags is None or asked.tags in held.case["tags"])
        ]
        keys = {"createdAt": "created_at", "updatedAt": "updated_at", "closedAt": "closed_at"}
        key = keys.get(asked.sort_field, asked.sort_field)
        found.sort(key=lambda one: one[key] or one["created_at"])
        if asked.sort_order == "desc":
            found.reverse()
        start = (asked.page - 1) * asked.per_page
        none: list[Any] = []
        page = [one | {"comments": none} for one in found[start : start + asked.per_page]]
        answer: dict[str, Any] = {"cases": page, "page": asked.page, "per_page": asked.per_page}
        return Answer(200, answer | {"total": len(found)})

    def comment(self, call: Call) -> Answer:
        held = self._of(call)
        asked = call.json(UserComment | AlertComment)  # type: ignore[arg-type]
        if isinstance(asked, AlertComment):
            if len(asked.alert_id) != len(asked.index):
                raise Refusal(400, "The alert id and index arrays must be of the same length.")
            count = held.case["totalAlerts"] + len(asked.alert_id)
            if count > MOST_ALERTS:
                raise Refusal(400, f"Case has reached the maximum allowed number ({MOST_ALERTS})")
            held.case["totalAlerts"] = count
        else:
            held.case["totalComment"] += 1
        body = to_builtins(asked) | {
            "id": call.kibana.new_id(),
            "version": call.kibana.new_version(),
            "created_at": call.kibana.now(),
            "created_by": user(call.user),
        }
        held.case["comments"].append(body)
        self._note(call, held, "comment", "create", {"comment": to_builtins(asked)})
        return Answer(200, held.case)

    def user_actions(self, call: Call) -> Answer:
        asked = call.query(FindActions)
        actions = list(self._of(call).actions)
        if asked.sort_order == "desc":
            actions.reverse()
        start = (asked.page - 1) * asked.per_page
        page = actions[start : start + asked.per_page]
        answer = {"userActions": page, "page": asked.page, "perPage": asked.per_page}
        return Answer(200, answer | {"total": len(actions)})

    def _of(self, call: Call) -> Held:
        case = call.parameters["id"]
        found = self.by_space.get(call.space, {}).get(case)
        if found is None:
            raise Refusal(404, f"Saved object [cases/{case}] not found")
        return found

    def _known(self, values: list[CustomField]) -> None:
        keys = [one.key for one in values]
        if len(set(keys)) != len(keys):
            raise Refusal(400, "Invalid duplicated customFields keys in request")
        for one in values:
            if one.key not in self.custom_fields:
                raise Refusal(400, f"Invalid custom field keys: {one.key}")
            kinds = {str: "text", bool: "toggle", int: "number", float: "number"}
            right = self.custom_fields[one.key] == one.type
            if not right or (one.value is not None and kinds[type(one.value)] != one.type):
                raise Refusal(400, f"The following custom fields have the wrong type: {one.key}")
        if values and set(keys) != set(self.custom_fields):
            raise Refusal(400, "The double wants all custom fields: others would become null")

    def _note(
        self, call: Call, held: Held, kind: str, action: str, payload: dict[str, Any]
    ) -> None:
        now = call.kibana.now()
        held.case["version"] = call.kibana.new_version()
        if kind != "create_case":
            held.case["updated_at"], held.case["updated_by"] = now, user(call.user)
        held.actions.append(
            {
                "id": call.kibana.new_id(),
                "version": call.kibana.new_version(),
                "type": kind,
                "action": action,
                "owner": held.case["owner"],
                "payload": payload,
                "created_at": now,
                "created_by": user(call.user),
                "comment_id": None,
            }
        )


def user(name: str) -> dict[str, Any]:
    """As `created_by` has it."""
    return {"username": name, "full_name": None, "email": None, "profile_uid": f"u_{name}_0"}
