"""A venue's side of a FIX session: QuickFIX, the C++ engine, as acceptor.

It keeps what it sent in memory, and sends it again when asked to, as QuickFIX does.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.servers.free_port import free_ports

CLIENT, VENUE = "SURVEILLANCE", "VENUE"
ROOT = Path(__file__).parents[2]
_PATIENCE = 15.0


class FixAcceptor:
    """Use it as a context manager. ``settings`` are those of QuickFIX, such as of TLS."""

    def __init__(self, *, tls: bool = False, **settings: str) -> None:
        (self.port,) = free_ports(1)
        self.logons = 0
        self.logged_on = threading.Event()
        #: Messages as text, fields parted by SOH.
        self.received: list[str] = []
        self.sent: list[str] = []
        self._tls = tls
        self._settings = {
            "ConnectionType": "acceptor",
            "SocketAcceptPort": str(self.port),
            "SocketReuseAddress": "Y",
            "StartTime": "00:00:00",
            "EndTime": "00:00:00",
            "BeginString": "FIX.4.4",
            "SenderCompID": VENUE,
            "TargetCompID": CLIENT,
            "UseDataDictionary": "Y",
            "DataDictionary": str(Path(__file__).with_name("fix_dictionary.xml")),
            "PersistMessages": "Y",
        } | settings
        self._listening = threading.Event()

    def send(
        self, kind: str, body: Sequence[tuple[int, str | list[list[tuple[int, str]]]]]
    ) -> None:
        """Send a message of the application; it is kept while there is no session.

        The value of a repeating group is a list of its entries.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([kind, list(body)]) + "\n")
        self._process.stdin.flush()

    def await_received(self, part: str) -> str:
        """The first message that holds this. Raises AssertionError."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            for message in list(self.received):
                if part in message:
                    return message
            time.sleep(0.01)
        raise AssertionError(f"{part!r} did not come: {self.received}")

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name, "session.cfg")
        lines = [f"{name}={value}" for name, value in self._settings.items()]
        path.write_text("\n".join(["[DEFAULT]", *lines, "[SESSION]", ""]))
        module = "tests.servers.fix_acceptor_process"
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(path), "tls" if self._tls else "plain"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._listening.wait(_PATIENCE), "QuickFIX does not listen"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_PATIENCE)
        self._folder.cleanup()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event, *message = json.loads(line)
            match event:
                case "listening":
                    self._listening.set()
                case "logon":
                    self.logons += 1
                    self.logged_on.set()
                case "logout":
                    self.logged_on.clear()
                case "sent":
                    self.sent.extend(message)
                case "received":
                    self.received.extend(message)
                case _:
                    pass
