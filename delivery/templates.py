"""Component and index templates of the data streams, generated from the taxonomy (ECS 9.4).

- `logs-tapewatch@settings`, `logs-tapewatch.<content>@mappings`: component templates, ours;
- `logs-tapewatch.<content>@custom`: never written by us; what an administrator puts there wins;
- `logs-tapewatch.<content>`: index templates of `logs-tapewatch.<content>-*`.

Each carries a hash of what it should be in `_meta`, so a second installation writes nothing.
Retention is left to the operator: the data streams' own life cycle is on, which rolls over and
deletes nothing until somebody sets `data_retention`.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from delivery.mappings import FALLBACKS, mappings
from delivery.sink import Content

#: Above the 100 of the templates `logs-*-*` that Elasticsearch brings along.
PRIORITY = 250
CONTENTS: tuple[Content, ...] = ("events", "alerts")


class StreamNames(Struct, frozen=True, kw_only=True):
    """Names of data streams and templates. `prefix` is type and product of the naming scheme."""

    namespace: str = "default"
    prefix: str = "logs-tapewatch"

    def stream(self, content: Content) -> str:
        return f"{self.prefix}.{content}-{self.namespace}"

    def index_template(self, content: Content) -> str:
        return f"{self.prefix}.{content}"

    def mappings(self, content: Content) -> str:
        return f"{self.prefix}.{content}@mappings"

    def custom(self, content: Content) -> str:
        return f"{self.prefix}.{content}@custom"

    @property
    def settings(self) -> str:
        return f"{self.prefix}@settings"


class Lacking(Struct, frozen=True):
    """What a server was found not to have."""

    types: frozenset[str] = frozenset()
    lifecycle: bool = False

    def described(self) -> list[str]:
        """One sentence for each thing that was left out."""
        said: list[str] = []
        for kind in sorted(self.types):
            instead = FALLBACKS.get(kind)
            what = f"`{instead}` instead" if instead else "its fields are left out"
            said.append(f"the server lacks the field type `{kind}`: {what}")
        if self.lifecycle:
            said.append(
                "the server lacks data stream life cycles: roll over and delete by other means"
            )
        return said


class Template(Struct, frozen=True, kw_only=True):
    """A template as it should be on the server. `digest` is of it on a server that has all."""

    name: str
    component: bool
    body: dict[str, Any]
    digest: str


def templates(names: StreamNames, fields: Mapping[str, str], lacking: Lacking) -> list[Template]:
    """All templates, in the order in which they must be written. `fields`: type by dotted name."""
    whole = _bodies(names, fields, Lacking())
    fitting = _bodies(names, fields, lacking)
    return [
        Template(name=name, component=component, body=body, digest=_digest(whole[name, component]))
        for (name, component), body in fitting.items()
    ]


def _bodies(
    names: StreamNames, fields: Mapping[str, str], lacking: Lacking
) -> dict[tuple[str, bool], dict[str, Any]]:
    settings: dict[str, Any] = {
        "index": {
            # One copy more where there is a second node; a single node stays green.
            "auto_expand_replicas": "0-1",
            "mapping": {"total_fields": {"ignore_dynamic_beyond_limit": True}},
            "query": {"default_field": ["message", "event.reason", "rule.name"]},
        }
    }
    template: dict[str, Any] = {"settings": settings}
    if not lacking.lifecycle:
        template["lifecycle"] = {"enabled": True}
    bodies: dict[tuple[str, bool], dict[str, Any]] = {
        (names.settings, True): {"template": template}
    }
    for content in CONTENTS:
        constants = {"data_stream.type": "logs", "data_stream.dataset": f"tapewatch.{content}"}
        bodies[names.mappings(content), True] = {
            "template": {"mappings": mappings(fields, constants, lacking.types)}
        }
    for content in CONTENTS:
        custom = names.custom(content)
        bodies[names.index_template(content), False] = {
            "index_patterns": [f"{names.prefix}.{content}-*"],
            "data_stream": {},
            "priority": PRIORITY,
            "composed_of": [names.settings, names.mappings(content), custom],
            "ignore_missing_component_templates": [custom],
        }
    return bodies


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()
