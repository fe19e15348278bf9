"""The collectors on the bus: every configured source, each with its own outlet and state."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog

from collectors.evm.watched import Watched
from collectors.reference.sources import ReferenceSources
from collectors.solana.watched import WatchedMints
from collectors.subgraph.watched import WatchedPools
from pipeline.bus import Bus
from pipeline.bus.raw_outlet import RawOutlet
from pipeline.config.privacy import Privacy
from pipeline.config.sources import (
    ArchaxSource,
    CoinbaseSource,
    EvmSource,
    FixDropCopySource,
    FixMarketDataSource,
    FrameSource,
    InxSource,
    KrakenSource,
    LunarCrushSource,
    OrderLogSource,
    ReplaySource,
    SocialFeedSource,
    SolanaSource,
    Source,
    SubgraphSource,
)
from pipeline.pending_payload import PROTOCOL as PENDING
from pipeline.pending_payload import SUFFIX
from pipeline.reference_records import Token
from pipeline.social_payload import PROTOCOL as SOCIAL
from pipeline.source_state import SourceState

log = structlog.get_logger(__name__)

STAGE = "collectors"
#: What a source of a chain watches.
Watching = Watched | WatchedMints | WatchedPools
#: On stopping, what was read and not yet stored is written for at most this long, in seconds.
FLUSH_TIMEOUT = 5.0


class Collectors:
    """Runs all sources of a configuration until each has ended or the task is cancelled."""

    def __init__(
        self,
        bus: Bus,
        sources: Sequence[Source],
        watched: Mapping[str, Watching],
        watch: Callable[[Sequence[Token]], Mapping[str, Watching]] | None = None,
        privacy: Privacy | None = None,
    ) -> None:
        """``watched``: by the name of a chain's source, the contracts or mints to watch there.
        ``watch``: the same with the tokens of sources of reference data, which may change while it
        runs.
        """
        self._bus = bus
        self._sources = [one for one in sources if isinstance(one, FrameSource)]
        self._reference = ReferenceSources(
            bus, [one for one in sources if not isinstance(one, FrameSource)], privacy
        )
        self._watched = watched
        self._watch = watch
        self._outlets: dict[str, RawOutlet] = {}
        self._writers: set[asyncio.Task[None]] = set()
        self._writing: asyncio.TaskGroup
        self.finished = False

    @property
    def states(self) -> list[SourceState]:
        """The state of every source."""
        frames = [outlet.reported() for outlet in self._outlets.values()]
        return frames + self._reference.states

    async def run(self) -> None:
        """Collect. Recordings end by themselves; when all have, ``finished`` is true."""
        # A writer that fails must end the stage: its collector would wait for it for ever.
        async with asyncio.TaskGroup() as writing:
            self._writing = writing
            # Reference data first: what comes behind it in RAW is enriched with it.
            await self._reference.begin()
            self._look_at_tokens()
            refreshing = writing.create_task(self._reference.run())
            self._writers.add(refreshing)
            if not self._sources:
                await refreshing
            try:
                async with asyncio.TaskGroup() as group:
                    for source in self._sources:
                        group.create_task(self._collect(source), name=source.name)
                await self._flush()
                self.finished = True
                # All recordings are read; what is known of whom goes on to change.
                await refreshing
            finally:
                try:
                    async with asyncio.timeout(FLUSH_TIMEOUT):
                        await self._flush()
                except TimeoutError:
                    log.warning("frames that the bus did not take in time will be collected again")
                for writer in self._writers:
                    writer.cancel()

    def _look_at_tokens(self) -> None:
        tokens = self._reference.tokens
        if self._watch is not None and tokens:
            self._watched = self._watch(tokens)

    async def _collect(self, source: FrameSource) -> None:
        """Collect a source; anew, where other contracts are to be watched there.

        A collector goes on behind its newest frame in RAW, as after a restart.
        """
        while True:
            watched = self._watched.get(source.name)
            collecting = asyncio.ensure_future(self._collector(source)())
            try:
                if not await self._watches_others(source.name, watched, collecting):
                    return await collecting
            finally:
                collecting.cancel()
                await asyncio.gather(collecting, return_exceptions=True)
            log.info("other contracts are watched", source=source.name)

    async def _watches_others(
        self, name: str, watched: Watching | None, collecting: "asyncio.Future[None]"
    ) -> bool:
        """Wait until other contracts are to be watched; false when collecting has ended."""
        while not collecting.done():
            change = asyncio.ensure_future(self._reference.changed.wait())
            try:
                await asyncio.wait({collecting, change}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                change.cancel()
            if collecting.done():
                break
            self._reference.changed.clear()
            self._look_at_tokens()
            if watched is not None and self._watched.get(name) != watched:
                return True
        return False

    def _collector(self, source: FrameSource) -> Callable[[], Coroutine[Any, Any, None]]:
        # A protocol's code is imported where one of its sources is configured.
        match source:
            case EvmSource():
                from collectors.evm.collector import EvmCollector

                outlet = self._outlet(source, source.name, "evm")
                pending = None
                if source.pending:
                    pending = self._outlet(source, source.name + SUFFIX, PENDING)
                contracts = self._watched.get(source.name)
                if not isinstance(contracts, Watched):
                    contracts = Watched()
                return EvmCollector(source, contracts, outlet, pending).run
            case SolanaSource():
                from collectors.solana.collector import SolanaCollector

                known = self._watched.get(source.name)
                mints = known.mints if isinstance(known, WatchedMints) else frozenset[str]()
                outlet = self._outlet(source, source.name, "solana")
                return SolanaCollector(source, sorted(mints), outlet).run
            case SubgraphSource():
                from collectors.subgraph.collector import SubgraphCollector

                chosen = self._watched.get(source.name)
                pools = chosen.pools if isinstance(chosen, WatchedPools) else frozenset[str]()
                outlet = self._outlet(source, source.name, "subgraph")
                return SubgraphCollector(source, pools, outlet).run
            case CoinbaseSource():
                from collectors.coinbase import CoinbaseCollector

                return CoinbaseCollector(source, self._outlet(source, source.name, "coinbase")).run
            case KrakenSource():
                from collectors.kraken import KrakenCollector

                return KrakenCollector(source, self._outlet(source, source.name, "kraken")).run
            case OrderLogSource():
                from collectors.order_log import OrderLogCollector

                return OrderLogCollector(source, self._outlet(source, source.name, "order_log")).run
            case SocialFeedSource():
                from collectors.social.feed import SocialFeedCollector

                return SocialFeedCollector(source, self._outlet(source, source.name, SOCIAL)).run
            case LunarCrushSource():
                from collectors.social.lunarcrush import LunarCrushCollector

                return LunarCrushCollector(source, self._outlet(source, source.name, SOCIAL)).run
            case FixDropCopySource():
                from collectors.fix.drop_copy import FixDropCopyCollector

                outlet = self._outlet(source, source.name, "fix")
                return FixDropCopyCollector(source, outlet).run
            case FixMarketDataSource():
                from collectors.fix.market_data import FixMarketDataCollector

                outlet = self._outlet(source, source.name, "fix")
                return FixMarketDataCollector(source, outlet).run
            case InxSource():
                from collectors.inx import InxCollector

                return InxCollector(source, self._outlet(source, source.name, "inx")).run
            case ArchaxSource():
                from collectors.archax import ArchaxCollector

                return ArchaxCollector(source, self._outlet(source, source.name, "archax")).run
            case ReplaySource():
                from collectors.replay import ReplayCollector

                return ReplayCollector(
                    source, lambda name, protocol: self._outlet(source, name, protocol)
                ).run

    def _outlet(self, source: FrameSource, name: str, protocol: str) -> RawOutlet:
        outlet = self._outlets.get(name)
        if outlet is None:
            outlet = RawOutlet(self._bus, SourceState(name, protocol), buffer=source.buffer)
            self._outlets[name] = outlet
            self._writers.add(self._writing.create_task(outlet.run()))
        return outlet

    async def _flush(self) -> None:
        await asyncio.gather(*(outlet.flush() for outlet in self._outlets.values()))
