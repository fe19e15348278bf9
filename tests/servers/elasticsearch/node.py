"""Starts and stops one Elasticsearch node on loopback ports, as a process of its own."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import msgspec

from tests.servers.elasticsearch.errors import ElasticsearchFailed
from tests.servers.elasticsearch.java import Jdk
from tests.servers.elasticsearch.privileges import (
    demoting_command,
    hand_over,
    reachable_temporary_folder,
)
from tests.servers.elasticsearch.server import ElasticsearchServer
from tests.servers.free_port import free_ports

READY_SECONDS = 150.0
STOP_SECONDS = 20.0
ATTEMPTS = 3  # a port that was free may be taken while the node starts


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A node that runs. `run_folder` holds its data, logs and configuration, and goes with it."""

    server: ElasticsearchServer
    pid: int
    run_folder: str
    ready_seconds: float


def start_node(
    home: Path,
    jdk: Jdk,
    *,
    http_port: int = 0,
    heap: str = "512m",
    secure: bool = False,
    quick: bool = False,
) -> Node:
    """Start a single node and return when it answers.

    `http_port` 0 chooses a free one. `secure` asks every client for the generated password of
    `elastic` or an API key. `quick` leaves out the JVM's optimising compiler: the start takes half
    the processor time, but heavy indexing is slower ever after. Raises ElasticsearchFailed with
    the end of the node's log.
    """
    java_options = _java_options(heap, quick)
    for attempt in range(1, ATTEMPTS + 1):
        http, transport = free_ports(2)
        try:
            return _start_once(home, jdk, http_port or http, transport, java_options, secure)
        except ElasticsearchFailed as error:
            taken = "BindHttpException" in str(error) or "BindTransportException" in str(error)
            if http_port or not taken or attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _start_once(
    home: Path, jdk: Jdk, http_port: int, transport_port: int, java_options: str, secure: bool
) -> Node:
    started = time.monotonic()
    run = Path(tempfile.mkdtemp(prefix="tapewatch-es-", dir=reachable_temporary_folder()))
    password = secrets.token_urlsafe(18) if secure else None
    try:
        _write_configuration(home, run, http_port, transport_port, secure)
        hand_over(run)
        environ = _environ(home, run, jdk, java_options)
        if password is not None:
            _store_password(home, run, jdk, environ, password)
        _launch(home, run, jdk, environ)
        pid = int((run / "pid").read_text())
        server = ElasticsearchServer(
            url=f"http://127.0.0.1:{http_port}",
            username="elastic" if secure else None,
            password=password,
        )
        _await_answer(server, run, pid)
        return Node(
            server=server,
            pid=pid,
            run_folder=str(run),
            ready_seconds=time.monotonic() - started,
        )
    except BaseException:
        _stop_process(run)
        shutil.rmtree(run, ignore_errors=True)
        raise


def stop_node(node: Node) -> None:
    """Stop the node and remove what it wrote. Does nothing to a node that is gone already."""
    run = Path(node.run_folder)
    _stop_process(run)
    shutil.rmtree(run, ignore_errors=True)


def kill_node(node: Node) -> None:
    """`kill -9`, as a crash does. What it wrote stays, for `restart_node`."""
    run = Path(node.run_folder)
    if _runs(node.pid, run):
        os.kill(node.pid, signal.SIGKILL)
    while _runs(node.pid, run):
        time.sleep(0.02)


def restart_node(
    node: Node, home: Path, jdk: Jdk, *, heap: str = "512m", quick: bool = False
) -> Node:
    """Start a node that was killed again, on its data and its port; return when it answers."""
    started = time.monotonic()
    run = Path(node.run_folder)
    (run / "pid").unlink(missing_ok=True)
    _launch(home, run, jdk, _environ(home, run, jdk, _java_options(heap, quick)))
    pid = int((run / "pid").read_text())
    _await_answer(node.server, run, pid)
    return msgspec.structs.replace(node, pid=pid, ready_seconds=time.monotonic() - started)


def is_running(node: Node) -> bool:
    return _runs(node.pid, Path(node.run_folder))


def _write_configuration(
    home: Path, run: Path, http_port: int, transport_port: int, secure: bool
) -> None:
    for name in ("data", "logs", "tmp", "config", "snapshots"):
        (run / name).mkdir()
    for name in ("log4j2.properties", "jvm.options"):
        shutil.copy(home / "config" / name, run / "config" / name)
    settings = {
        "cluster.name": "tapewatch-tests",
        "node.name": "node-1",
        "network.host": "127.0.0.1",
        "http.port": http_port,
        "transport.port": transport_port,
        "discovery.type": "single-node",
        "path.data": f"{run}/data",
        "path.logs": f"{run}/logs",
        "path.repo": f"{run}/snapshots",
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        "action.destructive_requires_name": "false",
        "xpack.security.enabled": str(secure).lower(),
    }
    if secure:
        for name in ("http.ssl", "transport.ssl", "enrollment"):
            settings[f"xpack.security.{name}.enabled"] = "false"
    lines = [f"{name}: {value}\n" for name, value in settings.items()]
    (run / "config" / "elasticsearch.yml").write_text("".join(lines))


def _java_options(heap: str, quick: bool) -> str:
    return f"-Xms{heap} -Xmx{heap}" + (" -XX:TieredStopAtLevel=1" if quick else "")


def _environ(home: Path, run: Path, jdk: Jdk, java_options: str) -> dict[str, str]:
    """All that the node sees: it hands its own environment on, so ours stays out of it."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOSTNAME": "localhost",
        "HOME": f"{run}/tmp",
        "JAVA": f"{jdk.home}/bin/java",
        "JAVA_TYPE": "ES_JAVA_HOME",
        "ES_HOME": str(home),
        "ES_PATH_CONF": f"{run}/config",
        "ES_DISTRIBUTION_TYPE": "zip",
        "ES_TMPDIR": f"{run}/tmp",
        "LIBFFI_TMPDIR": f"{run}/tmp",
        "CLI_JAVA_OPTS": "-Xms4m -Xmx64m -XX:+UseSerialGC",
        "ES_JAVA_OPTS": java_options,
    }


def _store_password(
    home: Path, run: Path, jdk: Jdk, environ: dict[str, str], password: str
) -> None:
    keystore = [
        *demoting_command(),
        f"{jdk.home}/bin/java",
        "-Xmx64m",
        "-Dcli.name=keystore",
        "-Dcli.libs=lib/tools/keystore-cli",
        f"-Des.path.home={home}",
        f"-Des.path.conf={run}/config",
        "-Des.distribution.type=zip",
        "-cp",
        f"{home}/lib/*:{home}/lib/cli-launcher/*",
        "org.elasticsearch.launcher.CliToolLauncher",
    ]
    for arguments, given in (
        (["create"], ""),
        (["add", "-x", "-f", "bootstrap.password"], password),
    ):
        result = subprocess.run(
            [*keystore, *arguments],
            input=given,
            cwd=home,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if result.returncode != 0:
            raise ElasticsearchFailed(
                f"elasticsearch-keystore {arguments[0]} failed: {result.stderr or result.stdout}"
            )


def _launch(home: Path, run: Path, jdk: Jdk, environ: dict[str, str]) -> None:
    """Run Elasticsearch's own launcher, which returns when the node says that it is ready."""
    command = [
        *demoting_command(),
        f"{jdk.home}/bin/java",
        *environ["CLI_JAVA_OPTS"].split(),
        "-cp",
        f"{home}/lib/tools/server-launcher/*",
        "org.elasticsearch.server.launcher.ServerLauncher",
        "-d",
        "-p",
        f"{run}/pid",
    ]
    with (run / "logs" / "start.out").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=home,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in a terminal must reach the tests, not the node
        )
        try:
            status = process.wait(READY_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            status = None
    if status != 0:
        ended = f"ended with status {status}" if status is not None else "was not ready in time"
        raise ElasticsearchFailed(f"Elasticsearch {ended}:\n{_log_end(run)}")


def _await_answer(server: ElasticsearchServer, run: Path, pid: int) -> None:
    """With security on, the first log-in works about a second after the node says it is ready, and
    roles can be read and written only when the node has made their index, somewhat later.
    """
    _await_success(server, run, pid, "GET", "/_cluster/health?wait_for_status=yellow&timeout=5s")
    if server.username:
        _await_success(server, run, pid, "PUT", "/_security/role/index-is-there")


def _await_success(
    server: ElasticsearchServer, run: Path, pid: int, method: str, path: str
) -> None:
    auth = (server.username, server.password or "") if server.username else None
    deadline = time.monotonic() + 30
    answer = "no answer"
    while time.monotonic() < deadline and _runs(pid, run):
        try:
            response = httpx.request(
                method,
                f"{server.url}{path}",
                auth=auth,
                json={} if method == "PUT" else None,
                timeout=10,
                trust_env=False,
            )
        except httpx.HTTPError as error:
            answer = repr(error)
        else:
            if response.status_code == 200:
                return
            answer = f"HTTP {response.status_code}"
        time.sleep(0.2)
    raise ElasticsearchFailed(f"the node started but is not healthy: {answer}\n{_log_end(run)}")


def _log_end(run: Path) -> str:
    lines: list[str] = []
    for path in (run / "logs" / "start.out", run / "logs" / "tapewatch-tests.log"):
        if path.is_file():
            lines.extend(path.read_text(errors="replace").splitlines()[-40:])
    return "\n".join(lines)


def _stop_process(run: Path) -> None:
    try:
        pid = int((run / "pid").read_text())
    except (OSError, ValueError):
        return
    for sent, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        if not _runs(pid, run):
            return
        os.kill(pid, sent)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and _runs(pid, run):
            time.sleep(0.05)


def _runs(pid: int, run: Path) -> bool:
    """Whether `pid` is the node of `run`, and not another process that was given its number."""
    proc = Path("/proc")
    if (proc / "self" / "cmdline").exists():
        try:
            arguments = (proc / str(pid) / "cmdline").read_bytes()
        except OSError:
            return False
    else:
        shown = subprocess.run(["ps", "-p", str(pid), "-o", "args="], capture_output=True)
        arguments = shown.stdout
    return str(run).encode() in arguments
