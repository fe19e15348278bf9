"""A set-up of one server from beginning to end: what `tapewatch setup elastic` does."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from elasticsearch import AsyncElasticsearch
from msgspec import Struct

from delivery.elastic_setup.plan import Plan, apply, plan
from delivery.elastic_setup.resources import Wanted
from delivery.elastic_setup.rest import ClientRest
from delivery.elasticsearch_client import Connection, Server, connect, fitting_server, logged_in


class Outcome(Struct, frozen=True, kw_only=True):
    """What was done, or would be: `done` says which. `remains` are sentences for people."""

    plan: Plan
    done: bool
    remains: list[str]


async def set_up(
    connection: Connection,
    wanted: Wanted,
    *,
    dry_run: bool = False,
    take_over: bool = False,
    roll_over: bool = True,
    before: Callable[[Plan], None] = lambda _: None,
) -> Outcome:
    """Do it. `before` is called with what will be done, if anything. Raises SinkUnavailable."""
    async with server_at(connection) as (client, server):
        rest = ClientRest(client)
        todo = await plan(rest, server, wanted, take_over=take_over)
        if dry_run or not todo:
            return Outcome(plan=todo, done=not dry_run, remains=[])
        before(todo)
        remains = await apply(rest, todo, wanted, roll_over=roll_over)
    return Outcome(plan=todo, done=True, remains=remains)


@asynccontextmanager
async def server_at(connection: Connection) -> AsyncGenerator[tuple[AsyncElasticsearch, Server]]:
    """A client that is logged in to a server of a version that fits. Raises SinkUnavailable."""
    client = connect(connection)
    try:
        user = logged_in(client, connection)
        yield user, await fitting_server(user)
    finally:
        await client.close()
