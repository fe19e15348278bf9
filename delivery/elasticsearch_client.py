"""The connection to Elasticsearch: its client, its version, and what its errors mean."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path

import elastic_transport
import msgspec
from elasticsearch import (
    ApiError,
    AsyncElasticsearch,
    BadRequestError,
    UnsupportedProductError,
)
from msgspec import Struct

from delivery.endpoint import endpoint_of, revealed, tls_context
from delivery.sink import SinkUnavailable
from pipeline.retry_after import retry_after
from pipeline.secrets import SecretText
from pipeline.units import SECOND

#: The client speaks the REST API of version 9, which older servers refuse.
OLDEST = (9, 0)
#: Nobody knows yet what it will be like.
NEXT = (10, 0)

#: All that talking to a server may raise.
ElasticsearchErrors = (ApiError, elastic_transport.TransportError, UnsupportedProductError)
ElasticsearchError = ApiError | elastic_transport.TransportError | UnsupportedProductError


class NotPermitted(SinkUnavailable):
    """The log-in is good, and may not do this."""


class Connection(Struct, frozen=True, kw_only=True):
    """Where the server is and how to log in. `timeout` is in nanoseconds, for one request."""

    urls: Sequence[SecretText]
    timeout: int
    api_key: SecretText | None = None
    username: str | None = None
    password: SecretText | None = None
    ca_certificate: Path | None = None
    verify_certificates: bool = True


class Server(Struct, frozen=True, kw_only=True):
    """What a server says of itself; empty where the user may not ask."""

    version: str = ""
    cluster: str = ""


def connect(connection: Connection) -> AsyncElasticsearch:
    """A client that is not logged in; it retries nothing by itself.

    Raises SinkUnavailable for a URL or CA certificate that can't be used.
    """
    endpoints = [endpoint_of(url) for url in connection.urls]
    secure = any(endpoint.shown.startswith("https:") for endpoint in endpoints)
    tls = tls_context(connection.ca_certificate, connection.verify_certificates) if secure else None
    return AsyncElasticsearch(
        [endpoint.url() for endpoint in endpoints],
        node_class=elastic_transport.HttpxAsyncHttpNode,
        ssl_context=tls,
        request_timeout=connection.timeout / SECOND,
        max_retries=0,
        retry_on_timeout=False,
    )


def logged_in(client: AsyncElasticsearch, connection: Connection) -> AsyncElasticsearch:
    """`client`, sharing its connections, with the log-in as it is now: secrets may be rotated.

    Raises SinkUnavailable when a secret can't be had.
    """
    if connection.api_key is not None:
        key = revealed(connection.api_key, "the API key")
        if not (key.isascii() and key.isprintable()):
            raise SinkUnavailable("no header can hold the API key: write it anew, see `api_key`")
        return client.options(api_key=key)
    if connection.username is not None:
        secret = connection.password
        password = revealed(secret, "the password") if secret is not None else ""
        # By ourselves: the client takes ASCII only, and a password may have any letter.
        pair = base64.b64encode(f"{connection.username}:{password}".encode()).decode()
        return client.options(headers={"authorization": f"Basic {pair}"})
    authorization = endpoint_of(connection.urls[0]).authorization
    if authorization is not None:
        return client.options(headers={"authorization": authorization})
    return client


async def fitting_server(client: AsyncElasticsearch) -> Server:
    """What answers. Raises SinkUnavailable when it is none, or too old, or refuses the log-in.

    A user that may only write may not ask for the version; that is not an error.
    """
    try:
        answer = (await client.info()).body
    except BadRequestError as error:
        if "compatible-with" in str(error) or "media_type_header" in str(error):
            raise SinkUnavailable(_too_old("an older version")) from None
        raise unavailable(error) from None
    except ApiError as error:
        if error.status_code == 403:
            return Server()
        raise unavailable(error) from None
    except ElasticsearchErrors as error:
        raise unavailable(error) from None
    version = answer.get("version", {})
    number = str(version.get("number", ""))
    if version.get("build_flavor") != "serverless" and not _fits(number):
        raise SinkUnavailable(_too_old(number or "an unknown version"))
    return Server(version=number, cluster=str(answer.get("cluster_name", "")))


def version_of(server: Server) -> tuple[int, int]:
    """Major and minor version; that of the oldest that does, where it isn't known."""
    return _numbers(server.version) or OLDEST


def _fits(number: str) -> bool:
    found = _numbers(number)
    return found is not None and found >= OLDEST


def _numbers(number: str) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)", number)
    return (int(found[1]), int(found[2])) if found is not None else None


def _too_old(number: str) -> str:
    oldest = ".".join(map(str, OLDEST))
    return f"Elasticsearch {oldest} or newer is needed, this is {number}: upgrade it"


def unavailable(error: ElasticsearchError) -> SinkUnavailable:
    """What an error of the whole request means. No part of a request is in the reason."""
    if isinstance(error, UnsupportedProductError):
        return SinkUnavailable("what answers isn't Elasticsearch: see `urls`")
    if isinstance(error, elastic_transport.SerializationError):  # its message is the whole answer
        return SinkUnavailable("what answers is no JSON, as Elasticsearch's is: see `urls`")
    if isinstance(error, elastic_transport.TransportError):
        return SinkUnavailable(f"Elasticsearch can't be reached: {error.message}")
    status = error.status_code
    reason = _reason(error)
    wait = retry_after(error.meta.headers.get("retry-after"))
    if status == 401:
        return SinkUnavailable(
            f"Elasticsearch refuses the log-in: see `api_key` or `username` ({reason})", wait
        )
    if status == 403:
        return NotPermitted(f"Elasticsearch doesn't permit it: {reason}", wait)
    return SinkUnavailable(f"Elasticsearch: HTTP {status}, {reason}", wait)


class _Detail(Struct):
    type: str = ""
    reason: str | None = None


class _Refusal(Struct):
    error: _Detail


def _reason(error: ApiError) -> str:
    try:
        detail = msgspec.convert(error.body, _Refusal).error
    except msgspec.ValidationError:
        return str(error.message)[:200]
    return f"{detail.type}: {(detail.reason or '')[:500]}"
