"""Archax (ACE) to events: books by price level, trades.

Source: ACE API Spec v3.0.0, https://ace.archax.com/docs/api. Prices and quantities are integers;
the decimal places of each instrument come in the frame's context, and what isn't there was not
asked for. ``set-market-depths`` is the whole book of each instrument in it, any other action holds
levels' new quantities, 0 removes.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from normalizer.decoders.collected import Normalized
from normalizer.decoders.gap import feed_gap
from normalizer.decoders.instrument import Instruments
from normalizer.decoders.times import event_time, plausible
from normalizer.decoders.unreadable import Unreadable, unreadable
from normalizer.decoders.venue_messages import Identifier, Side, Time
from normalizer.enrichment import Enrichment
from pipeline.archax_scales import Scale, decode_scales
from pipeline.frames import Frame

_Whole = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
_Number = Annotated[str, Meta(pattern=r"^[0-9]{1,36}$")]
_MOST = 1e18


class Depth(Struct):
    """Levels: quantities by price, both integers."""

    buy: dict[_Number, _Whole | _Number] = {}
    sell: dict[_Number, _Whole | _Number] = {}


class Trade(Struct, kw_only=True, gc=False):
    """A trade; ``created`` is in nanoseconds since 1970."""

    amount: _Whole | _Number
    price: _Whole | _Number
    created: _Whole | _Number
    tradeRef: Identifier | _Whole
    side: Side | None = None


class _Envelope(Struct):
    type: str | None = None
    action: str = ""
    timestamp: Time | None = None
    data: msgspec.Raw = msgspec.Raw()


_envelope_decoder = msgspec.json.Decoder(_Envelope)
_parts_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_depth_decoder = msgspec.json.Decoder(Depth)
_trades_decoder = msgspec.json.Decoder(list[Trade] | Trade)


class ArchaxDecoder:
    """Decodes the frames of one source. It keeps nothing."""

    def __init__(self, source: str, venue: str, enrichment: Enrichment) -> None:
        self._instruments = Instruments(source, venue, enrichment)

    def decode(self, frame: Frame, original: str, out: Normalized) -> None:
        """Add what is in the frame. Raises :class:`Unreadable`."""
        if frame.kind == "gap":
            out.events.append(feed_gap(frame, original, self._instruments))
            return
        try:
            envelope = _envelope_decoder.decode(frame.payload)
            if envelope.type not in ("market-depths", "trade-histories"):
                out.ignore((envelope.type or "message of another kind")[:40])
                return
            scales = decode_scales(frame.context)
            for number, part in _parts_decoder.decode(bytes(envelope.data) or b"{}").items():
                scale = scales.get(number)
                if scale is None:
                    out.ignore("instrument that was not asked for")
                elif envelope.type == "market-depths":
                    self._depth(number, part, scale, envelope, frame, original, out)
                else:
                    self._trades(part, scale, frame, original, out)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise unreadable(error) from None

    def _depth(
        self,
        number: str,
        part: msgspec.Raw,
        scale: Scale,
        envelope: _Envelope,
        frame: Frame,
        original: str,
        out: Normalized,
    ) -> None:
        depth = _depth_decoder.decode(part)
        blanks = self._instruments[scale.symbol]
        whole = envelope.action.startswith("set-")
        event = blanks.snapshot() if whole else blanks.update()
        event.id = f"{self._instruments.provider}:{frame.position}:{number}"
        if envelope.timestamp is None:
            raise Unreadable("is missing", "timestamp")
        event.timestamp = event_time(envelope.timestamp, frame.received, "timestamp")
        event.ingested = frame.received
        event.original = original
        bids = sorted(((int(p), q) for p, q in depth.buy.items()), key=_price, reverse=True)
        asks = sorted(((int(p), q) for p, q in depth.sell.items()), key=_price)
        event.bid_prices = tuple([_scaled(price, scale.price) for price, _ in bids])
        event.bid_quantities = tuple([_scaled(amount, scale.quantity) for _, amount in bids])
        event.ask_prices = tuple([_scaled(price, scale.price) for price, _ in asks])
        event.ask_quantities = tuple([_scaled(amount, scale.quantity) for _, amount in asks])
        out.events.append(event)

    def _trades(
        self, part: msgspec.Raw, scale: Scale, frame: Frame, original: str, out: Normalized
    ) -> None:
        trades = _trades_decoder.decode(part)
        blanks = self._instruments[scale.symbol]
        for trade in [trades] if isinstance(trades, Trade) else trades:
            event = blanks.trade()
            event.trade_id = str(trade.tradeRef)
            # History comes again with each subscription, and counts once.
            event.id = f"{blanks.prefix}trade:{trade.tradeRef}"
            event.timestamp = plausible(int(trade.created), frame.received, "created")
            event.ingested = frame.received
            event.original = original
            event.price = _scaled(trade.price, scale.price)
            event.quantity = _scaled(trade.amount, scale.quantity)
            event.notional = event.price * event.quantity
            event.side = trade.side
            out.events.append(event)


def _price(level: tuple[int, int | str]) -> int:
    return level[0]


def _scaled(value: int | str, places: int) -> float:
    """An integer with so many decimal places, as the nearest float."""
    found = int(value) / 10**places
    if found > _MOST:
        raise Unreadable(f"{str(value)[:40]} is out of range", "data")
    return found
