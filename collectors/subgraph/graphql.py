"""GraphQL over HTTP to one subgraph: a query, its data, and what its errors mean.

Source: https://graphql.org/learn/serving-over-http and graph-node's answers, which have errors in a
body of status 200.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from collectors.reference.http_api import BearerKey, HttpApi, HttpSettings
from collectors.reference.source import SourceFault
from pipeline.config.sources import SubgraphSource

T = TypeVar("T")

_LONGEST = 300
#: What graph-node says of a block that is not of its chain.
_NO_SUCH_BLOCK = "no block with that hash found"
#: Of a block that it has not come to, or has forgotten.
_NOT_THERE = ("has only indexed up to block", "only have data starting at block")


class QueryRefused(SourceFault):
    """The subgraph answered with errors."""


class UnknownBlock(QueryRefused):
    """It knows no block of this hash: it never was, or is no longer, of the chain."""


class NotIndexed(QueryRefused):
    """It has no data of this block: it is behind, or has pruned it."""


class _Error(Struct):
    message: str = ""


class _Answer(Struct):
    data: Raw = Raw(b"null")
    errors: list[_Error] = []


class _Request(Struct):
    query: str
    variables: Mapping[str, Any]


class Subgraph:
    """One subgraph. Use from one task at a time."""

    def __init__(self, config: SubgraphSource) -> None:
        settings = HttpSettings(
            timeout=config.request_timeout,
            per_second=config.requests_per_second,
            most_bytes=config.max_frame,
            ca_certificate=config.ca_certificate,
        )
        key = None if config.api_key is None else BearerKey(config.api_key)
        self._api = HttpApi(config.url, settings, key)

    @property
    def shown(self) -> str:
        """The endpoint, fit to be shown."""
        return self._api.shown

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def ask(self, query: str, type_: type[T], **variables: Any) -> T:
        """The data of a query. Raises SourceFault, a QueryRefused where the subgraph refuses."""
        answer = await self._api.post("", _Answer, _Request(query, variables))
        if answer.errors:
            said = "; ".join(one.message for one in answer.errors)
            raise _refusal(self.shown, said[:_LONGEST])
        try:
            return msgspec.json.decode(answer.data, type=type_)
        except msgspec.MsgspecError as error:
            raise SourceFault(f"{self.shown}: another answer than documented: {error}") from None


def _refusal(shown: str, said: str) -> QueryRefused:
    text = f"{shown}: the subgraph refused the query: {said}"
    if any(words in said for words in _NOT_THERE):
        return NotIndexed(text)
    if _NO_SUCH_BLOCK in said:
        return UnknownBlock(text)
    return QueryRefused(text)
