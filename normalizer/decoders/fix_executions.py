"""Execution reports and trade capture reports of FIX as lines of an order log.

Sources: FIX 4.4 (https://www.onixs.biz/fix-dictionary/4.4/msgType_8_8.html, msgType_9_9.html,
msgType_AE_6569.html), and for what FIX 4.2 has otherwise, ExecTransType (20) and the fills of
ExecType (150), which tZERO's drop copy uses too: https://apidocs.tzero.com/docs/fix/drop-copy.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from normalizer.decoders.order_log_line import Line
from normalizer.decoders.unreadable import Unreadable, unreadable
from pipeline.fix_codes import (
    CAPTURE_IDS,
    CAPTURE_REFERENCES,
    EXEC_TYPES,
    ORDER_TYPES,
    SIDES,
    TIMES_IN_FORCE,
    TRADE_IDS,
)
from pipeline.fix_message import Fields, group, values_of
from pipeline.fix_text import free_text, text_in

Values = Mapping[int, bytes]

#: FIX 4.2: what became of an execution, whatever ExecType says.
_TRANSACTIONS = {b"1": "trade_bust", b"2": "trade_correct", b"3": "order_status"}
_ABOUT_TRADES = frozenset(("trade_bust", "trade_correct"))
#: LastLiquidityInd (851): removed, added. What was routed elsewhere met no order here.
_LIQUIDITY = {b"1": False, b"2": True}
#: PartyRole (452) whose PartyID is an account, the best first: customer account, position account,
#: client ID.
_ACCOUNT_ROLES = (b"24", b"38", b"3")
_FILLED = b"2"
#: MsgType (35) of what is told here: ExecutionReport, OrderCancelReject, TradeCaptureReport.
EXECUTIONS = frozenset((b"8", b"9", b"AE"))


def execution_line(kind: bytes, fields: Fields) -> Line | None:
    """A message of MsgType (35) `kind`, 8, 9 or AE, as a line; None for one that tells of nothing.

    Raises :class:`Unreadable`.
    """
    match kind:
        case b"8":
            return report_line(fields)
        case b"9":
            return cancel_reject_line(fields)
        case _:
            return capture_line(fields)


def about_trade(line: Line, trade: str) -> Line:
    """A line that says which trade a bust or correction is about, where its message calls it by
    another id than the trade's reports do; the line as it is where nobody knows."""
    if not trade or line.exec_type not in _ABOUT_TRADES:
        return line
    return msgspec.structs.replace(line, trade_ref_id=trade)


def report_line(fields: Fields) -> Line:
    """An ExecutionReport (35=8) as a line. Raises :class:`Unreadable`."""
    values = values_of(fields)
    kind = values.get(150)
    if kind is None:
        raise Unreadable("is missing", "ExecType (150)")
    exec_type = _TRANSACTIONS.get(values.get(20, b"0")) or EXEC_TYPES.get(kind.decode("latin-1"))
    if exec_type is None:
        raise Unreadable(f"{kind[:8]!r} is not known", "ExecType (150)")
    found = _common(values, fields) | {
        "exec_type": exec_type,
        "order_id": _text(values, 37),
        "side": _side(values),
        "ord_type": _word(ORDER_TYPES, values.get(40)),
        "time_in_force": _word(TIMES_IN_FORCE, values.get(59)),
        "price": _text(values, 44),
        "order_qty": _text(values, 38),
        "leaves_qty": _text(values, 151),
    }
    match exec_type:
        case "trade" | "trade_correct" | "trade_bust":
            _trade(found, values, exec_type)
        case "canceled" | "expired" | "done_for_day":
            # LeavesQty is 0 by then; what is told is how much was taken off.
            found["leaves_qty"] = _taken_off(values)
        case _:
            pass
    return _line(found)


def _trade(found: dict[str, Any], values: Values, exec_type: str) -> None:
    trade_id = next((_text(values, tag) for tag in TRADE_IDS if values.get(tag)), None)
    found["last_px"] = _text(values, 31)
    found["last_qty"] = _text(values, 32)
    if exec_type == "trade":
        found["trade_id"] = trade_id or found["exec_id"]
        found["aggressor_indicator"] = _aggressor(values)
        if values.get(39) == _FILLED and found["leaves_qty"] is None:
            found["leaves_qty"] = "0"
    else:
        found["trade_ref_id"] = trade_id or _text(values, 19)


def _taken_off(values: Values) -> str | None:
    # In decimals, as they are written: of floats 50.5 less 35.8 is 14.700000000000003.
    try:
        whole, done = values[38].decode("latin-1"), values.get(14, b"0").decode("latin-1")
        left = Decimal(whole) - Decimal(done)
    except (KeyError, ArithmeticError):
        return None
    return str(max(Decimal(0), left)) if left.is_finite() else None


def cancel_reject_line(fields: Fields) -> Line:
    """An OrderCancelReject (35=9), which names no instrument, as a line. Raises Unreadable."""
    values = values_of(fields)
    found = _common(values, fields) | {
        "exec_type": "cancel_rejected",
        "order_id": _text(values, 37),
        "side": _side(values),
    }
    found["symbol"] = found["symbol"] or "*"
    found["exec_id"] = found["exec_id"] or f"9:{values.get(34, b'').decode('latin-1')}"
    return _line(found)


def capture_line(fields: Fields) -> Line | None:
    """A TradeCaptureReport (35=AE) with its sides as a line; None for one that tells of no trade.

    Raises :class:`Unreadable`.
    """
    values = values_of(fields)
    transaction = values.get(487, b"0")
    exec_type = {b"0": "trade", b"1": "trade_bust", b"2": "trade_correct"}.get(transaction)
    if exec_type is None:
        return None
    found = _common(values, fields) | {
        "exec_type": exec_type,
        "last_px": _text(values, 31),
        "last_qty": _text(values, 32),
        "account": None,
        "exec_id": _text(values, 571) or _text(values, 17),
    }
    tags = CAPTURE_IDS if exec_type == "trade" else CAPTURE_REFERENCES
    trade_id = next((_text(values, tag) for tag in tags if values.get(tag)), None)
    if exec_type != "trade":
        found["trade_ref_id"] = trade_id
        return _line(found)
    found["trade_id"] = trade_id
    for side in group(fields, 552, 54):
        name = _side(side)
        if name is None:
            continue
        account = _text(side, 1) or _one_account(side)
        found["buyer_account" if name == "buy" else "seller_account"] = account
        incoming = _aggressor(side)
        if incoming is not None:
            found["taker_order_id" if incoming else "maker_order_id"] = _text(side, 37)
            if incoming:
                found["aggressor_side"] = "buy" if name == "buy" else "sell"
    return _line(found)


def _common(values: Values, fields: Fields) -> dict[str, Any]:
    time = values.get(60) or _first_sent(values)
    return {
        "transact_time": None if time is None else time.decode("latin-1"),
        "symbol": _text(values, 55),
        "currency": _text(values, 15),
        "exec_id": _text(values, 17),
        "cl_ord_id": _text(values, 11),
        "account": _text(values, 1) or _account(fields),
        "text": free_text(values) or None,
    }


def _first_sent(values: Values) -> bytes | None:
    """SendingTime (52), or of a message that the session sends again (43) OrigSendingTime (122)."""
    return (values.get(43) == b"Y" and values.get(122)) or values.get(52)


def _account(fields: Fields) -> str | None:
    """The account among the Parties: NoPartyIDs (453), each of PartyID (448) and role (452)."""
    by_role = {party.get(452, b""): party for party in group(fields, 453, 448)}
    for role in _ACCOUNT_ROLES:
        if role in by_role:
            return text_in(by_role[role], 448)
    return None


def _one_account(side: Values) -> str | None:
    """Of a side of a capture report, whose parties stand within it: the first of them."""
    return _text(side, 448) if side.get(452) in _ACCOUNT_ROLES else None


def _aggressor(values: Values) -> bool | None:
    said = values.get(1057)
    if said in (b"Y", b"N"):
        return said == b"Y"
    return _LIQUIDITY.get(values.get(851, b""))


def _word(known: Mapping[str, str], value: bytes | None) -> str | None:
    if value is None:
        return None
    text = value.decode("latin-1")
    return known.get(text, text)


def _side(values: Values) -> str | None:
    return SIDES.get(values.get(54, b"").decode("latin-1"))


def _text(values: Values, tag: int) -> str | None:
    return text_in(values, tag) or None


def _line(found: dict[str, Any]) -> Line:
    given = {name: value for name, value in found.items() if value is not None}
    try:
        return msgspec.convert(given, Line, strict=False)
    except msgspec.MsgspecError as error:
        raise unreadable(error) from None
