"""What clients send: subscribe and unsubscribe, checked.

Source: https://docs.cdp.coinbase.com/exchange/websocket-feed/overview. A channel is a name, which
takes the `product_ids` of the message, or an object with its own.
"""

from collections.abc import Collection
from typing import Literal, get_args

import msgspec

Channel = Literal["heartbeat", "matches", "full", "level2", "level3"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
NEEDS_AUTHENTICATION: frozenset[Channel] = frozenset({"full", "level2", "level3"})
AUTHENTICATION_REQUIRED = (
    "level2, level3, and full channels now require authentication. "
    "https://docs.cloud.coinbase.com/exchange/docs/websocket-auth"
)


class RequestError(Exception):
    """The client's message is refused. `message` and `reason` go into the `error` frame."""

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__(message if reason is None else f"{message}: {reason}")
        self.message = message
        self.reason = reason


class ChannelRequest(msgspec.Struct):
    """A channel with its own products."""

    name: str
    product_ids: list[str] = []


class Request(msgspec.Struct, kw_only=True):
    """The message as sent; the last four fields sign it."""

    type: str
    product_ids: list[str] = []
    channels: list[str | ChannelRequest] = []
    key: str | None = None
    passphrase: str | None = None
    timestamp: str | float | None = None
    signature: str | None = None


_decoder = msgspec.json.Decoder(Request)


def decode_request(text: str | bytes) -> Request:
    """Parse a client's frame; raises RequestError."""
    try:
        request = _decoder.decode(text)
    except msgspec.ValidationError as problem:
        raise RequestError("Invalid message", str(problem)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RequestError("Malformed JSON") from None
    if request.type not in ("subscribe", "unsubscribe"):
        raise RequestError("Type has to be either subscribe or unsubscribe")
    return request


def requested_channels(
    request: Request, products: Collection[str]
) -> list[tuple[Channel, tuple[str, ...]]]:
    """The channels with their products; an unsubscribe without products means all of them.

    Raises RequestError for an unknown channel or product; then nothing of the request holds.
    """
    failed = f"Failed to {request.type}"
    if not request.channels:
        raise RequestError(failed, "No channels provided")
    wanted: list[tuple[Channel, tuple[str, ...]]] = []
    for item in request.channels:
        name = item if isinstance(item, str) else item.name
        channel: Channel | None = next((known for known in CHANNELS if known == name), None)
        if channel is None:
            raise RequestError(failed, f"{name[:64]} is not a valid channel")
        ids = request.product_ids if isinstance(item, str) else item.product_ids
        ids = ids or request.product_ids
        if request.type == "unsubscribe" and not ids:
            ids = list(products)
        for product in ids or [""]:
            if product not in products:
                raise RequestError(failed, f"{product[:64]} is not a valid product")
        wanted.append((channel, tuple(dict.fromkeys(ids))))
    return wanted
