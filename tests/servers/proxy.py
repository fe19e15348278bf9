"""A TCP proxy that breaks connections on demand, put between the code under test and a server."""

import asyncio
from urllib.parse import urlsplit

from tests.servers.loop_thread import LoopThread

CHUNK = 65536


class FaultProxy:
    """Forwards a loopback port to `target_host:target_port`. Use as a context manager.

    - `cut()`: close all connections at once; new ones are let in;
    - `refuse()`: close all and listen no more, until `accept()`;
    - `pause()`: a black hole: connections stay open and new ones open, but no byte passes, until
      `resume()`, which delivers what was held;
    - `delay_seconds`: added to each chunk, in both directions.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._thread = LoopThread()
        self._connections: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.delay_seconds = 0.0
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

    def __enter__(self) -> "FaultProxy":
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
        self._thread.run(self._set_flowing(False))

    def resume(self) -> None:
        self._thread.run(self._set_flowing(True))

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

    async def _set_flowing(self, flowing: bool) -> None:
        if flowing:
            self._flowing.set()
        else:
            self._flowing.clear()

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
            await asyncio.gather(self._pump(reader, target), self._pump(target_reader, client))
        except (OSError, asyncio.CancelledError):
            # The target is down, a side was reset, or a test cuts: the client sees it closed.
            pass
        finally:
            for writer in writers:
                writer.transport.abort()
            self._connections.discard(connection)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            await self._flowing.wait()
            writer.write(chunk)
            await writer.drain()
        await self._flowing.wait()
        if writer.can_write_eof():
            writer.write_eof()
