"""A local EVM node: Foundry's anvil, as npm ships it, started on a free loopback port."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

import httpx
import msgspec

from demo.chain.artifacts import INSTALL_HINT, NodeModulesMissing, node_modules

TEST_MNEMONIC = "test test test test test test test test test test test junk"
"""The mnemonic that every Ethereum development node uses: public, worth nothing on a real chain."""

_LISTENING = re.compile(rb"Listening on 127\.0\.0\.1:(\d+)")
_SYSTEMS = {"linux": "linux", "darwin": "darwin", "win32": "win32"}
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "arm64": "arm64", "aarch64": "arm64"}


class AnvilError(Exception):
    """The node did not start, or refused a request. The message says which and what it answered."""


class AnvilOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the node behaves. The defaults make every run's addresses and hashes the same."""

    chain_id: int = 31337
    accounts: int = 32
    """How many unlocked accounts, each with 10,000 ether."""
    mnemonic: str = TEST_MNEMONIC
    mining: Literal["manual", "auto"] | float = "auto"
    """`auto`: a block per transaction; `manual`: on `evm_mine`; a number: seconds per block."""
    gas_limit: int = 60_000_000
    """Gas of a block; mainnet's since 2025."""
    port: int = 0
    """0 takes a free one; a fixed one lets a node come back where it was."""


def anvil_binary(folder: Path | None = None) -> Path:
    """The binary for this machine in `node_modules`; raises NodeModulesMissing with what to do."""
    system = _SYSTEMS.get(sys.platform)
    machine = _MACHINES.get(platform.machine().lower())
    if system is None or machine is None:
        raise NodeModulesMissing(
            f"anvil has no build for {sys.platform} on {platform.machine()}; it runs on Linux, "
            "macOS and Windows, on x86-64 and (but for Windows) arm64"
        )
    name = "anvil.exe" if system == "win32" else "anvil"
    package = f"@foundry-rs/anvil-{system}-{machine}"
    binary = node_modules(folder) / package / "bin" / name
    if not binary.is_file():
        hint = INSTALL_HINT
        if package != LOCKED_PACKAGE:
            hint = f"npm install --no-save --ignore-scripts {package}@{LOCKED_VERSION}"
        raise NodeModulesMissing(f"no anvil binary at {binary}: {hint}")
    return binary


#: The one build that package-lock.json has; others are installed beside it.
LOCKED_PACKAGE = "@foundry-rs/anvil-linux-amd64"
LOCKED_VERSION = "1.7.1"


class Anvil:
    """One running node. Use it as a context manager, plain or async; it stops when that ends."""

    def __init__(self, options: AnvilOptions | None = None, *, modules: Path | None = None) -> None:
        self.options = options or AnvilOptions()
        self._modules = modules
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._said: deque[bytes] = deque(maxlen=20)
        self._listening = threading.Event()
        self._client: httpx.Client | None = None

    @property
    def http_url(self) -> str:
        """JSON-RPC over HTTP."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def ws_url(self) -> str:
        """JSON-RPC over WebSocket, on the same port."""
        return f"ws://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self, timeout_seconds: float = 15.0) -> Self:
        """Start the node and wait until it answers; raises AnvilError when it doesn't in time."""
        if self._process is not None:
            raise AnvilError("this node runs already")
        self._port = 0
        self._listening.clear()
        self._said.clear()
        # Our own binary, no shell, nothing from outside among the arguments.
        process = subprocess.Popen(  # noqa: S603
            [str(anvil_binary(self._modules)), *self._arguments()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_minimal_environment(),
        )
        self._process = process
        assert process.stdout is not None
        threading.Thread(
            target=self._read_output, args=(process.stdout,), name="anvil-output", daemon=True
        ).start()
        try:
            self._wait_until_it_answers(process, time.monotonic() + timeout_seconds)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, timeout_seconds: float = 3.0) -> None:
        """End the node: terminate, then kill when that takes too long. Safe to call again."""
        if self._client is not None:
            self._client.close()
            self._client = None
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout_seconds)

    def rpc(self, method: str, *params: object) -> Any:
        """One JSON-RPC call; returns its `result`, raises AnvilError with the node's own error."""
        if self._client is None:
            raise AnvilError(f"{method}: the node doesn't run")
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            answer = self._client.post("/", json=body).json()
        except httpx.HTTPError as error:
            raise AnvilError(f"{method}: no answer from {self.http_url}: {error}") from error
        if "error" in answer:
            raise AnvilError(f"{method}: {answer['error'].get('message', answer['error'])}")
        return answer["result"]

    def mine(self) -> int:
        """Seal a block now, with all that is pending; returns the height of the newest block."""
        self.rpc("evm_mine")
        return int(self.rpc("eth_blockNumber"), 16)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _arguments(self) -> list[str]:
        options = self.options
        arguments = ["--host", "127.0.0.1", "--port", str(options.port)]
        arguments += ["--color", "never", "--order", "fifo"]
        arguments += ["--chain-id", str(options.chain_id), "--gas-limit", str(options.gas_limit)]
        arguments += ["--accounts", str(options.accounts), "--mnemonic", options.mnemonic]
        if options.mining == "manual":
            arguments.append("--no-mining")
        elif options.mining != "auto":
            arguments += ["--block-time", str(options.mining)]
        return arguments

    def _read_output(self, output: IO[bytes]) -> None:
        # Anvil tells its port in its output only, and blocks when nobody reads the rest of it.
        with output:
            for line in output:
                if found := _LISTENING.search(line):
                    self._port = int(found.group(1))
                    self._listening.set()
                    break
                self._said.append(line.strip())
            while output.read(65536):
                pass
        self._listening.set()

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        self._listening.wait(max(0.0, deadline - time.monotonic()))
        if self._port == 0 or process.poll() is not None:
            errors = [line.decode(errors="replace") for line in self._said if b"rror" in line]
            try:
                ended = f"exit {process.wait(1.0)}"
            except subprocess.TimeoutExpired:
                ended = "it runs, but doesn't listen"
            raise AnvilError(f"anvil did not start ({ended}): {' '.join(errors) or 'no message'}")
        # trust_env=False: a proxy from the environment must not get between us and the loopback.
        self._client = httpx.Client(base_url=self.http_url, trust_env=False, timeout=30.0)
        while True:
            try:
                self.rpc("eth_chainId")
                return
            except AnvilError as error:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise AnvilError(f"anvil started but doesn't answer: {error}") from error
                time.sleep(0.02)


def _minimal_environment() -> dict[str, str]:
    # Windows can't load a program's libraries without these; elsewhere anvil needs nothing.
    return {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
