"""Component and index templates of the data streams, generated from the taxonomy (ECS 9.4).

- `logs-tapewatch@settings`: what all have in common;
- `logs-tapewatch.<data>@mappings`, `logs-tapewatch.<data>@settings`: the fields; the ingest
  pipeline and how long documents are kept;
- `logs-tapewatch.<data>@custom`: never written by us; what an administrator puts there wins;
- `logs-tapewatch.<data>`: index templates of `logs-tapewatch.<data>-*`.

Source: Elasticsearch's REST API reference, "Create or update a component template" and "Create or
update an index template"; the names are those of Elastic's data stream naming scheme.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from delivery.audit_fields import AUDIT_FIELDS
from delivery.elastic_setup.lacking import Lacking
from delivery.elastic_setup.retention import Retention
from delivery.mappings import mappings

#: Above the 100 of the templates `logs-*-*` that Elasticsearch brings along.
PRIORITY = 250
#: What each data stream holds: what sinks deliver, what is done to cases, entries of the audit log.
Data = Literal["events", "alerts", "cases", "audit"]
DATA: tuple[Data, ...] = ("events", "alerts", "cases", "audit")
#: Elasticsearch's type of each field of the taxonomy, by dotted name.
Fields = Mapping[str, str]


class StreamNames(Struct, frozen=True, kw_only=True):
    """Names of data streams and of all that goes with them.

    `prefix` is type and product of the naming scheme.
    """

    namespace: str = "default"
    prefix: str = "logs-tapewatch"

    def stream(self, data: Data) -> str:
        return f"{self.prefix}.{data}-{self.namespace}"

    def pattern(self, data: Data) -> str:
        """Of the data streams of all namespaces."""
        return f"{self.prefix}.{data}-*"

    def index_template(self, data: Data) -> str:
        return f"{self.prefix}.{data}"

    def mappings(self, data: Data) -> str:
        return f"{self.prefix}.{data}@mappings"

    def data_settings(self, data: Data) -> str:
        return f"{self.prefix}.{data}@settings"

    def custom(self, data: Data) -> str:
        """The component template of an administrator."""
        return f"{self.prefix}.{data}@custom"

    def pipeline(self, data: Data) -> str:
        return f"{self.prefix}.{data}@pipeline"

    def policy(self, data: Data) -> str:
        """The ILM policy."""
        return f"{self.prefix}.{data}"

    @property
    def settings(self) -> str:
        return f"{self.prefix}@settings"

    def role(self, who: str) -> str:
        """A role's name: `tapewatch_writer`."""
        return f"{self.prefix.removeprefix('logs-')}_{who}"


class Template(Struct, frozen=True, kw_only=True):
    """A template as it should be on the server."""

    name: str
    component: bool
    body: dict[str, Any]


def templates(
    names: StreamNames,
    fields: Fields,
    retention: Retention,
    lacking: Lacking,
    wanted: Sequence[Data] = DATA,
) -> list[Template]:
    """The templates of the wanted data streams, in the order in which they must be written."""
    found = [
        Template(name=names.settings, component=True, body={"template": {"settings": _SETTINGS}})
    ]
    for data in wanted:
        constants = {"data_stream.type": "logs", "data_stream.dataset": f"tapewatch.{data}"}
        of_it = AUDIT_FIELDS if data == "audit" else fields
        mapped = {"mappings": mappings(of_it, constants, lacking.types)}
        found.append(Template(name=names.mappings(data), component=True, body={"template": mapped}))
    for data in wanted:
        body = {"template": _data_settings(names, data, retention, lacking)}
        found.append(Template(name=names.data_settings(data), component=True, body=body))
    for data in wanted:
        body: dict[str, Any] = {
            "index_patterns": [names.pattern(data)],
            "data_stream": {},
            "priority": PRIORITY,
            "composed_of": composed_of(names, data),
            "ignore_missing_component_templates": [names.custom(data)],
        }
        found.append(Template(name=names.index_template(data), component=False, body=body))
    return found


def composed_of(names: StreamNames, data: Data) -> list[str]:
    """The component templates of an index template; a later one wins."""
    return [names.settings, names.mappings(data), names.data_settings(data), names.custom(data)]


_SETTINGS: dict[str, Any] = {
    "index": {
        # One copy more where there is a second node; a single node stays green.
        "auto_expand_replicas": "0-1",
        "mapping": {"total_fields": {"ignore_dynamic_beyond_limit": True}},
        "query": {"default_field": ["message", "event.reason", "rule.name"]},
    }
}


def _data_settings(
    names: StreamNames, data: Data, retention: Retention, lacking: Lacking
) -> dict[str, Any]:
    index: dict[str, Any] = {}
    if not lacking.processors:
        index["default_pipeline"] = names.pipeline(data)
    keeper = retention.keeper(lacking)
    if keeper == "ilm":
        # Said, because a data stream that has its own life cycle as well must follow this one.
        index["lifecycle"] = {"name": names.policy(data), "prefer_ilm": True}
    template: dict[str, Any] = {"settings": {"index": index}} if index else {"settings": {}}
    if keeper == "data_stream":
        template["lifecycle"] = retention.data_stream_lifecycle(data)
    return template
