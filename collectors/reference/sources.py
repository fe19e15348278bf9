"""All sources of reference data of a configuration, on the bus."""

import asyncio
from collections.abc import Sequence

import structlog

from collectors.reference.build import build_source
from collectors.reference.refreshing import Refresher
from pipeline.bus import Bus
from pipeline.bus.reference_outlet import ReferenceOutlet
from pipeline.config.privacy import Privacy
from pipeline.config.sources import ReferenceSource as Settings
from pipeline.reference_records import Token
from pipeline.source_state import SourceState
from pipeline.units import SECOND

log = structlog.get_logger(__name__)

#: How long the other sources wait for the first reference data of all, in seconds.
FIRST_WITHIN = 60.0
_LARGEST_SHRINK = 0.2


class ReferenceSources:
    """Reads each source by its own time, from the beginning until cancelled."""

    def __init__(
        self, bus: Bus, settings: Sequence[Settings], privacy: Privacy | None = None
    ) -> None:
        self._bus = bus
        self._privacy = privacy
        self._settings = settings
        self._refreshers: list[Refresher] = []
        self.changed = asyncio.Event()
        """Set when tokens have changed; whoever looks clears it."""

    @property
    def states(self) -> list[SourceState]:
        """The state of every source."""
        return [refresher.reported() for refresher in self._refreshers]

    @property
    def tokens(self) -> list[Token]:
        """The tokens of all sources."""
        return [token for one in self._refreshers for token in one.outlet.tokens]

    async def begin(self) -> None:
        """Read every source of which nothing is known yet, and put that in force.

        What is collected after this finds it there. A source that doesn't answer holds up nobody
        for more than a minute.
        """
        for settings in self._settings:
            outlet = await ReferenceOutlet.open(self._bus, settings.name)
            refresher = Refresher(
                self._bus,
                settings.name,
                build_source(settings, self._bus, self._privacy),
                outlet,
                every=max(settings.every, SECOND),
                largest_shrink=getattr(settings, "largest_shrink", _LARGEST_SHRINK),
            )
            self._refreshers.append(refresher)
        new = [one for one in self._refreshers if not one.outlet.records]
        if new:
            try:
                async with asyncio.timeout(FIRST_WITHIN):
                    await asyncio.gather(*(one.refresh() for one in new))
            except TimeoutError:
                log.warning("reference data is late; collecting begins without all of it")

    async def run(self) -> None:
        """Refresh until cancelled."""
        async with asyncio.TaskGroup() as group:
            for refresher in self._refreshers:
                group.create_task(self._run(refresher), name=refresher.state.source)

    async def _run(self, refresher: Refresher) -> None:
        known = refresher.outlet.tokens
        try:
            while True:
                await refresher.refresh()
                tokens = refresher.outlet.tokens
                if tokens != known:
                    known = tokens
                    self.changed.set()
                await refresher.rest()
        finally:
            await refresher.close()
