"""Which aggregators stand behind the proxies of Chainlink's price feeds.

A proxy emits nothing when an answer comes: its aggregator does, and that is replaced now and then.
Newer proxies say so (``AggregatorConfirmed``), older ones don't, so all are asked from time to
time. Of every feed the earlier aggregators are asked too, for what is read of the past.
Source: AggregatorProxy of smartcontractkit/chainlink and libocr: ``aggregator()``, ``phaseId()``,
``phaseAggregators(uint16)``; each ``setAggregator`` is one phase more.
"""

import asyncio
from collections.abc import Iterable

import msgspec
import structlog
from eth_hash.auto import keccak

from collectors.evm.blocks import Log
from collectors.evm.calldata import selector
from collectors.evm.rpc import RequestTimeout, RpcClient, RpcError
from collectors.evm.watched import Addresses
from pipeline.evm_payload import FeedPlace

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: Seconds between two questions to a proxy.
ASKED_EVERY = 600.0
#: Phases of a proxy that are asked about; the newest ones, where it has more.
MOST_PHASES = 32
_CONFIRMED = "0x" + keccak(b"AggregatorConfirmed(address,address)").hex()
_PHASE = selector("phaseId()")
_PHASE_AGGREGATOR = selector("phaseAggregators(uint16)")
_NOBODY = "0x" + "0" * 40
_word = msgspec.json.Decoder(str)


class FeedBook:
    """What is known of the feeds' proxies. It outlives connections."""

    def __init__(self, feeds: frozenset[str], addresses: Addresses) -> None:
        """`feeds`: proxies and aggregators, as the reference data has them, in lower case."""
        self._feeds = feeds
        self._addresses = addresses
        self._phases: dict[str, int] = {}
        self._places: dict[str, FeedPlace] = {}

    def places(self, logs: Iterable[Log]) -> list[FeedPlace]:
        """Where the aggregators stand that these logs are of."""
        found = {
            log.address: self._places[log.address] for log in logs if log.address in self._places
        }
        return list(found.values())

    def learn(self, logs: Iterable[Log]) -> bool:
        """Take note of proxies that say that they have another aggregator. Whether one is new."""
        new = False
        for log in logs:
            proxy = log.address
            if proxy not in self._phases or len(log.topics) != 3:
                continue
            if log.topics[0].lower() == _CONFIRMED:
                aggregator = "0x" + log.topics[2][26:].lower()
                known = self._places.get(aggregator)
                if known is None or known.proxy != proxy:
                    self._phases[proxy] += 1
                    new |= self._note(FeedPlace(proxy, aggregator, self._phases[proxy]))
        return new

    async def ask(self, rpc: RpcClient) -> None:
        """Ask every feed what stands behind it. Raises LinkLost; what isn't told stays unknown."""
        await asyncio.gather(*(self._ask_one(rpc, feed) for feed in sorted(self._feeds)))

    async def keep_asking(self, rpc: RpcClient) -> None:
        """Ask again and again. Raises LinkLost."""
        while True:
            await asyncio.sleep(ASKED_EVERY)
            await self.ask(rpc)

    async def _ask_one(self, rpc: RpcClient, feed: str) -> None:
        newest = await _number(rpc, feed, _PHASE)
        if newest is None or not 0 < newest <= 0xFFFF:
            return  # an aggregator, or something else without a proxy's questions
        first = max(1, newest - MOST_PHASES + 1)
        if feed in self._phases:
            first = min(self._phases[feed] + 1, newest)
        self._phases[feed] = newest
        phases = range(first, newest + 1)
        answers = await asyncio.gather(
            *(_number(rpc, feed, _PHASE_AGGREGATOR + phase.to_bytes(32)) for phase in phases)
        )
        for phase, answer in zip(phases, answers, strict=True):
            if answer:
                self._note(FeedPlace(feed, f"0x{answer & ((1 << 160) - 1):040x}", phase))

    def _note(self, place: FeedPlace) -> bool:
        if place.aggregator == _NOBODY:
            return False
        if self._places.get(place.aggregator) != place:
            self._places[place.aggregator] = place
            _log.info(
                "an oracle's aggregator",
                proxy=place.proxy,
                phase=place.phase,
                aggregator=place.aggregator,
            )
        return self._addresses.add([place.aggregator])


async def _number(rpc: RpcClient, contract: str, data: bytes) -> int | None:
    """The one word that a call answers; None where it answers nothing of the kind."""
    call = {"to": contract, "data": "0x" + data.hex()}
    try:
        text = _word.decode(await rpc.call("eth_call", call, "latest"))
    except (RpcError, RequestTimeout, msgspec.MsgspecError):
        return None
    return int(text, 16) if len(text) == 66 and text.startswith("0x") else None
