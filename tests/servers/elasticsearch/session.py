"""One node for all processes of a test session: the first that asks starts it, the end stops it.

The process that leads the session (pytest, or pytest-xdist's controller) names a folder in the
environment, which its workers inherit. State lies in that folder, under a lock. A session that was
killed leaves its node running; the next session of this machine finds and stops it.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping, MutableMapping
from pathlib import Path

import msgspec

from tests.servers.elasticsearch.distribution import (
    FETCH_SECONDS,
    cache_folder,
    unpacked_server,
)
from tests.servers.elasticsearch.errors import ElasticsearchFailed, ElasticsearchUnavailable
from tests.servers.elasticsearch.java import find_jdk
from tests.servers.elasticsearch.node import READY_SECONDS, Node, start_node, stop_node
from tests.servers.elasticsearch.server import ElasticsearchServer
from tests.servers.file_lock import file_lock
from tests.servers.private_file import write_private

SESSION_VARIABLE = "TAPEWATCH_TEST_SESSION"
URL_VARIABLE = "TAPEWATCH_TEST_ELASTICSEARCH_URL"
API_KEY_VARIABLE = "TAPEWATCH_TEST_ELASTICSEARCH_API_KEY"


class _State(msgspec.Struct, kw_only=True):
    node: Node | None = None
    unavailable: str | None = None
    failed: str | None = None


def lead_session(environ: MutableMapping[str, str] = os.environ) -> Path:
    """Name this process the leader: it, and what it starts, share the nodes of the folder returned.

    Costs nothing until a node is asked for. The leader calls `end_session` with the folder.
    """
    folder = cache_folder() / "sessions" / f"{os.getpid()}-{secrets.token_hex(4)}"
    environ[SESSION_VARIABLE] = str(folder)
    return folder


def server_of_session(
    *, secure: bool = False, environ: Mapping[str, str] = os.environ
) -> ElasticsearchServer:
    """The server that this session's tests share.

    A URL in TAPEWATCH_TEST_ELASTICSEARCH_URL wins (but for `secure`, which needs a node of ours).
    Raises ElasticsearchUnavailable or ElasticsearchFailed, the same in every process of a session.
    """
    url = environ.get(URL_VARIABLE)
    if url and not secure:
        return _given_server(url, environ.get(API_KEY_VARIABLE))
    folder = Path(environ[SESSION_VARIABLE])
    name = "secure" if secure else "open"
    with file_lock(folder / f"{name}.lock", FETCH_SECONDS + READY_SECONDS):
        state = _read(folder / f"{name}.json")
        if state is None:
            stop_orphans(folder.parent)
            state = _start(secure)
            write_private(folder / f"{name}.json", msgspec.json.encode(state))
    if state.unavailable is not None:
        raise ElasticsearchUnavailable(state.unavailable)
    if state.node is None:
        raise ElasticsearchFailed(state.failed)
    return state.node.server


def end_session(folder: Path) -> None:
    """Stop every node of the session and forget it."""
    for path in sorted(folder.glob("*.json")):
        state = _read(path)
        if state is not None and state.node is not None:
            stop_node(state.node)
    shutil.rmtree(folder, ignore_errors=True)


def stop_orphans(sessions: Path) -> None:
    """End the sessions whose leader is gone."""
    for folder in sessions.iterdir():
        leader = folder.name.split("-")[0]
        if leader.isdigit() and not _is_alive(int(leader)):
            end_session(folder)


def _start(secure: bool) -> _State:
    try:
        jdk = find_jdk()
        home = unpacked_server(cache_folder(), jdk)
        return _State(node=start_node(home, jdk, secure=secure, quick=True))
    except ElasticsearchUnavailable as error:
        return _State(unavailable=str(error))
    except ElasticsearchFailed as error:
        return _State(failed=str(error))


def _given_server(url: str, api_key: str | None) -> ElasticsearchServer:
    try:
        server = ElasticsearchServer.from_url(url, api_key)
    except ValueError as error:
        raise ElasticsearchFailed(f"{URL_VARIABLE}: {error}") from None
    with server.client(request_timeout=10, max_retries=0) as client:
        try:
            client.info()
        except Exception as error:
            raise ElasticsearchFailed(
                f"{URL_VARIABLE}: {server.url} does not answer as Elasticsearch: {error}"
            ) from error
    return server


def _read(path: Path) -> _State | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_State)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
