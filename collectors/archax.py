"""Archax (ACE) into raw frames, each message byte for byte.

Source: ACE API Spec v3.0.0, https://ace.archax.com/docs/api: a login by REST gives a token, which
opens the WebSocket (``login``); ``subscribe-...`` brings what is there (``set-...``), then changes.

Prices and quantities are integers, whose decimal places each instrument has of its own. So every
frame of a book or of trades has those of its instruments in its context: it can be read by itself.
The feed has no sequence numbers: what a break of the connection cost is told as a gap.
"""

import asyncio

import msgspec
import structlog

from collectors.connection import Connector, EndpointFault, Link, LinkLost
from collectors.feed_lag import note_lag
from collectors.rest_login import post, revealed
from collectors.websocket_feed import WebSocketFeed
from pipeline.archax_scales import Scale, encode_scales
from pipeline.config.sources import ArchaxSource
from pipeline.outlet import FrameOutlet
from pipeline.secrets import DEFAULT_RESOLVER
from pipeline.source_state import now

_BEAT = 30.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _Login(msgspec.Struct):
    jwt: str = ""
    mfa: bool = False


class _Answer(msgspec.Struct):
    data: _Login = msgspec.field(default_factory=_Login)


class _Message(msgspec.Struct):
    type: str = ""
    action: str = ""
    status: str = ""
    description: str = ""
    timestamp: str = ""
    data: msgspec.Raw = msgspec.Raw()


class Instrument(msgspec.Struct):
    """An instrument as ``instruments`` tells it; the names of version 3 beside those of before."""

    symbol: str = ""
    currency: str = ""
    ticker: str = ""
    priceDecimalPlaces: int | None = None
    quantityDecimalPlaces: int | None = None
    priceScale: int | None = None
    quantityScale: int | None = None

    @property
    def name(self) -> str:
        """The symbol in our configuration: ``ETH-USD``, or the ticker where there is one."""
        return self.ticker or (f"{self.symbol}-{self.currency}" if self.currency else self.symbol)

    def scale(self) -> Scale | None:
        """Its decimal places; None where they aren't told."""
        price = self.priceScale if self.priceDecimalPlaces is None else self.priceDecimalPlaces
        quantity = (
            self.quantityScale if self.quantityDecimalPlaces is None else self.quantityDecimalPlaces
        )
        return None if price is None or quantity is None else Scale(self.name, price, quantity)


_answer_decoder = msgspec.json.Decoder(_Answer)
_message_decoder = msgspec.json.Decoder(_Message)
_instruments_decoder = msgspec.json.Decoder(dict[str, Instrument])
_ids_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class ArchaxCollector:
    """Collects the frames of one source until cancelled."""

    def __init__(self, config: ArchaxSource, outlet: FrameOutlet) -> None:
        self._config = config
        self._state = outlet.state
        self._feed = WebSocketFeed(outlet)
        self._log = _log.bind(source=config.name)
        #: Those that are wanted, by the venue's number.
        self._scales: dict[str, Scale] = {}
        self._asked: set[str] = set()

    async def run(self) -> None:
        """Connect, and stay connected, until cancelled. Raises SourceMisconfigured."""
        connector = Connector(
            [self._config.url],
            self._config.reconnection,
            self._state,
            max_frame=self._config.max_frame,
            pongs_are_life=True,
        )
        await connector.run(self._session)

    async def _session(self, link: Link) -> None:
        token = await self._login()
        self._feed.begin()
        self._scales.clear()
        self._asked.clear()
        await self._feed.tell_of_interruption()
        beating = asyncio.create_task(self._beat(link))
        try:
            login = {"action": "login", "service": "core", "token": token}
            await link.send(msgspec.json.encode(login))
            async for payload in link:
                await self._take(link, payload)
        except LinkLost as lost:
            if lost.too_large:
                await self._feed.too_large(lost, self._config.max_frame)
            raise
        finally:
            beating.cancel()

    async def _login(self) -> str:
        base = revealed(self._config.rest_url).rstrip("/")
        body = msgspec.json.encode(
            {"email": revealed(self._config.email), "password": revealed(self._config.password)}
        )
        answer = await post(f"{base}/login", body=body)
        try:
            login = _answer_decoder.decode(answer).data
        except (msgspec.MsgspecError, RecursionError):
            raise EndpointFault("the answer to the login can't be read") from None
        if login.mfa:
            raise EndpointFault("the account asks for a second factor: use one without")
        if not login.jwt:
            raise EndpointFault("the answer to the login holds no token")
        return login.jwt

    async def _beat(self, link: Link) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            try:
                await link.send(b'{"action":"ping"}')
            except LinkLost:
                return  # the reader learns of it as well

    async def _take(self, link: Link, payload: bytes) -> None:
        try:
            message = _message_decoder.decode(payload)
        except (msgspec.MsgspecError, RecursionError):
            message = _Message()  # the normalizer says what is wrong with it
        if message.type == "user-login":
            await self._logged_in(link, message)
            return
        if message.status and message.status != "OK":
            said = DEFAULT_RESOLVER.mask(f"{message.action} {message.description}")[:300]
            self._state.trouble = f"the venue refused something: {said}"
            self._log.warning("refused", reason=said)
        context = ""
        if message.type == "instruments":
            await self._instruments(link, message)
        elif bytes(message.data):
            context = self._context(message)
        note_lag(self._state, message.timestamp)
        await self._feed.send(payload, now(), context=context)

    async def _logged_in(self, link: Link, message: _Message) -> None:
        if message.status != "OK":
            raise EndpointFault(f"the token was refused: {message.description[:200]}")
        await link.send(b'{"action":"subscribe-instruments"}')

    async def _instruments(self, link: Link, message: _Message) -> None:
        try:
            found = _instruments_decoder.decode(message.data)
        except (msgspec.MsgspecError, RecursionError) as error:
            self._state.trouble = f"the list of instruments can't be read: {error}"
            return
        wanted = set(self._config.symbols)
        before = len(self._scales)
        for number, instrument in found.items():
            scale = instrument.scale()
            if instrument.name in wanted and scale is not None:
                self._scales[number] = scale
        missing = wanted - {scale.symbol for scale in self._scales.values()}
        if missing:
            names = ", ".join(sorted(missing))
            self._state.trouble = f"the venue has no such instrument: {names}"
        if "depth" in self._config.channels and len(self._scales) > before:
            # Not sooner: a whole book without its scales could not be read, nor what follows it.
            await link.send(b'{"action":"subscribe-market-depths"}')
        if "trades" not in self._config.channels:
            return
        for number in self._scales:
            if number not in self._asked:
                self._asked.add(number)
                action = f"subscribe-trade-histories/{number}"
                await link.send(msgspec.json.encode({"action": action}))

    def _context(self, message: _Message) -> str:
        try:
            numbers = _ids_decoder.decode(message.data)
        except (msgspec.MsgspecError, RecursionError):
            return ""
        named = {number: self._scales[number] for number in numbers if number in self._scales}
        return encode_scales(named) if named else ""
