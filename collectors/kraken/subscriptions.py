"""What a source subscribes to, symbol by symbol, and how each of it stands. No I/O."""

import random
from collections.abc import Iterator
from typing import Literal

import msgspec

from collectors.kraken.checksum import OrderBook, PriceBook
from pipeline.config.sources import KrakenSource, Reconnection
from pipeline.units import SECOND

Channel = Literal["book", "trade", "level3"]
#: ``asked``: no answer or no snapshot yet. ``live``: right, as far as it can be checked.
#: ``broken``: a checksum failed, and a new snapshot is on its way. ``refused``: asked again later.
Standing = Literal["asked", "live", "broken", "refused"]

#: Depths that ``level3`` offers.
LEVEL3_DEPTHS = (10, 100, 1000)
#: After so many right checksums in a row, an old failure no longer slows the next attempt.
_FORGIVEN_AFTER = 100

_jitter = random.SystemRandom()


class Subscribed:
    """One channel of one symbol."""

    def __init__(self, channel: Channel, symbol: str, depth: int) -> None:
        self.channel: Channel = channel
        self.symbol = symbol
        self.depth = depth
        self.standing: Standing = "asked"
        self.problem = ""
        self.book = PriceBook(depth)
        self.orders = OrderBook(depth)
        self.last_trade: int | None = None
        #: Loop time at which it is to be asked again; None while nothing is to be done.
        self.due: float | None = None
        #: Loop time of the last request.
        self.asked_at = 0.0
        self._failures = 0
        self._right = 0

    @property
    def name(self) -> str:
        """For people: ``book of BTC/USD``."""
        return f"{self.channel} of {self.symbol}"

    def begin_connection(self, at: float) -> None:
        """It is asked for on a new connection."""
        self.standing = "asked"
        self.problem = ""
        self.due = None
        self.asked_at = at

    def passed(self) -> None:
        """It was right once more."""
        self.standing = "live"
        self.problem = ""
        self.due = None
        self._right += 1
        if self._right >= _FORGIVEN_AFTER:
            self._failures = 0

    def failed(self, standing: Standing, problem: str, at: float, policy: Reconnection) -> None:
        """Ask again: at once the first time, then with exponential backoff and jitter."""
        self.standing = standing
        self.problem = problem
        self._right = 0
        self._failures += 1
        self.due = at
        if standing == "refused" or self._failures > 1:
            wait = min(policy.maximum, policy.initial * 2 ** min(self._failures - 1, 30)) / SECOND
            self.due += wait * _jitter.uniform(0.5, 1)


class Subscriptions:
    """All channels and symbols of a source."""

    def __init__(self, config: KrakenSource) -> None:
        self._config = config
        symbols = tuple(dict.fromkeys(config.symbols))
        self._all: dict[tuple[str, str], Subscribed] = {
            (channel, symbol): Subscribed(channel, symbol, self._depth(channel))
            for channel in dict.fromkeys(config.channels)
            for symbol in symbols
        }
        self._requests: dict[int, tuple[Subscribed, ...]] = {}
        self._last_request = 0

    def __iter__(self) -> Iterator[Subscribed]:
        return iter(self._all.values())

    def find(self, channel: str, symbol: str) -> Subscribed | None:
        """The subscription, if it is one of ours."""
        return self._all.get((channel, symbol))

    def of_request(self, request: int) -> tuple[Subscribed, ...]:
        """What was asked with this number."""
        return self._requests.get(request, ())

    def by_channel(self) -> list[tuple[Subscribed, ...]]:
        """Everything, one group for each request."""
        channels = dict.fromkeys(one.channel for one in self._all.values())
        return [
            tuple(one for one in self._all.values() if one.channel == channel)
            for channel in channels
        ]

    def begin_connection(self, at: float) -> None:
        """A new connection: all is asked anew."""
        self._requests.clear()
        for one in self._all.values():
            one.begin_connection(at)

    def subscribe(self, group: tuple[Subscribed, ...], token: str | None) -> bytes:
        """A request for subscriptions of one channel."""
        first = group[0]
        parameters: dict[str, object] = {
            "channel": first.channel,
            "symbol": [one.symbol for one in group],
        }
        if first.channel == "trade":
            # The newest trades fill the hole that an interruption left; at first there is none.
            parameters["snapshot"] = any(one.last_trade is not None for one in group)
        else:
            parameters |= {"depth": first.depth, "snapshot": True}
        return self._request("subscribe", parameters, group, token)

    def unsubscribe(self, one: Subscribed, token: str | None) -> bytes:
        """A request that ends a subscription."""
        parameters: dict[str, object] = {"channel": one.channel, "symbol": [one.symbol]}
        if one.channel != "trade":
            parameters["depth"] = one.depth
        return self._request("unsubscribe", parameters, (one,), token)

    def _request(
        self,
        method: str,
        parameters: dict[str, object],
        group: tuple[Subscribed, ...],
        token: str | None,
    ) -> bytes:
        self._last_request += 1
        self._requests[self._last_request] = group
        if len(self._requests) > 2 * len(self._all) + 100:
            del self._requests[next(iter(self._requests))]
        if token is not None and group[0].channel == "level3":
            parameters = {**parameters, "token": token}
        return msgspec.json.encode(
            {"method": method, "params": parameters, "req_id": self._last_request}
        )

    def _depth(self, channel: Channel) -> int:
        depth: int = self._config.depth
        if channel == "level3":
            return next(offered for offered in LEVEL3_DEPTHS if offered >= depth)
        return depth
