"""Elasticsearch's REST interface by path: also what its Python client has no method for."""

from typing import Any, Protocol

from elasticsearch import ApiError, AsyncElasticsearch

_JSON = {"accept": "application/json", "content-type": "application/json"}
#: What a server says to a path that it doesn't know: no handler, another method's, serverless.
_UNKNOWN = frozenset((400, 405, 410))
#: A path that a server knows whose security is on, whoever asks.
SECURITY = "/_security/_authenticate"


class Rest(Protocol):
    """A server that is asked."""

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer. Raises ApiError and TransportError."""
        ...


class ClientRest:
    """The server of a client."""

    def __init__(self, client: AsyncElasticsearch) -> None:
        self._client = client

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer. Raises ApiError and TransportError."""
        answer = await self._client.perform_request(method, path, headers=_JSON, body=body)
        return answer.body


async def found(rest: Rest, path: str) -> Any | None:
    """What is at a path; None where nothing is."""
    try:
        return await rest.ask("GET", path)
    except ApiError as error:
        if error.status_code == 404:
            return None
        raise


async def knows(rest: Rest, path: str) -> bool:
    """Whether the server has this interface at all; that one may not ask is no reason against."""
    try:
        await rest.ask("GET", path)
    except ApiError as error:
        if error.status_code in _UNKNOWN:
            return False
        if error.status_code in (403, 404):
            return True
        if error.status_code == 500 and "failed to find action" in str(error):
            return False
        raise
    return True
