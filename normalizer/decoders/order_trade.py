"""Who met whom in a trade, from one line with both sides or from a line for each. Pure."""

from typing import Literal, NamedTuple

from msgspec import Struct, field

from normalizer.decoders.order_log_line import Line, wrong_value
from normalizer.decoders.unreadable import Unreadable
from normalizer.events.chain import ZERO_ADDRESS
from pipeline.reference_records import compared_account

Side = Literal["buy", "sell"]

_SIDES: dict[str, Side] = {
    "buy": "buy",
    "sell": "sell",
    "sell_short": "sell",
    "sell_short_exempt": "sell",
}
_OPPOSITE: dict[Side, Side] = {"buy": "sell", "sell": "buy"}
#: As Python, pandas, JavaScript and databases write that there is nothing.
_NOBODY = frozenset((ZERO_ADDRESS, "None", "NaN", "nan", "null", "NULL", "<NA>", "\\N"))
_YES_NO = {"Y": True, "N": False, "true": True, "false": False, "y": True, "n": False}


class Filled(NamedTuple):
    """An order that the trade filled whole."""

    order_id: str
    side: Side | None
    account: str | None


class Meeting(Struct):
    """The sides of a trade, as far as they are told."""

    aggressor: Side | None
    buyer: str | None
    seller: str | None
    maker: str | None
    taker: str | None
    filled: list[Filled] = field(default_factory=list[Filled])
    #: Filled in part, and nobody says whether they rested: the trade takes nothing off the book.
    part: list[Line] = field(default_factory=list[Line])


def meeting_of(line: Line, other: Line | None) -> Meeting:
    """The sides by a line, and by the line of the other side. Raises :class:`Unreadable`."""
    aggressor = aggressor_of(line)
    if other is not None:
        aggressor = aggressor or aggressor_of(other)
        if (other.last_px, other.last_qty) != (line.last_px, line.last_qty):
            raise Unreadable(
                f"the two sides of trade {line.trade_id} differ in price or quantity", "trade_id"
            )
    found = Meeting(
        aggressor,
        account_of(line.buyer_account),
        account_of(line.seller_account),
        id_text(line.maker_order_id),
        id_text(line.taker_order_id),
    )
    for one in (line,) if other is None else (other, line):
        _take_side(one, found)
    resting = None if aggressor is None else _OPPOSITE[aggressor]
    _take_whole(found, found.maker, resting, line.maker_leaves_qty)
    _take_whole(found, found.taker, aggressor, line.taker_leaves_qty)
    found.filled = list(dict.fromkeys(found.filled))
    return found


def _take_side(line: Line, found: Meeting) -> None:
    side = side_of(line)
    account = account_of(line.account)
    if side == "buy":
        found.buyer = found.buyer or account
    elif side == "sell":
        found.seller = found.seller or account
    order_id = id_text(line.order_id)
    if order_id is None:
        return
    incoming = _indicator(line)
    if side is not None and found.aggressor is not None:
        incoming = side == found.aggressor
    if incoming is True:
        found.taker = found.taker or order_id
    elif incoming is False:
        found.maker = found.maker or order_id
    if line.leaves_qty == 0:
        found.filled.append(Filled(order_id, side, account))
    elif incoming is None and line.leaves_qty is not None:
        found.part.append(line)


def _take_whole(
    found: Meeting, order_id: str | None, side: Side | None, leaves: float | None
) -> None:
    if order_id is None or leaves != 0:
        return
    account = None
    if side is not None:
        account = found.buyer if side == "buy" else found.seller
    found.filled.append(Filled(order_id, side, account))


def side_of(line: Line) -> Side | None:
    """Whose side the line is of. Raises :class:`Unreadable`."""
    if line.side is None:
        return None
    side = _SIDES.get(line.side.lower())
    if side is None:
        raise wrong_value("side", line.side, list(_SIDES))
    return side


def aggressor_of(line: Line) -> Side | None:
    """The side that came in and met one that rested, if the line tells. Raises Unreadable."""
    if line.aggressor_side is not None:
        side = line.aggressor_side.lower()
        if side == "buy" or side == "sell":
            return side
        raise wrong_value("aggressor_side", line.aggressor_side, ["buy", "sell"])
    incoming, side = _indicator(line), side_of(line)
    if incoming is None or side is None:
        return None
    return side if incoming else _OPPOSITE[side]


def _indicator(line: Line) -> bool | None:
    said = line.aggressor_indicator
    if said is None or isinstance(said, bool):
        return said
    found = _YES_NO.get(said)
    if found is None:
        raise wrong_value("aggressor_indicator", said, list(_YES_NO))
    return found


def id_text(value: str | int | None) -> str | None:
    """An id as text."""
    return None if value is None else str(value)


def account_of(value: str | int | None) -> str | None:
    """Whose it is; nobody where a tape says that it doesn't know.

    Marketplaces write the zero address there, and programs a word of theirs. All that has no owner
    would else be one party who trades with everybody. Addresses with a checksum and without one
    come in one table, and are one account.
    """
    account = compared_account(value) if isinstance(value, str) else id_text(value)
    return None if account in _NOBODY else account
