"""Puts the templates on a server: what it lacks is left out and said, what is there is left alone.

Servers differ: a distribution without X-Pack has no `match_only_text`, others no life cycles. No
list of versions tells; so each template is tried whole first, and the server's own refusal says
what to do without.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from elasticsearch import AsyncElasticsearch, BadRequestError, NotFoundError
from msgspec import Struct, field

from delivery.elasticsearch_client import (
    ElasticsearchErrors,
    Server,
    unavailable,
)
from delivery.mappings import FALLBACKS
from delivery.sink import SinkUnavailable
from delivery.templates import CONTENTS, Lacking, StreamNames, Template, templates

_NO_TYPE = re.compile(r"(?:mapper type \[|No handler for type \[)(\w+)\]")
_NO_LIFECYCLE = re.compile(r"lifecycle")


class TemplateReport(Struct, frozen=True, kw_only=True):
    """What an installation did. `left_out` and `doubts` are sentences for people."""

    written: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


class _Meta(Struct):
    digest: str = ""
    server: str = ""
    lacking_types: list[str] = field(default_factory=list[str])
    lacking_lifecycle: bool = False


class _Definition(Struct):
    meta: _Meta | None = field(name="_meta", default=None)


class _Component(Struct):
    component_template: _Definition


class _Components(Struct):
    component_templates: list[_Component]


class _Index(Struct):
    index_template: _Definition


class _Indices(Struct):
    index_templates: list[_Index]


async def install_templates(
    client: AsyncElasticsearch, server: Server, names: StreamNames, fields: Mapping[str, str]
) -> TemplateReport:
    """Write every template that isn't there yet as it should be. `fields`: ES type by dotted name.

    Mappings of data streams that exist are extended by new fields. Raises SinkUnavailable.
    """
    try:
        lacking, complete = await _noted(client, server, names, fields)
        if complete:
            everything = templates(names, fields, lacking)
            return TemplateReport(
                unchanged=tuple(t.name for t in everything), left_out=tuple(lacking.described())
            )
        lacking, written, unchanged = await _write(client, server, names, fields, lacking)
        doubts = await _extend_streams(client, names, fields, lacking) if written else []
    except ElasticsearchErrors as error:
        raise unavailable(error) from None
    return TemplateReport(
        written=tuple(written),
        unchanged=tuple(unchanged),
        left_out=tuple(lacking.described()),
        doubts=tuple(doubts),
    )


async def missing_templates(
    client: AsyncElasticsearch, names: StreamNames, fields: Mapping[str, str]
) -> list[str]:
    """Names of the templates that are missing or not of this version. Raises SinkUnavailable."""
    try:
        return [
            template.name
            for template in templates(names, fields, Lacking())
            if (found := await _meta(client, template)) is None or found.digest != template.digest
        ]
    except ElasticsearchErrors as error:
        raise unavailable(error) from None


async def _noted(
    client: AsyncElasticsearch, server: Server, names: StreamNames, fields: Mapping[str, str]
) -> tuple[Lacking, bool]:
    """What the templates on the server note that it lacks, and whether all are as they should be.

    Notes of another version of the server don't count: by now it may have what it lacked.
    """
    types: set[str] = set()
    lifecycle, complete = False, True
    for template in templates(names, fields, Lacking()):
        meta = await _meta(client, template)
        if meta is None or meta.server != server.version:
            complete = False
            continue
        complete &= meta.digest == template.digest
        types.update(meta.lacking_types)
        lifecycle |= meta.lacking_lifecycle
    return Lacking(frozenset(types), lifecycle), complete


async def _write(
    client: AsyncElasticsearch,
    server: Server,
    names: StreamNames,
    fields: Mapping[str, str],
    lacking: Lacking,
) -> tuple[Lacking, list[str], list[str]]:
    # Each round learns of one thing that is lacking.
    for _ in range(len(FALLBACKS) + 2):
        written: list[str] = []
        unchanged: list[str] = []
        try:
            for template in templates(names, fields, lacking):
                meta = _Meta(
                    digest=template.digest,
                    server=server.version,
                    lacking_types=sorted(lacking.types),
                    lacking_lifecycle=lacking.lifecycle,
                )
                if await _meta(client, template) == meta:
                    unchanged.append(template.name)
                else:
                    await _put(client, template, meta)
                    written.append(template.name)
            return lacking, written, unchanged
        except BadRequestError as error:
            learned = _learn(lacking, str(error))
            if learned is None:
                raise
            lacking = learned
    raise SinkUnavailable("Elasticsearch refuses the templates whatever is left out")


def _learn(lacking: Lacking, refusal: str) -> Lacking | None:
    """What the server lacks in the light of its refusal; None if it is about something else."""
    found = _NO_TYPE.search(refusal)
    if found is not None and found[1] in FALLBACKS and found[1] not in lacking.types:
        return Lacking(lacking.types | {found[1]}, lacking.lifecycle)
    if _NO_LIFECYCLE.search(refusal) and not lacking.lifecycle:
        return Lacking(lacking.types, True)
    return None


async def _meta(client: AsyncElasticsearch, template: Template) -> _Meta | None:
    """What is noted in the template on the server; None if it isn't there or isn't ours."""
    try:
        if template.component:
            answer = await client.cluster.get_component_template(name=template.name)
            components = msgspec.convert(answer.body, _Components).component_templates
            return components[0].component_template.meta if components else None
        answer = await client.indices.get_index_template(name=template.name)
        indices = msgspec.convert(answer.body, _Indices).index_templates
        return indices[0].index_template.meta if indices else None
    except (NotFoundError, msgspec.ValidationError):
        return None


async def _put(client: AsyncElasticsearch, template: Template, meta: _Meta) -> None:
    noted: dict[str, Any] = {
        **template.body,
        "_meta": {
            "description": "written by Tapewatch; put changes into the @custom component template",
            "managed_by": "tapewatch",
            **msgspec.to_builtins(meta),
        },
    }
    kind = "_component_template" if template.component else "_index_template"
    await client.perform_request(
        "PUT",
        f"/{kind}/{template.name}",
        headers={"accept": "application/json", "content-type": "application/json"},
        body=noted,
    )


async def _extend_streams(
    client: AsyncElasticsearch, names: StreamNames, fields: Mapping[str, str], lacking: Lacking
) -> list[str]:
    """Give the data streams that exist the new fields: a template is for new indices only."""
    bodies = {t.name: t.body for t in templates(names, fields, lacking)}
    doubts: list[str] = []
    for content in CONTENTS:
        properties = bodies[names.mappings(content)]["template"]["mappings"]["properties"]
        stream = names.stream(content)
        try:
            await client.indices.put_mapping(
                index=stream, properties=properties, write_index_only=True
            )
        except NotFoundError:
            continue  # no data stream yet
        except BadRequestError as error:
            doubts.append(
                f"{stream} keeps its old mapping until it rolls over (POST {stream}/_rollover): "
                f"{str(error)[:300]}"
            )
    return doubts
