"""Which addresses a risk provider is asked about, and when again: a bounded queue without doubles.

Asked about are the wallets that events name: who sent, received or was refused a watched token, and
who traded it in a pool. Those are the addresses that a rule could be about, and no more: a list of
all holders of a chain would cost a request each. A new address is asked about in the next round, a
known one again after a time, the new ones first. When there are too many, those seen longest ago
are forgotten; they come back when they are seen again.
"""

import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from collectors.reference.people import record_item
from collectors.reference.source import Item, SourceFault
from pipeline.reference_records import Risk
from pipeline.source_state import now

_NOT_OF_A_LABEL = re.compile(r"[^a-z0-9_:.-]+")
_MOST_CATEGORIES = 64


class SeenAddresses(Protocol):
    """Where addresses come from."""

    async def new(self) -> Collection[str]:
        """Addresses that were seen since it was asked before, in the order in which they were."""
        ...

    async def close(self) -> None:
        """End what it holds open."""
        ...


class RiskProvider(Protocol):
    """Somebody who knows of risks."""

    @property
    def addresses_per_request(self) -> int:
        """How many addresses one request may hold."""
        ...

    async def assess(self, addresses: Sequence[str]) -> Sequence[tuple[str, dict[str, Any]]]:
        """Of each address that it knows the values of a `Risk`. Raises SourceFault."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class ScreeningQueue:
    """Addresses and when each was asked about. Times in nanoseconds since the epoch; 0: never."""

    def __init__(self, most: int, rescreen_after: int) -> None:
        self._most = most
        self._after = rescreen_after
        self._asked: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._asked)

    def saw(self, address: str) -> None:
        """Keep an address in mind."""
        self._asked.setdefault(address, 0)
        self._asked.move_to_end(address)
        if len(self._asked) > self._most:
            self._asked.popitem(last=False)

    def asked(self, address: str, moment: int) -> None:
        """Note when an address was asked about."""
        self._asked[address] = moment
        if len(self._asked) > self._most:
            self._asked.popitem(last=False)

    def due(self, moment: int, most: int) -> list[str]:
        """Whom to ask about at a moment: new ones first, then those asked about longest ago."""
        before = moment - self._after
        waiting = [(asked, address) for address, asked in self._asked.items() if asked <= before]
        return [address for _, address in sorted(waiting, key=lambda one: one[0])[:most]]


class ScreeningSource:
    """A :class:`collectors.reference.source.ReferenceSource`: a provider's word on what is seen."""

    complete = False

    def __init__(
        self,
        provider: RiskProvider,
        seen: SeenAddresses,
        queue: ScreeningQueue,
        most_requests: int,
        before: Callable[[], Awaitable[Iterable[tuple[str, int]]]] | None = None,
    ) -> None:
        """``before``: tells which addresses were asked about before this process, and when."""
        self._provider = provider
        self._seen = seen
        self._queue = queue
        self._most_requests = most_requests
        self._before = before
        self._fault: SourceFault | None = None

    async def read(self) -> AsyncIterator[Item]:
        """What the provider says of the addresses that are due."""
        if self._before is not None:
            for address, moment in await self._before():
                self._queue.asked(address, moment)
            self._before = None
        for address in await self._seen.new():
            self._queue.saw(address)
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
        at_once = self._provider.addresses_per_request
        due = self._queue.due(now(), self._most_requests * at_once)
        for start in range(0, len(due), at_once):
            part = due[start : start + at_once]
            try:
                found = await self._provider.assess(part)
            except SourceFault as raised:
                if start == 0:
                    raise
                # What was answered counts, and was paid for. The fault is told by the next read.
                self._fault = raised
                return
            moment = now()
            for address, values in found:
                yield risk_item(address, values, moment)
            for address in part:
                self._queue.asked(address, moment)

    async def close(self) -> None:
        """Close the connections."""
        await self._provider.close()
        await self._seen.close()


def risk_item(address: str, values: dict[str, Any], moment: int) -> Item:
    """The record of what a provider said at a moment."""
    seconds, rest = divmod(moment, 10**9)
    checked = f"{_utc(seconds)}.{rest:09d}Z"
    return record_item(Risk, {**values, "address": address, "checked": checked}, address)


def categories(names: Iterable[str | None]) -> tuple[str, ...]:
    """A provider's categories as labels: ``Stolen Funds`` is ``stolen-funds``; each once."""
    labels = (
        _NOT_OF_A_LABEL.sub("-", name.strip().lower()).strip("_:.-")[:63] for name in names if name
    )
    return tuple(dict.fromkeys(label for label in labels if label))[:_MOST_CATEGORIES]


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
