"""What a set-up would change on a server, and the change itself."""

import asyncio
from itertools import groupby
from typing import Any

from elasticsearch import ApiError
from msgspec import Struct, field

from delivery.elastic_setup.asking import (
    ilm_stopped,
    lacking_interfaces,
    lacking_types,
    missing_privileges,
)
from delivery.elastic_setup.difference import Difference, definition, differences, is_ours, kept
from delivery.elastic_setup.lacking import Lacking
from delivery.elastic_setup.resources import Resource, Wanted, resources
from delivery.elastic_setup.rest import Rest, found
from delivery.elastic_setup.streams import StreamChange, change_stream, stream_changes
from delivery.elasticsearch_client import (
    NEXT,
    ElasticsearchErrors,
    NotPermitted,
    Server,
    unavailable,
    version_of,
)


class Change(Struct, frozen=True, kw_only=True):
    """A resource that is not as it should be. `before` is None where there is none yet."""

    resource: Resource
    body: dict[str, Any]
    before: dict[str, Any] | None
    differences: list[Difference]


class Plan(Struct, frozen=True, kw_only=True):
    """What would be done. `left_out` and `notes` are sentences for people."""

    server: Server
    lacking: Lacking
    changes: list[Change]
    unchanged: list[str]
    streams: list[StreamChange]
    #: Names that somebody else has taken: they are left alone.
    foreign: list[str] = field(default_factory=list[str])
    left_out: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])

    def __bool__(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.changes or self.streams)


async def plan(rest: Rest, server: Server, wanted: Wanted, *, take_over: bool = False) -> Plan:
    """What is to be done; nothing is written. `take_over`: also what somebody else has written.

    Raises SinkUnavailable.
    """
    try:
        lacks = await lacking_interfaces(rest, wanted.names)
        if not lacks.security:
            await _permitted(rest, wanted, lacks)
        lacks = await lacking_types(rest, lacks)
        changes: list[Change] = []
        unchanged: list[str] = []
        foreign: list[str] = []
        listed = resources(wanted, lacks, version_of(server))
        there = await asyncio.gather(*(_held(rest, resource) for resource in listed))
        for resource, held in zip(listed, there, strict=True):
            if held is not None and not is_ours(resource.kind, held) and not take_over:
                foreign.append(f"{resource.kind} {resource.name}")
                continue
            body = kept(resource.kind, held or {}, resource.body)
            differs = differences(resource.kind, held or {}, body)
            if held is None or differs:
                changes.append(
                    Change(resource=resource, body=body, before=held, differences=differs)
                )
            else:
                unchanged.append(resource.name)
        streams, notes = await stream_changes(rest, wanted, lacks)
        if wanted.retention.keeper(lacks) == "ilm":
            notes += await ilm_stopped(rest)
    except ElasticsearchErrors as error:
        raise unavailable(error) from None
    return Plan(
        server=server,
        lacking=lacks,
        changes=changes,
        unchanged=unchanged,
        streams=streams,
        foreign=foreign,
        left_out=lacks.described(roles=wanted.roles),
        notes=[*_untried(server), *wanted.retention.doubts(lacks), *notes],
    )


async def apply(rest: Rest, todo: Plan, wanted: Wanted, *, roll_over: bool = True) -> list[str]:
    """Do it. Returns sentences about what remains to be done. Raises SinkUnavailable."""
    said: list[str] = []
    try:
        # A kind rests on those before it; of one kind all are written at once.
        for _, kind in groupby(todo.changes, key=lambda change: change.resource.kind):
            await asyncio.gather(*(rest.ask("PUT", c.resource.path, c.body) for c in kind))
        for change in todo.streams:
            said += await change_stream(rest, change, wanted, todo.lacking, roll_over=roll_over)
    except ElasticsearchErrors as error:
        raise unavailable(error) from None
    return said


def _untried(server: Server) -> list[str]:
    if version_of(server) < NEXT:
        return []
    next_one = ".".join(map(str, NEXT))
    return [f"Elasticsearch {next_one} and newer are not known to this version of Tapewatch"]


async def _permitted(rest: Rest, wanted: Wanted, lacks: Lacking) -> None:
    try:
        missing = await missing_privileges(
            rest,
            wanted.names,
            wanted.data,
            roles=wanted.roles,
            ilm=wanted.retention.keeper(lacks) == "ilm",
        )
    except ApiError as error:
        if error.status_code in (400, 404, 405, 410, 503):
            return  # a server that can't say: what isn't permitted is told when it is tried
        raise
    if missing:
        raise NotPermitted(
            f"Elasticsearch doesn't permit it: this log-in lacks {', '.join(missing)}"
        )


async def _held(rest: Rest, resource: Resource) -> dict[str, Any] | None:
    answer = await found(rest, resource.path)
    return definition(resource.kind, resource.name, answer) if answer is not None else None
