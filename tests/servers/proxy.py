"""A TCP proxy that breaks connections on demand, put between the code under test and a server."""

import asyncio
from typing import Self
from urllib.parse import urlsplit

from tests.servers.loop_thread import LoopThread

CHUNK = 65536


class FaultProxy:
    """Forwards a loopback port to `target_host:target_port`. Use as a context manager.

    - `cut()`: close all connections at once; new ones are let in;
    - `refuse()`: close all and listen no more, until `accept()`;
    - `pause()`: a black hole: connections stay open and new ones open, but no byte passes, until
      `resume()`, which delivers what was held;
    - `pause_answers()`: half of it: what clients send arrives, no answer comes back, until
      `resume()`; followed by `cut()`, the answers are lost though the requests were carried out;
    - `delay_seconds`: added to each chunk, in both directions;
    - `bytes_per_second`: how much passes each connection and direction; 0 for any amount.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._thread = LoopThread()
        self._connections: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._answering = asyncio.Event()
        self._answering.set()
        self.delay_seconds = 0.0
        self.bytes_per_second = 0
        self.port = 0
        self.connections_seen = 0

    @classmethod
    def before(cls, url: str) -> "FaultProxy":
        """A proxy to the server of `url`, which must name its port."""
        parts = urlsplit(url)
        if parts.hostname is None or parts.port is None:
            raise ValueError(f"{url!r} names no host and port to forward to")
        return cls(parts.hostname, parts.port)

    def through(self, url: str) -> str:
        """`url` with this proxy in the place of its host and port."""
        parts = urlsplit(url)
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        return parts._replace(netloc=f"{user}127.0.0.1:{self.port}").geturl()

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    def __enter__(self) -> Self:
        self._thread.__enter__()
        try:
            self._server = self._thread.run(self._listen(0))
        except BaseException:
            self._thread.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.run(self._close())
        self._thread.__exit__()

    def cut(self) -> None:
        self._thread.run(self._abort_all())

    def refuse(self) -> None:
        self._thread.run(self._close())

    def accept(self) -> None:
        self._server = self._thread.run(self._listen(self.port))

    def pause(self) -> None:
        self._thread.run(self._switch(self._flowing, False))

    def pause_answers(self) -> None:
        self._thread.run(self._switch(self._answering, False))

    def resume(self) -> None:
        for event in (self._flowing, self._answering):
            self._thread.run(self._switch(event, True))

    async def _listen(self, port: int) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _close(self) -> None:
        self._server.close()
        await self._abort_all()

    async def _abort_all(self) -> None:
        connections = tuple(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections)

    async def _switch(self, event: asyncio.Event, on: bool) -> None:
        if on:
            event.set()
        else:
            event.clear()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self.connections_seen += 1
        self._connections.add(connection)
        writers = [client]
        try:
            await self._flowing.wait()
            target_reader, target = await asyncio.open_connection(*self._target)
            writers.append(target)
            await asyncio.gather(
                self._pump(reader, target, self._flowing),
                self._pump(target_reader, client, self._flowing, self._answering),
            )
        except (OSError, asyncio.CancelledError):
            # The target is down, a side was reset, or a test cuts: the client sees it closed.
            pass
        finally:
            for writer in writers:
                writer.transport.abort()
            self._connections.discard(connection)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *gates: asyncio.Event
    ) -> None:
        while chunk := await reader.read(self._chunk()):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            if self.bytes_per_second:
                await asyncio.sleep(len(chunk) / self.bytes_per_second)
            for gate in gates:
                await gate.wait()
            writer.write(chunk)
            await writer.drain()
        for gate in gates:
            await gate.wait()
        if writer.can_write_eof():
            writer.write_eof()

    def _chunk(self) -> int:
        """Bytes to read at once: small ones where few may pass, so that they pass evenly."""
        return max(1, self.bytes_per_second // 50) if self.bytes_per_second else CHUNK
