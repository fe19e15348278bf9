"""A page in headless Chromium, driven by the Chrome DevTools Protocol.

Source: chromedevtools.github.io/devtools-protocol, domains Page, Runtime and Emulation.
"""

import base64
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.sync.client import ClientConnection, connect

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_START_TIMEOUT = 180.0
_ANSWER_TIMEOUT = 120.0
#: A page's answer may hold a screenshot.
_MAX_ANSWER = 128 * 2**20


class BrowserError(Exception):
    """There is no browser, or the page failed; the text says which."""


def browser_path() -> str | None:
    """Where a Chromium is; None if there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


class Page:
    """The one tab of a browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self.failures: list[str] = []
        """What the page's scripts threw and nobody caught."""

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol. Raises BrowserError when the browser refuses it."""
        self._number += 1
        self._connection.send(
            msgspec.json.encode(
                {"id": self._number, "method": method, "params": parameters}
            ).decode()
        )
        while True:
            message = msgspec.json.decode(self._connection.recv(timeout=_ANSWER_TIMEOUT))
            if message.get("method") == "Runtime.exceptionThrown":
                details = message["params"]["exceptionDetails"]
                thrown = details.get("exception", {}).get("description", details["text"])
                self.failures.append(str(thrown))
            if message.get("id") != self._number:
                continue
            if "error" in message:
                raise BrowserError(f"{method}: {message['error']['message']}")
            return message["result"]

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression gives, promises awaited."""
        result = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            thrown = details.get("exception", {}).get("description", details["text"])
            raise BrowserError(str(thrown))
        return result["result"].get("value")

    def open(self, page: Path) -> None:
        """Load a file, and wait until its scripts have run."""
        self.call("Runtime.enable")
        self.call("Page.enable")
        self.call("Page.navigate", url=page.absolute().as_uri())
        self.wait("document.readyState === 'complete'", _START_TIMEOUT)

    def wait(self, condition: str, seconds: float) -> None:
        """Until a JavaScript condition holds. Raises BrowserError if it doesn't in time."""
        end = time.monotonic() + seconds
        while not self.evaluate(condition):
            if time.monotonic() > end:
                raise BrowserError(f"not within {seconds:.0f} s: {condition}")
            time.sleep(0.1)

    def size(self, width: int, height: int) -> None:
        """The window's size in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def screenshot(self, scale: float = 1.0) -> bytes:
        """The window as a PNG, drawn larger or smaller. Drawn anew, what WebGL drew is lost."""
        if scale == 1.0:
            answer = self.call("Page.captureScreenshot", format="png")
            return base64.b64decode(answer["data"])
        shown = self.call("Page.getLayoutMetrics")["cssVisualViewport"]
        clip = {
            "x": 0,
            "y": 0,
            "width": shown["clientWidth"],
            "height": shown["clientHeight"],
            "scale": scale,
        }
        answer = self.call("Page.captureScreenshot", format="png", clip=clip)
        return base64.b64decode(answer["data"])


@contextmanager
def browser(width: int, height: int) -> Generator[Page]:
    """A browser with an empty page. Raises BrowserError when there is none or it doesn't start."""
    program = browser_path()
    if program is None:
        raise BrowserError("there is no Chromium: install one, such as Debian's chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(  # noqa: S603 a program found on the PATH, with our own words
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--no-first-run",
                "--hide-scrollbars",
                "--force-color-profile=srgb",
                "--remote-debugging-port=0",
                f"--user-data-dir={folder}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with connect(_address(Path(folder), process), max_size=_MAX_ANSWER) as connection:
                page = Page(connection)
                page.size(width, height)
                yield page
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(folder: Path, process: "subprocess.Popen[bytes]") -> str:
    """The WebSocket of the first tab, which the browser tells by a file in its folder."""
    port_file = folder / "DevToolsActivePort"
    end = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < end and process.poll() is None:
        if port_file.exists() and (lines := port_file.read_text().split()):
            listed = httpx.get(f"http://127.0.0.1:{lines[0]}/json/list", trust_env=False).json()
            pages = [one for one in listed if one["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
        time.sleep(0.05)
    raise BrowserError("Chromium did not start")
