"""Market data of FIX 4.4: books, trades, trading sessions, halts.

Sources: https://www.onixs.biz/fix-dictionary/4.4/msgType_W_87.html (and X, h, f), and tZERO's
specification, https://apidocs.tzero.com/docs/fix/market-data.
"""

from collections.abc import Mapping
from typing import Literal

from normalizer.decoders.collected import Normalized
from normalizer.decoders.instrument import InstrumentBlanks, Instruments
from normalizer.decoders.times import event_time
from normalizer.decoders.unreadable import Unreadable
from normalizer.events.market import MarketEvent
from pipeline.fix_message import Fields, group, values_of
from pipeline.fix_text import text_in
from pipeline.frames import Frame

Values = Mapping[int, bytes]
Side = Literal["buy", "sell"]

_SIDES: dict[bytes, Side] = {b"0": "buy", b"1": "sell"}
_TRADE = b"2"
_NEW, _CHANGE, _DELETE = b"0", b"1", b"2"
#: AggressorSide (2446): 1 buys, 2 sells.
_AGGRESSORS: dict[bytes, Side] = {b"1": "buy", b"2": "sell"}
_SESSION_STATES = {
    b"0": "unknown",
    b"1": "halted",
    b"2": "open",
    b"3": "closed",
    b"4": "pre-open",
    b"5": "pre-close",
    b"6": "request-rejected",
}
_SECURITY_STATES = {
    b"1": "opening-delay",
    b"2": "halted",
    b"3": "resumed",
    b"4": "no-open-no-resume",
    b"5": "price-indication",
    b"15": "new-price-indication",
    b"17": "open",
    b"18": "closed",
    b"20": "unknown",
    b"21": "pre-open",
    b"22": "opening-rotation",
    b"23": "fast-market",
}
WHOLE_VENUE = "*"
_MOST = 1e18


class FixMarketData:
    """Reads the market data of one source. It keeps nothing."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def snapshot(
        self, fields: Fields, frame: Frame, original: str, out: Normalized, *, by_order: bool
    ) -> None:
        """A MarketDataSnapshotFullRefresh (35=W): a whole book. Raises Unreadable."""
        values = values_of(fields)
        blanks = self._instruments[_symbol(values)]
        sides: dict[Side, tuple[list[float], list[float], list[str]]] = {
            "buy": ([], [], []),
            "sell": ([], [], []),
        }
        time = _sent(values, frame)
        for index, entry in enumerate(group(fields, 268, 269)):
            side = _SIDES.get(entry[269])
            if side is None:
                # Trades in it were before the subscription; openings and the like are of the day.
                out.ignore("entry of a snapshot that is no bid or offer")
                continue
            prices, quantities, ids = sides[side]
            prices.append(_number(entry, 270, index))
            quantities.append(_number(entry, 271, index))
            if by_order:
                ids.append(_entry_id(entry, index))
        event = blanks.snapshot()
        _head(event, blanks, frame, original, time, 0)
        event.bid_prices, event.ask_prices = tuple(sides["buy"][0]), tuple(sides["sell"][0])
        event.bid_quantities = tuple(sides["buy"][1])
        event.ask_quantities = tuple(sides["sell"][1])
        event.bid_order_ids, event.ask_order_ids = tuple(sides["buy"][2]), tuple(sides["sell"][2])
        out.events.append(event)

    def increments(
        self, fields: Fields, frame: Frame, original: str, out: Normalized, *, by_order: bool
    ) -> None:
        """A MarketDataIncrementalRefresh (35=X): what changed, in its order. Raises Unreadable."""
        values = values_of(fields)
        sent = _sent(values, frame)
        levels: list[tuple[Side, float, float]] = []
        symbol: str | None = None
        blanks: InstrumentBlanks | None = None
        time = sent

        def flush(index: int) -> None:
            if blanks is not None and levels:
                _update(levels, blanks, frame, original, time, index, out)
                levels.clear()

        index = 0
        for index, entry in enumerate(group(fields, 268, 279)):
            named = text_in(entry, 55) if 55 in entry else None
            if named is not None and named != symbol:
                flush(index)
                symbol = named[:64]
                blanks = self._instruments[symbol]
            if blanks is None:
                # FIX lets an entry leave out what the one before it said; the first can't.
                blanks = self._instruments[_symbol(values)]
            kind = entry.get(269, b"")
            time = _entry_time(entry, sent, frame)
            side = _SIDES.get(kind)
            if kind == _TRADE:
                flush(index)
                _trade(entry, blanks, frame, original, time, index, out)
            elif side is None:
                out.ignore("entry that is no bid, offer or trade")
            elif by_order:
                _order(entry, side, blanks, frame, original, time, index, out)
            else:
                gone = entry[279] == _DELETE
                quantity = 0.0 if gone else _number(entry, 271, index)
                levels.append((side, _number(entry, 270, index), quantity))
        flush(index + 1)

    def session_status(self, values: Values, frame: Frame, original: str, out: Normalized) -> None:
        """A TradingSessionStatus (35=h), of the whole venue. Raises Unreadable."""
        blanks = self._instruments[WHOLE_VENUE]
        event = blanks.status()
        _head(event, blanks, frame, original, _sent(values, frame), 0)
        event.status = _state(values.get(340), _SESSION_STATES, "TradSesStatus (340)")
        event.session = _text(values, 336)
        event.reason = _text(values, 58)
        out.events.append(event)

    def security_status(self, values: Values, frame: Frame, original: str, out: Normalized) -> None:
        """A SecurityStatus (35=f), of one instrument. Raises Unreadable."""
        blanks = self._instruments[_symbol(values)]
        event = blanks.status()
        _head(event, blanks, frame, original, _sent(values, frame), 0)
        event.status = _state(values.get(326), _SECURITY_STATES, "SecurityTradingStatus (326)")
        event.session = _text(values, 336)
        event.reason = _text(values, 58) or _text(values, 327)
        out.events.append(event)


def _update(
    levels: list[tuple[Side, float, float]],
    blanks: InstrumentBlanks,
    frame: Frame,
    original: str,
    time: int,
    index: int,
    out: Normalized,
) -> None:
    event = blanks.update()
    _head(event, blanks, frame, original, time, index)
    event.id += ":levels"  # it stands before the trade, or whatever else, of this number
    event.bid_prices = tuple([price for side, price, _ in levels if side == "buy"])
    event.bid_quantities = tuple([quantity for side, _, quantity in levels if side == "buy"])
    event.ask_prices = tuple([price for side, price, _ in levels if side == "sell"])
    event.ask_quantities = tuple([quantity for side, _, quantity in levels if side == "sell"])
    out.events.append(event)


def _order(
    entry: Values,
    side: Side,
    blanks: InstrumentBlanks,
    frame: Frame,
    original: str,
    time: int,
    index: int,
    out: Normalized,
) -> None:
    action = entry[279]
    if action == _NEW:
        event = blanks.placed()
    elif action == _CHANGE:
        event = blanks.changed()
    elif action == _DELETE:
        event = blanks.removed()
    else:
        raise Unreadable(f"{action[:8]!r} is not known", f"MDUpdateAction (279) of entry {index}")
    _head(event, blanks, frame, original, time, index)
    event.order_id = _entry_id(entry, index)
    event.side = side
    if action == _DELETE:
        event.price = _number(entry, 270, index) if 270 in entry else None
    else:
        event.price = _number(entry, 270, index)
        event.quantity = event.remaining = _number(entry, 271, index)
    out.events.append(event)


def _trade(
    entry: Values,
    blanks: InstrumentBlanks,
    frame: Frame,
    original: str,
    time: int,
    index: int,
    out: Normalized,
) -> None:
    trade_id = _text(entry, 1003) or _text(entry, 278)
    if entry[279] == _DELETE:
        busted = blanks.busted()
        _head(busted, blanks, frame, original, time, index)
        busted.trade_id = trade_id or _entry_id(entry, index)
        out.events.append(busted)
        return
    price, quantity = _number(entry, 270, index), _number(entry, 271, index)
    if entry[279] == _CHANGE:
        corrected = blanks.corrected()
        _head(corrected, blanks, frame, original, time, index)
        corrected.trade_id = trade_id or _entry_id(entry, index)
        corrected.price, corrected.quantity = price, quantity
        out.events.append(corrected)
        return
    trade = blanks.trade()
    _head(trade, blanks, frame, original, time, index)
    trade.trade_id = trade_id or f"{frame.position}:{index}"
    trade.price, trade.quantity, trade.notional = price, quantity, price * quantity
    trade.side = _AGGRESSORS.get(entry.get(2446, b""))
    out.events.append(trade)


def _head(
    event: MarketEvent,
    blanks: InstrumentBlanks,
    frame: Frame,
    original: str,
    time: int,
    index: int,
) -> None:
    event.id = f"{blanks.prefix}{frame.position}:{index}"
    event.timestamp = time
    event.ingested = frame.received
    event.original = original


def _symbol(values: Values) -> str:
    symbol = text_in(values, 55)
    if not 0 < len(symbol) <= 64:
        raise Unreadable("is missing" if not symbol else "is longer than 64", "Symbol (55)")
    return symbol


def _entry_id(entry: Values, index: int) -> str:
    """An order's id in a book by order: OrderID (37), or else MDEntryID (278)."""
    found = text_in(entry, 37) or text_in(entry, 278) or text_in(entry, 280)
    if not found or len(found) > 128:
        raise Unreadable("is missing", f"OrderID (37) or MDEntryID (278) of entry {index}")
    return found


def _number(entry: Values, tag: int, index: int) -> float:
    name = f"{'MDEntryPx' if tag == 270 else 'MDEntrySize'} ({tag}) of entry {index}"
    text = entry.get(tag)
    if text is None:
        raise Unreadable("is missing", name)
    try:
        value = float(text) if len(text) <= 64 else -1.0
    except ValueError:
        value = -1.0
    if not 0 <= value <= _MOST:
        raise Unreadable(f"{text[:40]!r} is no number from 0 to 10^18", name)
    return value


def _sent(values: Values, frame: Frame) -> int:
    return _utc(values.get(60) or values.get(52), frame, "TransactTime (60) or SendingTime (52)")


def _entry_time(entry: Values, sent: int, frame: Frame) -> int:
    date, clock = entry.get(272), entry.get(273)
    if clock is None:
        return sent
    if date is None:
        return sent  # a time of day alone may be of yesterday
    return _utc(date + b"-" + clock, frame, "MDEntryDate (272) and MDEntryTime (273)")


def _utc(time: bytes | None, frame: Frame, field: str) -> int:
    """FIX's UTCTimestamp, ``20260302-14:30:00.123``, to nanoseconds. Raises Unreadable."""
    if time is None:
        raise Unreadable("is missing", field)
    text = time.decode("latin-1")
    if text[8:9] != "-" or not text.isascii():
        raise Unreadable(f"{text[:40]!r} is no UTCTimestamp", field)
    rest = text[9:]
    return event_time(f"{text[:4]}-{text[4:6]}-{text[6:8]}T{rest}Z", frame.received, field)


def _state(value: bytes | None, known: Mapping[bytes, str], field: str) -> str:
    if value is None:
        raise Unreadable("is missing", field)
    return known.get(value) or value.decode("latin-1")[:64]


def _text(values: Values, tag: int) -> str | None:
    return text_in(values, tag)[:300] or None
