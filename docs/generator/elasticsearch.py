"""``elasticsearch.md``: what `tapewatch setup elastic` puts on a server, and who may do what."""

from collections import Counter
from typing import Any

from delivery.build import elasticsearch_fields
from delivery.elastic_setup.lacking import Lacking
from delivery.elastic_setup.resources import Wanted, resources
from delivery.elastic_setup.retention import Retention, elastic_time
from delivery.elastic_setup.roles import ROLES, needed_privileges, role_body
from delivery.elasticsearch_client import OLDEST
from delivery.mappings import FALLBACKS
from delivery.templates import DATA, StreamNames
from docs.generator.markdown import code, document, table
from pipeline.config.retention import ElasticRetention

_NEWEST = (9, 4)

_INTRODUCTION = """\
What `tapewatch setup elastic` installs, as the code has it: Elasticsearch {oldest} or newer, with
fields of ECS 9.4. How to run it is in the
[operations tutorial](../tutorial-operations.md#elasticsearch). A sink with
`install_templates: true` installs all of it but the roles, for its own `content`, at its start."""

_STREAMS = """\
## Data streams

`default` is the sink's `namespace`. Each document is kept for so long at least; the server deletes
it. Change the periods by [`retention`](configuration.md) of the sink."""

_RESOURCES = """\
## What is written, in this order

Everything carries `managed_by: tapewatch`. What has one of these names and doesn't, is somebody
else's, and is left alone (`--take-over` writes over it). Component templates that end in `@custom`
are never written: what an administrator puts there wins over all the others. ILM policies are
written only where ILM keeps the documents."""

_ROLES = """\
## Roles

By data stream, for all namespaces. Nobody may delete a document, an index or a data stream. The
writer overwrites documents where it sets marks, and never in the audit log. An auditor changes
nothing. In Kibana the privileges are of the space `default`; what an administrator gives a role in
other spaces stays."""

_NEEDED = """\
## Who sets it up needs

A superuser has them all. What is missing is said before anything is written."""

_LACKING = """\
## What a server may lack

It is asked and tried, without writing anything; what it lacks is left out, and said.

- Field types: {types}.
- Life cycles of data streams: ILM instead. Neither: nothing rolls over or is deleted by itself.
- ILM, as on Elastic Cloud Serverless: the life cycles of data streams.
- Processors of ingest pipelines: no pipelines.
- Security: no roles.
- The REST interface of data streams: the streams are there all the same, made by a first document,
  and roll over as any other."""


def page() -> str:
    """The page."""
    types = ", ".join(
        f"{code(kind)} ({code(instead) + ' instead' if instead else 'its fields are left out'})"
        for kind, instead in sorted(FALLBACKS.items())
    )
    return document(
        "Elasticsearch",
        _INTRODUCTION.format(oldest=".".join(map(str, OLDEST))),
        _STREAMS,
        _streams(),
        _RESOURCES,
        _resources(),
        _ROLES,
        _roles(),
        _NEEDED,
        _needed(),
        _LACKING.format(types=types),
    )


def _streams() -> str:
    names, periods = StreamNames(), ElasticRetention()
    return table(
        ("data stream", "holds", "kept for"),
        [
            (code(names.stream(data)), _HOLDS[data], elastic_time(getattr(periods, data)))
            for data in DATA
        ],
    )


_HOLDS = {
    "events": "what happened on chains and venues",
    "alerts": "what the rules found, and their updates",
    "cases": "what was done to cases",
    "audit": "entries of the audit log, put there by `tapewatch audit index`, to search",
}


def _resources() -> str:
    wanted = Wanted(
        names=StreamNames(),
        fields=elasticsearch_fields(),
        retention=Retention(by="ilm"),
        roles=True,
    )
    listed = resources(wanted, Lacking(), _NEWEST)
    counted = Counter(one.kind for one in listed)
    return table(
        ("kind", "names"),
        [
            (kind, ", ".join(code(one.name) for one in listed if one.kind == kind))
            for kind in counted
        ],
    )


def _roles() -> str:
    names = StreamNames()
    rows: list[tuple[str, ...]] = []
    for who in ROLES:
        role = role_body(who, names, _NEWEST)
        name = code(names.role(who))
        rows += [(name, _codes(e["names"]), _codes(e["privileges"])) for e in role["indices"]]
        rows += [(name, "Kibana", _codes(e["privileges"])) for e in role["applications"]]
    return table(("role", "on", "may"), rows)


def _needed() -> str:
    needed = needed_privileges(StreamNames(), DATA, roles=True, ilm=True)
    rows = [("cluster", _codes(needed["cluster"]))]
    rows += [(_codes(one["names"]), _codes(one["privileges"])) for one in needed["index"]]
    return table(("on", "privileges"), rows)


def _codes(words: Any) -> str:
    return ", ".join(code(word) for word in words)
