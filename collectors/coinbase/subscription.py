"""What is asked of the feed, and whether the venue agreed."""

import msgspec

from collectors.coinbase import wire
from collectors.coinbase.credentials import Credentials
from collectors.connection import EndpointFault
from pipeline.config.sources import CoinbaseSource
from pipeline.secrets import DEFAULT_RESOLVER


class Subscription:
    """The channels and products of a source."""

    def __init__(self, config: CoinbaseSource, credentials: Credentials | None) -> None:
        self.products = tuple(dict.fromkeys(config.products))
        self.channels = tuple(dict.fromkeys(config.channels))
        self._credentials = credentials

    def request(self) -> bytes:
        """The subscribe message, signed where there is a key. Raises as Credentials."""
        message: dict[str, object] = {
            "type": "subscribe",
            "product_ids": self.products,
            "channels": self.channels,
        }
        if self._credentials is not None:
            message |= self._credentials.for_subscribe()
        return msgspec.json.encode(message)

    def check(self, payload: bytes) -> None:
        """Raises EndpointFault when a ``subscriptions`` message lacks something that was asked."""
        given = {
            channel.name: set(channel.product_ids)
            for channel in wire.decode_subscriptions(payload).channels
        }
        missing: list[str] = []
        for channel in self.channels:
            # The venue answers `level2` for `level2_batch` and the like.
            products = next((given[name] for name in given if name.startswith(channel)), set[str]())
            missing += [f"{channel} of {one}" for one in self.products if one not in products]
        if missing:
            raise EndpointFault(f"the venue did not subscribe {_listed(missing)}")


def refusal_text(payload: bytes) -> str:
    """An ``error`` message in words, without any secret that it may quote."""
    refusal = wire.decode_refusal(payload)
    text = ": ".join(part for part in (refusal.message, refusal.reason) if part)
    return DEFAULT_RESOLVER.mask(text)[:500] or "without a reason"


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
