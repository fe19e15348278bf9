"""What a sink installs at its start, and what of it is missing: all but the roles."""

from elasticsearch import AsyncElasticsearch
from msgspec import Struct

from delivery.elastic_setup.plan import Plan, apply, plan
from delivery.elastic_setup.resources import Wanted
from delivery.elastic_setup.rest import ClientRest
from delivery.elasticsearch_client import Server


class Installed(Struct, frozen=True, kw_only=True):
    """What an installation did. `left_out` and `doubts` are sentences for people."""

    written: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


async def install(client: AsyncElasticsearch, server: Server, wanted: Wanted) -> Installed:
    """Write what isn't there yet as it should be. Raises SinkUnavailable.

    Data streams that exist get new fields, settings and life cycles, but don't roll over: several
    processes may start at once. That is said.
    """
    rest = ClientRest(client)
    todo = await plan(rest, server, wanted)
    said = await apply(rest, todo, wanted, roll_over=False)
    return Installed(
        written=tuple(change.resource.name for change in todo.changes),
        unchanged=tuple(todo.unchanged),
        left_out=tuple(todo.left_out),
        doubts=(*_foreign(todo), *todo.notes, *said),
    )


async def missing(client: AsyncElasticsearch, server: Server, wanted: Wanted) -> list[str]:
    """Names of what is missing or not of this version. Raises SinkUnavailable."""
    todo = await plan(ClientRest(client), server, wanted)
    return [change.resource.name for change in todo.changes]


def _foreign(todo: Plan) -> list[str]:
    return [f"{one} isn't Tapewatch's, and is left as it is" for one in todo.foreign]
