"""Elastic Security: rules (`/api/detection_engine/rules`) and lists of exceptions.

Rules are held to Kibana's schema of an import. Source: elastic/kibana,
`oas_docs/output/kibana.yaml`, "Security detections" and "Security exceptions".
"""

from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from tests.conversion.detection_engine import AnyRule
from tests.servers.kibana.double import Answer, Call, Refusal, Route


class ImportQuery(Struct, forbid_unknown_fields=True):
    overwrite: bool = False
    overwrite_exceptions: bool = False
    overwrite_action_connectors: bool = False


class OneQuery(Struct, forbid_unknown_fields=True):
    rule_id: str


class FindQuery(Struct, forbid_unknown_fields=True):
    filter: str = ""
    page: int = 1
    per_page: int = 20
    sort_field: str = ""
    sort_order: Literal["asc", "desc"] = "asc"


class Rules:
    """`by_space` holds the rules by `rule_id`."""

    def __init__(self) -> None:
        self.by_space: dict[str, dict[str, dict[str, Any]]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/detection_engine/rules", self.get),
            Route("GET", "/api/detection_engine/rules/_find", self.find),
            Route("POST", "/api/detection_engine/rules/_import", self.do_import),
        ]

    def of(self, space: str) -> dict[str, dict[str, Any]]:
        return self.by_space.setdefault(space, {})

    def get(self, call: Call) -> Answer:
        id_ = call.query(OneQuery).rule_id
        held = self.of(call.space).get(id_)
        if held is None:
            raise Refusal(404, f'rule_id: "{id_}" not found')
        return Answer(200, held)

    def find(self, call: Call) -> Answer:
        asked = call.query(FindQuery)
        if asked.per_page > 100:
            raise Refusal(400, "[request query]: the double gives at most 100 a page")
        found = list(self.of(call.space).values())
        if asked.filter:
            tag = asked.filter.removeprefix("alert.attributes.tags:").strip().strip('"')
            found = [one for one in found if tag in one["tags"]]
        start = (asked.page - 1) * asked.per_page
        page = found[start : start + asked.per_page]
        answer = {"page": asked.page, "perPage": asked.per_page, "total": len(found), "data": page}
        return Answer(200, answer)

    def do_import(self, call: Call) -> Answer:
        asked = call.query(ImportQuery)
        lines = [line for line in call.file().splitlines() if line.strip()]
        lists = call.kibana.area(ExceptionLists).of(call.space)
        errors: list[dict[str, Any]] = []
        done = 0
        for line in lines:
            rule: dict[str, Any] = msgspec.json.decode(line)
            id_ = rule.get("rule_id", "(unknown id)")
            try:
                msgspec.convert(rule, AnyRule)
            except msgspec.ValidationError as error:
                errors.append(_error(id_, 400, str(error)))
                continue
            held = self.of(call.space).get(id_)
            if held is not None and not asked.overwrite:
                errors.append(_error(id_, 409, f'rule_id: "{id_}" already exists'))
                continue
            unknown = [
                one["list_id"] for one in rule["exceptions_list"] if one["list_id"] not in lists
            ]
            if unknown:
                said = f'Rule with rule_id: "{id_}" references a non existent exception list'
                errors.append(_error(id_, 400, f"{said} {unknown[0]}"))
                continue
            self.of(call.space)[id_] = self._kept(call, rule, held)
            done += 1
        answer = {
            "success": not errors,
            "success_count": done,
            "rules_count": len(lines),
            "errors": errors,
            "exceptions_success": True,
            "exceptions_success_count": 0,
            "exceptions_errors": [],
            "action_connectors_success": True,
            "action_connectors_success_count": 0,
            "action_connectors_errors": [],
            "action_connectors_warnings": [],
        }
        return Answer(200, answer)

    def _kept(
        self, call: Call, rule: dict[str, Any], held: dict[str, Any] | None
    ) -> dict[str, Any]:
        """With what Kibana adds: its own id, a revision, defaults."""
        return {
            "id": held["id"] if held else call.kibana.new_id(),
            "revision": held["revision"] + 1 if held else 0,
            "immutable": False,
            "rule_source": {"type": "internal"},
            "output_index": "",
            "created_at": held["created_at"] if held else call.kibana.now(),
            "updated_at": call.kibana.now(),
            "created_by": call.user,
            "updated_by": call.user,
            **rule,
            "version": held["version"] + 1 if held else rule.get("version", 1),
        }


def _error(rule_id: str, status: int, message: str) -> dict[str, Any]:
    return {"rule_id": rule_id, "error": {"status_code": status, "message": message}}


class ListQuery(Struct, forbid_unknown_fields=True):
    list_id: str
    namespace_type: Literal["single", "agnostic"]


class ItemQuery(Struct, forbid_unknown_fields=True):
    item_id: str
    namespace_type: Literal["single", "agnostic"]


class ListRequest(Struct, forbid_unknown_fields=True):
    list_id: str
    name: str
    description: str
    type: Literal["detection", "rule_default"]
    namespace_type: Literal["single", "agnostic"]
    tags: list[str] = field(default_factory=list[str])


class MatchEntry(Struct, forbid_unknown_fields=True, tag="match"):
    field: str
    operator: Literal["included", "excluded"]
    value: str


class MatchAnyEntry(Struct, forbid_unknown_fields=True, tag="match_any"):
    field: str
    operator: Literal["included", "excluded"]
    value: list[str]


class ExistsEntry(Struct, forbid_unknown_fields=True, tag="exists"):
    field: str
    operator: Literal["included", "excluded"]


Entry = MatchEntry | MatchAnyEntry | ExistsEntry


class ItemUpdate(Struct, forbid_unknown_fields=True, kw_only=True):
    item_id: str
    name: str
    description: str
    type: Literal["simple"]
    namespace_type: Literal["single", "agnostic"]
    tags: list[str] = field(default_factory=list[str])
    entries: list[Entry]


class ItemRequest(ItemUpdate, forbid_unknown_fields=True, kw_only=True):
    list_id: str


class ExceptionLists:
    """`by_space` holds the lists by `list_id`, `items` the items of a space by `item_id`."""

    def __init__(self) -> None:
        self.by_space: dict[str, dict[str, dict[str, Any]]] = {}
        self.items: dict[str, dict[str, dict[str, Any]]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/api/exception_lists", self.get_list),
            Route("POST", "/api/exception_lists", self.create_list),
            Route("PUT", "/api/exception_lists", self.update_list),
            Route("GET", "/api/exception_lists/items", self.get_item),
            Route("POST", "/api/exception_lists/items", self.create_item),
            Route("PUT", "/api/exception_lists/items", self.update_item),
        ]

    def of(self, space: str) -> dict[str, dict[str, Any]]:
        return self.by_space.setdefault(space, {})

    def _items(self, space: str) -> dict[str, dict[str, Any]]:
        return self.items.setdefault(space, {})

    def get_list(self, call: Call) -> Answer:
        id_ = call.query(ListQuery).list_id
        return Answer(200, _found(self.of(call.space), id_, "exception list id"))

    def create_list(self, call: Call) -> Answer:
        asked = call.json(ListRequest)
        if asked.list_id in self.of(call.space):
            raise Refusal(409, f'exception list id: "{asked.list_id}" already exists')
        made = {"id": call.kibana.new_id(), **msgspec.to_builtins(asked)}
        self.of(call.space)[asked.list_id] = made
        return Answer(200, made)

    def update_list(self, call: Call) -> Answer:
        asked = call.json(ListRequest)
        held = _found(self.of(call.space), asked.list_id, "exception list id")
        held |= msgspec.to_builtins(asked)
        return Answer(200, held)

    def get_item(self, call: Call) -> Answer:
        id_ = call.query(ItemQuery).item_id
        return Answer(200, _found(self._items(call.space), id_, "exception list item item_id"))

    def create_item(self, call: Call) -> Answer:
        asked = call.json(ItemRequest)
        _found(self.of(call.space), asked.list_id, "exception list id")
        if asked.item_id in self._items(call.space):
            raise Refusal(409, f'exception list item id: "{asked.item_id}" already exists')
        made = {"id": call.kibana.new_id(), **msgspec.to_builtins(asked)}
        self._items(call.space)[asked.item_id] = made
        return Answer(200, made)

    def update_item(self, call: Call) -> Answer:
        asked = call.json(ItemUpdate)
        held = _found(self._items(call.space), asked.item_id, "exception list item item_id")
        held |= msgspec.to_builtins(asked)
        return Answer(200, held)


def _found(held: dict[str, dict[str, Any]], id_: str, what: str) -> dict[str, Any]:
    if id_ not in held:
        raise Refusal(404, f'{what}: "{id_}" does not exist')
    return held[id_]
