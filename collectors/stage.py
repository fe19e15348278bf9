"""The collectors on the bus: every configured source, each with its own outlet and state."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog

from collectors.evm.watched import Watched
from pipeline.bus import Bus
from pipeline.bus.raw_outlet import RawOutlet
from pipeline.config.sources import CoinbaseSource, EvmSource, KrakenSource, ReplaySource, Source
from pipeline.pending_payload import PROTOCOL as PENDING
from pipeline.pending_payload import SUFFIX
from pipeline.source_state import SourceState

log = structlog.get_logger(__name__)

STAGE = "collectors"
#: On stopping, what was read and not yet stored is written for at most this long, in seconds.
FLUSH_TIMEOUT = 5.0


class Collectors:
    """Runs all sources of a configuration until each has ended or the task is cancelled."""

    def __init__(self, bus: Bus, sources: Sequence[Source], watched: Mapping[str, Watched]) -> None:
        """``watched``: by the name of an EVM source, the contracts to watch there."""
        self._bus = bus
        self._sources = sources
        self._watched = watched
        self._outlets: dict[str, RawOutlet] = {}
        self._writers: set[asyncio.Task[None]] = set()
        self._writing: asyncio.TaskGroup
        self.finished = False

    @property
    def states(self) -> list[SourceState]:
        """The state of every source."""
        return [outlet.reported() for outlet in self._outlets.values()]

    async def run(self) -> None:
        """Collect. Recordings end by themselves; then ``finished`` is true."""
        # A writer that fails must end the stage: its collector would wait for it for ever.
        async with asyncio.TaskGroup() as writing:
            self._writing = writing
            try:
                async with asyncio.TaskGroup() as group:
                    for source in self._sources:
                        group.create_task(self._collector(source)(), name=source.name)
                await self._flush()
                self.finished = True
            finally:
                try:
                    async with asyncio.timeout(FLUSH_TIMEOUT):
                        await self._flush()
                except TimeoutError:
                    log.warning("frames that the bus did not take in time will be collected again")
                for writer in self._writers:
                    writer.cancel()

    def _collector(self, source: Source) -> Callable[[], Coroutine[Any, Any, None]]:
        # A protocol's code is imported where one of its sources is configured.
        match source:
            case EvmSource():
                from collectors.evm.collector import EvmCollector

                outlet = self._outlet(source, source.name, "evm")
                pending = None
                if source.pending:
                    pending = self._outlet(source, source.name + SUFFIX, PENDING)
                return EvmCollector(source, self._watched[source.name], outlet, pending).run
            case CoinbaseSource():
                from collectors.coinbase import CoinbaseCollector

                return CoinbaseCollector(source, self._outlet(source, source.name, "coinbase")).run
            case KrakenSource():
                from collectors.kraken import KrakenCollector

                return KrakenCollector(source, self._outlet(source, source.name, "kraken")).run
            case ReplaySource():
                from collectors.replay import ReplayCollector

                return ReplayCollector(
                    source, lambda name, protocol: self._outlet(source, name, protocol)
                ).run

    def _outlet(self, source: Source, name: str, protocol: str) -> RawOutlet:
        outlet = self._outlets.get(name)
        if outlet is None:
            outlet = RawOutlet(self._bus, SourceState(name, protocol), buffer=source.buffer)
            self._outlets[name] = outlet
            self._writers.add(self._writing.create_task(outlet.run()))
        return outlet

    async def _flush(self) -> None:
        await asyncio.gather(*(outlet.flush() for outlet in self._outlets.values()))
