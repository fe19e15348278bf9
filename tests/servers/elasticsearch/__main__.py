"""`python -m tests.servers.elasticsearch start|stop`: a node that stays until it is stopped."""

import argparse
import sys
from pathlib import Path

import msgspec

from tests.servers.elasticsearch.distribution import cache_folder, unpacked_server
from tests.servers.elasticsearch.errors import ElasticsearchFailed, ElasticsearchUnavailable
from tests.servers.elasticsearch.java import find_jdk
from tests.servers.elasticsearch.node import Node, is_running, start_node, stop_node
from tests.servers.file_lock import file_lock
from tests.servers.private_file import write_private


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.elasticsearch")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("start", help="start a node and return when it is ready")
    starting.add_argument("--port", type=int, default=9200, help="0 chooses a free one")
    starting.add_argument("--heap", default="512m")
    starting.add_argument("--secure", action="store_true", help="ask clients for a password")
    commands.add_parser("stop", help="stop it and delete its data")
    options = parser.parse_args(arguments)
    try:
        state = cache_folder() / "by-hand.json"
        with file_lock(state.with_suffix(".lock"), 5):
            if options.command == "stop":
                return _stop(state)
            return _start(state, options.port, options.heap, options.secure)
    except (ElasticsearchUnavailable, ElasticsearchFailed, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1


def _start(state: Path, port: int, heap: str, secure: bool) -> int:
    node = _read(state)
    if node is not None and is_running(node):
        print(f"Elasticsearch runs already: {node.server.url} (pid {node.pid})")
        return 0
    if node is not None:
        stop_node(node)  # it died; its folder is still there
    jdk = find_jdk()
    home = unpacked_server(cache_folder(), jdk)
    node = start_node(home, jdk, http_port=port, heap=heap, secure=secure)
    write_private(state, msgspec.json.encode(node))
    print(f"Elasticsearch is ready after {node.ready_seconds:.0f} s: {node.server.url}")
    if node.server.password is not None:
        print(f"user elastic, password {node.server.password}")
    return 0


def _stop(state: Path) -> int:
    node = _read(state)
    if node is None:
        print("no Elasticsearch was started by hand")
        return 0
    stop_node(node)
    state.unlink()
    print("Elasticsearch is stopped and its data deleted")
    return 0


def _read(state: Path) -> Node | None:
    try:
        return msgspec.json.decode(state.read_bytes(), type=Node)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


if __name__ == "__main__":
    sys.exit(main())
