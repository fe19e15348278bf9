"""A proxy that knows NATS' protocol: it sends messages twice, and lets them overtake each other.

What is disturbed is what JetStream's promises allow: a publish that comes twice, publishes of
several subjects in another order, a delivery of a consumer that comes twice or out of its order.
Everything else (subscriptions, answers of the API, acknowledgements) passes as it came.
"""

import asyncio
import random

from tests.servers.proxy import FaultProxy

#: A message that was held back goes at the latest then, where no other comes to overtake it.
HELD_SECONDS = 0.02
_PUBLISHED = (b"PUB ", b"HPUB ")
_DELIVERED = (b"MSG ", b"HMSG ")


class NatsFaultProxy(FaultProxy):
    """A FaultProxy before a nats-server.

    `duplicate` and `reorder` are shares of the messages, from 0 to 1; `duplicated` and `reordered`
    count what was done. `subjects` are the beginnings of the subjects that are disturbed.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        super().__init__(target_host, target_port)
        self.chance = random.Random(0)
        self.subjects: tuple[bytes, ...] = (b"raw.", b"events.", b"alerts.", b"dead.")
        self.duplicate = 0.0
        self.reorder = 0.0
        self.duplicated = 0
        self.reordered = 0

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *gates: asyncio.Event
    ) -> None:
        out = _Outlet(self, writer)
        try:
            while unit := await _read_unit(reader):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if self.bytes_per_second:
                    await asyncio.sleep(len(unit) / self.bytes_per_second)
                for gate in gates:
                    await gate.wait()
                await out.send(unit)
        finally:
            out.close()
        if writer.can_write_eof():
            writer.write_eof()

    def disturbs(self, unit: bytes) -> bool:
        """Whether a unit of the protocol is a message that may be disturbed."""
        if unit.startswith(_PUBLISHED):
            return unit[unit.index(b" ") + 1 :].startswith(self.subjects)
        return unit.startswith(_DELIVERED) and b"$JS.ACK." in unit[: unit.index(b"\r\n")]


class _Outlet:
    """One direction of one connection."""

    def __init__(self, proxy: NatsFaultProxy, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._writer = writer
        self._held = b""
        self._timer: asyncio.TimerHandle | None = None

    async def send(self, unit: bytes) -> None:
        proxy = self._proxy
        times = 1
        if proxy.disturbs(unit):
            if proxy.chance.random() < proxy.duplicate:
                proxy.duplicated += 1
                times = 2
            if not self._held and proxy.chance.random() < proxy.reorder:
                self._held = unit * times
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(HELD_SECONDS, self._let_go)
                return
            proxy.reordered += bool(self._held)
        self._writer.write(unit * times)
        if proxy.disturbs(unit):
            self._let_go()
        await self._writer.drain()

    def _let_go(self) -> None:
        held, self._held = self._held, b""
        self.close()
        if held and not self._writer.is_closing():
            self._writer.write(held)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def _read_unit(reader: asyncio.StreamReader) -> bytes:
    """A line of the protocol, with its payload where it has one; nothing at the end."""
    try:
        line = await reader.readuntil(b"\r\n")
        if line.startswith((*_PUBLISHED, *_DELIVERED)):
            return line + await reader.readexactly(int(line.split()[-1]) + 2)
        return line
    except asyncio.IncompleteReadError:
        return b""
