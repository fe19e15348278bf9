"""INX.One into raw frames, each message byte for byte.

Source: Digital Assets Trading Platform API (V1), https://apidoc.inx.co, its sections on websockets
and their authentication. A token, made by a signed request, opens one connection within 30 seconds;
the one before has to be revoked first.

The feed has no sequence numbers and no checksums: that something is missing shows only when the
connection breaks. Then a gap is told, and the subscription brings the whole books anew: the first
``ORDER_BOOK`` of a market on a connection is its book, what follows are changes of levels.
"""

import base64
from collections.abc import Mapping
from uuid import uuid4

import msgspec
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from collectors.connection import Connector, EndpointFault, Link, LinkLost, SourceMisconfigured
from collectors.rest_login import USER_AGENT, post, revealed
from collectors.websocket_feed import WebSocketFeed
from pipeline.config.sources import InxSource
from pipeline.outlet import FrameOutlet
from pipeline.secrets import DEFAULT_RESOLVER
from pipeline.source_state import now
from pipeline.units import MILLISECOND

_EVENTS = {"book": "orderBook/subscribeOrderBook", "trades": "allTrades/subscribeAllTrades"}
_PING, _PONG = b"ping", "pong"

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _Message(msgspec.Struct):
    event: str | None = None
    marketName: str | None = None
    status: int | str | None = None
    error: str | None = None
    message: str | None = None


class _Token(msgspec.Struct):
    token: str = ""
    data: msgspec.Raw = msgspec.Raw()


_message_decoder = msgspec.json.Decoder(_Message)


class InxCollector:
    """Collects the frames of one source until cancelled."""

    def __init__(self, config: InxSource, outlet: FrameOutlet) -> None:
        self._config = config
        self._state = outlet.state
        self._feed = WebSocketFeed(outlet)
        self._log = _log.bind(source=config.name)
        self._nonce = 0
        self._has_token = False
        #: Markets whose whole book has come on this connection.
        self._known: set[str | None] = set()

    async def run(self) -> None:
        """Connect, and stay connected, until cancelled. Raises SourceMisconfigured."""
        connector = Connector(
            [self._config.url],
            self._config.reconnection,
            self._state,
            max_frame=self._config.max_frame,
            pongs_are_life=True,
            headers=self._login,
        )
        await connector.run(self._session)

    async def _login(self) -> Mapping[str, str]:
        key_id = revealed(self._config.api_key_id)
        base = revealed(self._config.rest_url).rstrip("/")
        if self._has_token:
            try:
                await post(f"{base}/api/revokeToken", headers=self._signed(key_id))
            except EndpointFault as fault:
                # It may have expired by itself; a new one is refused if it has not.
                self._log.info("the token before was not revoked", reason=str(fault))
        answer = await post(f"{base}/api/createToken", headers=self._signed(key_id))
        self._has_token = True
        return {
            "authorization": _token(answer),
            "apiKey": key_id,
            "User-Agent": USER_AGENT,
        }

    def _signed(self, key_id: str) -> dict[str, str]:
        """The headers of a request: the signature is over the JSON of the other three."""
        self._nonce = max(self._nonce + 1, now() // MILLISECOND)
        context = {
            "nonce": self._nonce,
            "timestamp": now() // MILLISECOND,
            "apiKeyId": key_id,
        }
        signature = sign(revealed(self._config.private_key), msgspec.json.encode(context))
        return {
            **{name: str(value) for name, value in context.items()},
            "signedContext": base64.b64encode(signature).decode(),
        }

    async def _session(self, link: Link) -> None:
        self._feed.begin()
        self._known.clear()
        await self._feed.tell_of_interruption()
        for market in dict.fromkeys(self._config.markets):
            for channel in dict.fromkeys(self._config.channels):
                data: dict[str, str | int] = {
                    "marketName": market,
                    "clientRequestId": str(uuid4()),
                }
                if channel == "book":
                    data["depth"] = self._config.depth
                await link.send(msgspec.json.encode({"event": _EVENTS[channel], "data": data}))
        try:
            async for payload in link:
                await self._take(link, payload)
        except LinkLost as lost:
            if lost.too_large:
                await self._feed.too_large(lost, self._config.max_frame)
            raise

    async def _take(self, link: Link, payload: bytes) -> None:
        if payload.strip() == _PING:
            await link.send(_PONG)
            return
        context = ""
        try:
            message = _message_decoder.decode(payload)
        except (msgspec.MsgspecError, RecursionError):
            message = _Message()  # the normalizer says what is wrong with it
        if message.event == "ping":
            await link.send(msgspec.json.encode({"event": "pong"}))
            return
        if message.event == "ORDER_BOOK" and message.marketName not in self._known:
            self._known.add(message.marketName)
            context = f"snapshot:{self._config.depth}"
        if message.error or (isinstance(message.status, int) and message.status >= 400):
            said = f"{message.error or ''} {message.message or ''}".strip()
            said = DEFAULT_RESOLVER.mask(said)[:300]
            self._state.trouble = f"the venue refused something: {said}"
            self._log.warning("refused", reason=said)
        await self._feed.send(payload, now(), context=context)


def sign(key: str, data: bytes) -> bytes:
    """SHA-256 signature by a private key in PEM, RSA (PKCS #1 v1.5) or EC.

    Raises SourceMisconfigured where the key is none.
    """
    try:
        # Line breaks that were written as two characters, as INX shows its keys.
        text = key.replace("\\n", "\n").encode()
        private = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SourceMisconfigured("private_key of an inx source: expected a key in PEM") from None
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return private.sign(data, ec.ECDSA(hashes.SHA256()))
    raise SourceMisconfigured("private_key of an inx source: expected an RSA or EC key")


def _token(answer: bytes) -> str:
    """The token, which is a member ``token``, one within ``data``, or the whole answer."""
    try:
        found = msgspec.json.decode(answer, type=_Token | str)
        if isinstance(found, str):
            return found
        if not found.token and bytes(found.data):
            inner = msgspec.json.decode(found.data, type=_Token | str)
            found = _Token(inner) if isinstance(inner, str) else inner
        token = found.token
    except (msgspec.MsgspecError, RecursionError):
        token = answer.decode("latin-1").strip()
    if not 0 < len(token) <= 8192 or not token.isprintable():
        raise EndpointFault("the answer to createToken holds no token")
    return token
