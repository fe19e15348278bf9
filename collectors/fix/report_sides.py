"""Which execution reports tell of one side of a trade, and what both sides share. Pure."""

import re

from collectors.trade_halves import SideKey
from pipeline.fix_codes import TRADE_IDS
from pipeline.fix_message import BadMessage, fields_of, values_of

#: FIX 4.4's Trade, and the two kinds of fill that older versions have, in ExecType (150).
_TRADES = frozenset((b"F", b"1", b"2"))
_TRADE = re.compile(rb"\x01150=[F12]\x01")
_BUYS = {b"1": True, b"3": True, b"2": False, b"4": False, b"5": False, b"6": False}


def is_report(message: bytes) -> bool:
    """Whether it is an execution report (35=8)."""
    return b"\x0135=8\x01" in message


def side_of_trade(message: bytes) -> SideKey | None:
    """What the two reports of a trade share; None for what is no report of one side of it."""
    if not is_report(message) or _TRADE.search(message) is None:
        return None  # most messages, without taking them apart
    try:
        values = values_of(fields_of(message))
    except BadMessage:
        return None  # the normalizer says what is wrong with it
    if values.get(35) != b"8" or values.get(150) not in _TRADES or values.get(20, b"0") != b"0":
        return None
    match = next((values[tag] for tag in TRADE_IDS if values.get(tag)), None)
    buys = _BUYS.get(values.get(54, b""))
    if match is None or buys is None:
        return None
    return SideKey("", values.get(55, b"").decode("latin-1"), match.decode("latin-1"), buys)
