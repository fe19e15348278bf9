"""What FIX's codes say, in the words of order logs.

Source: FIX 4.4, ExecType (150), Side (54), OrdType (40) and TimeInForce (59), and of FIX 4.2 the
two kinds of fill that ExecType has there (https://www.onixs.biz/fix-dictionary/4.4/tagNum_150.html).
"""

from collections.abc import Mapping

EXEC_TYPES: Mapping[str, str] = {
    "0": "new",
    "1": "trade",
    "2": "trade",
    "3": "done_for_day",
    "4": "canceled",
    "5": "replaced",
    "6": "pending_cancel",
    "7": "stopped",
    "8": "rejected",
    "9": "suspended",
    "A": "received",
    "B": "calculated",
    "C": "expired",
    "D": "restated",
    "E": "pending_replace",
    "F": "trade",
    "G": "trade_correct",
    "H": "trade_bust",
    "I": "order_status",
    "L": "triggered",
}
#: Buy minus and sell plus are taken for what they are besides.
SIDES: Mapping[str, str] = {
    "1": "buy",
    "2": "sell",
    "3": "buy",
    "4": "sell",
    "5": "sell_short",
    "6": "sell_short_exempt",
}
ORDER_TYPES: Mapping[str, str] = {
    "1": "market",
    "2": "limit",
    "3": "stop",
    "4": "stop_limit",
    "P": "pegged",
}
TIMES_IN_FORCE: Mapping[str, str] = {
    "0": "day",
    "1": "gtc",
    "2": "opg",
    "3": "ioc",
    "4": "fok",
    "6": "gtd",
    "7": "cls",
}
#: What an execution report calls its trade, the best first, and both reports of a trade share:
#: TrdMatchID, TradeID, SecondaryExecID. Without any of them it is ExecID (17).
TRADE_IDS = (880, 1003, 527)
#: The same of a trade capture report: besides ExecID and TradeReportID.
CAPTURE_IDS = (1003, 880, 527, 17, 571)
#: What it says of the trade that it cancels or replaces: besides TradeReportRefID (572).
CAPTURE_REFERENCES = (1003, 880, 527, 17, 572, 571)
