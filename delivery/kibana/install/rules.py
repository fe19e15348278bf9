"""Rules of Elastic Security: an import, and what people have set of each rule stays.

Whether a rule is enabled, its actions and its exceptions are theirs. What is new comes as the
source says: the rule that takes over our alerts enabled, converted ones not, since both would give
each alert twice.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from delivery.kibana.client import KibanaClient, KibanaRefused
from delivery.kibana.install import exceptions
from delivery.kibana.install.change import Change, differences, settled
from delivery.kibana.saved_objects import ndjson

_PAGE = 100
TAG = "Tapewatch"
#: Kibana counts versions in its own way; the others are people's.
_THEIRS = frozenset(("version", "enabled", "actions", "exceptions_list"))

Rule = dict[str, Any]


class _Page(Struct):
    total: int
    data: list[Rule]


class _RuleError(Struct):
    error: dict[str, Any]
    rule_id: str = ""


class _Imported(Struct):
    success: bool
    errors: list[_RuleError] = field(default_factory=list[_RuleError])


class Rules:
    """Rules in the form of an import. `list_id`: the exceptions that all of them have."""

    name = "rules"
    lacking: tuple[str, ...] = ()

    def __init__(self, rules: Sequence[Rule], *, list_id: str) -> None:
        self._rules = list(rules)
        self._list_id = list_id

    async def plan(self, client: KibanaClient) -> list[Change]:
        held = {one["rule_id"]: one for one in await self._held(client)}
        for id_ in (one["rule_id"] for one in self._rules if one["rule_id"] not in held):
            # Tags are people's to change: an import over a rule would take theirs from them.
            query = {"rule_id": id_}
            there = await client.find("/api/detection_engine/rules", dict[str, Any], query=query)
            if there is not None:
                held[id_] = there
        return [_change(one, held.get(one["rule_id"])) for one in self._rules]

    async def apply(self, client: KibanaClient, changes: Sequence[Change]) -> list[str]:
        wanted = [change.body for change in changes if change.action != "unchanged"]
        if not wanted:
            return []
        shared = await exceptions.reference(client, self._list_id)
        bodies = [_with_list(one, shared) for one in wanted]
        answer = await client.upload(
            "/api/detection_engine/rules/_import",
            ndjson(bodies),
            _Imported,
            query={"overwrite": "true"},
        )
        if answer.errors:
            said = "; ".join(
                f"{one.rule_id}: {one.error.get('message', 'refused')}" for one in answer.errors[:5]
            )
            more = f" (and {len(answer.errors) - 5} more)" if len(answer.errors) > 5 else ""
            raise KibanaRefused(400, said + more, "the import of rules")
        return []

    async def _held(self, client: KibanaClient) -> list[Rule]:
        found: list[Rule] = []
        page = 1
        while True:
            query = {
                "filter": f'alert.attributes.tags: "{TAG}"',
                "page": str(page),
                "per_page": str(_PAGE),
                "sort_field": "created_at",
                "sort_order": "asc",
            }
            answer = await client.get("/api/detection_engine/rules/_find", _Page, query=query)
            found += answer.data
            if not answer.data or len(found) >= answer.total:
                return found
            page += 1


def _change(ours: Rule, held: Rule | None) -> Change:
    new = Change(kind="rule", id=ours["rule_id"], title=ours["name"], action="create", body=ours)
    if held is None:
        return new
    compared = {key: value for key, value in ours.items() if key not in _THEIRS}
    kept = {key: held[key] for key in _THEIRS - {"version"} if key in held}
    with_theirs = msgspec.structs.replace(new, body={**ours, **kept})
    return settled(with_theirs, differences(compared, held))


def _with_list(rule: Rule, shared: exceptions.ListReference | None) -> Rule:
    if shared is None:
        return rule
    listed: list[dict[str, Any]] = list(rule.get("exceptions_list", []))
    if all(one["list_id"] != shared.list_id for one in listed):
        listed.append(
            {
                "id": shared.id,
                "list_id": shared.list_id,
                "type": "detection",
                "namespace_type": exceptions.NAMESPACE,
            }
        )
    return {**rule, "exceptions_list": listed}
