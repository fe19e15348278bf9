"""API keys with the privileges of a role and no others.

A key can't do what its maker can't: it is made by somebody who may do all that the role may.

Source: Elasticsearch's REST API reference, "Create an API key".
"""

from typing import Any

import msgspec
from msgspec import Struct

from delivery.elastic_setup.resources import MANAGED_BY
from delivery.elastic_setup.rest import SECURITY, ClientRest, knows
from delivery.elastic_setup.retention import elastic_time
from delivery.elastic_setup.roles import Who, role_body
from delivery.elastic_setup.running import server_at
from delivery.elasticsearch_client import (
    Connection,
    ElasticsearchErrors,
    unavailable,
    version_of,
)
from delivery.sink import SinkUnavailable
from delivery.templates import StreamNames


class ApiKey(Struct):
    """A key as it was made. `encoded` is the secret: it is told only once."""

    id: str
    name: str
    encoded: str
    #: Milliseconds since the epoch; None: it doesn't expire.
    expiration: int | None = None


async def create_key(
    connection: Connection, who: Who, names: StreamNames, *, expires_after: int = 0
) -> ApiKey:
    """Make one. `expires_after`: nanoseconds; 0: never. Raises SinkUnavailable."""
    async with server_at(connection) as (client, server):
        role = role_body(who, names, version_of(server))
        del role["description"]  # a key has none
        body: dict[str, Any] = {
            "name": names.role(who).replace("_", "-"),
            "role_descriptors": {names.role(who): role},
            "metadata": {"managed_by": MANAGED_BY},
        }
        if expires_after:
            body["expiration"] = elastic_time(expires_after)
        rest = ClientRest(client)
        try:
            if not await knows(rest, SECURITY):
                raise SinkUnavailable("the server's security is off: it asks for no key")
            answer = await rest.ask("POST", "/_security/api_key", body)
            return msgspec.convert(answer, ApiKey)
        except ElasticsearchErrors as error:
            raise unavailable(error) from None
        except msgspec.ValidationError as error:
            raise SinkUnavailable(f"Elasticsearch's answer can't be read: {error}") from None
