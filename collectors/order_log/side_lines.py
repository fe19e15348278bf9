"""What a line of an order log for one side of a trade shares with that of the other side. Pure."""

import msgspec

from collectors.trade_halves import SideKey
from pipeline.csv_line import csv_cells
from pipeline.fix_codes import EXEC_TYPES, SIDES

_BUYS = {"buy": True, "sell": False, "sell_short": False, "sell_short_exempt": False}


class _Side(msgspec.Struct):
    exec_type: object = None
    symbol: object = ""
    venue: object = ""
    trade_id: object = None
    side: object = None
    buyer_account: object = None
    seller_account: object = None


_decoder = msgspec.json.Decoder(_Side)


def side_of_line(line: bytes, columns: str | None) -> SideKey | None:
    """None for a line that is no side of a trade. ``columns``: of CSV, its file's first line."""
    try:
        if columns is None:
            found = _decoder.decode(line)
        else:
            cells = csv_cells(line.decode())
            named = dict(zip(csv_cells(columns), cells, strict=False))
            found = msgspec.convert({k: v for k, v in named.items() if v}, _Side)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None  # the normalizer says what is wrong with it
    side = SIDES.get(found.side, found.side) if isinstance(found.side, str) else ""
    kind = found.exec_type
    kind = EXEC_TYPES.get(kind, kind) if isinstance(kind, str) else ""
    buys = _BUYS.get(side.lower())
    if kind != "trade" or buys is None or found.trade_id in (None, ""):
        return None
    if found.buyer_account and found.seller_account:
        return None
    return SideKey(str(found.venue), str(found.symbol), str(found.trade_id), buys)
