"""The columns of order logs (``docs/order-log.md``), and what is wrong with a header of them."""

from pipeline.csv_header import ColumnFault, names_of, other_delimiter, places_of, repeated
from pipeline.problems import did_you_mean

#: Names that begin so are the venue's own, and passed over.
OWN_PREFIX = "x_"
COLUMNS = (
    *("transact_time", "exec_type", "symbol", "venue", "currency", "seq_num", "exec_id"),
    *("order_id", "orig_order_id", "cl_ord_id", "account", "side", "ord_type", "time_in_force"),
    *("price", "order_qty", "leaves_qty", "last_px", "last_qty", "trade_id", "trade_ref_id"),
    *("aggressor_side", "aggressor_indicator", "buyer_account", "seller_account"),
    *("maker_order_id", "taker_order_id", "maker_leaves_qty", "taker_leaves_qty", "text"),
    *("bids", "asks"),
)
#: Without these no line is one.
NEEDED = ("transact_time", "exec_type", "symbol")
#: What has a list in it has no place in a CSV file.
NOT_IN_CSV = ("bids", "asks")
_KNOWN = frozenset(COLUMNS)
# What published tapes and venues' exports call them.
_OTHER_NAMES = {
    **dict.fromkeys(("timestamp", "time", "date", "datetime", "block_time"), "transact_time"),
    **dict.fromkeys(("block_timestamp", "trade_time", "created_at"), "transact_time"),
    **dict.fromkeys(("type", "kind", "event", "event_type", "action"), "exec_type"),
    **dict.fromkeys(("pair", "market", "instrument", "ticker", "product_id", "coin"), "symbol"),
    **dict.fromkeys(("trade_price", "exec_price", "rate"), "last_px"),
    **dict.fromkeys(("quantity", "qty", "amount", "size", "volume", "trade_qty"), "last_qty"),
    **dict.fromkeys(("id", "tid", "tx_hash", "transaction_hash", "hash"), "trade_id"),
    **dict.fromkeys(("taker_side", "side_taker"), "aggressor_side"),
    **dict.fromkeys(("buyer", "buyer_address", "buyer_id", "to"), "buyer_account"),
    **dict.fromkeys(("seller", "seller_address", "seller_id", "from"), "seller_account"),
}

#: How names begin that only events have.
_OF_EVENTS = ("@timestamp", "event.")
#: What only a table of a chain has.
_OF_A_CHAIN = frozenset(
    (
        *("tx_hash", "evt_tx_hash", "transaction_hash", "transactionhash", "log_index", "logindex"),
        *("block_number", "blocknumber", "blockno", "evt_block_number", "evt_index"),
    )
)


def is_column(name: str) -> bool:
    """Whether a line may have it."""
    return name in _KNOWN or name.startswith(OWN_PREFIX)


def unknown_column(name: str) -> str:
    """Why a column is refused, and what was meant."""
    if name.startswith(_OF_EVENTS):
        return "no column of an order log, but of an event: --events takes those"
    hint = _OTHER_NAMES.get(name.lower()) or did_you_mean(name, COLUMNS)
    meant = f": did you mean {hint}?" if hint else "; one of your own begins with x_"
    return f"no column of an order log{meant}"


_NO_NAMES = "this is no line of names: the first line names the columns, with no title above them"


def header_faults(header: str) -> list[ColumnFault]:
    """What is wrong with the first line of a CSV file, in its order."""
    try:
        names = names_of(header)
    except ValueError as error:
        return [ColumnFault(1, str(error))]
    if (said := other_delimiter(header)) is not None:
        return [ColumnFault(1, f"{said}: write the file anew with commas")]
    if not _KNOWN.intersection(names) and _OF_A_CHAIN.intersection(map(_plain, names)):
        return [
            ColumnFault(
                1,
                "this is a table of a chain, and no order log: it becomes one, or a folder of "
                "tables that is read as it is, as docs/published-data.md tells",
            )
        ]
    if not any(map(_looks_like_a_name, names)):
        return [ColumnFault(1, _NO_NAMES)]
    places = places_of(header)
    faults = [
        ColumnFault(place, reason)
        for place, reason in zip(places, map(_wrong, names), strict=False)
        if reason
    ]
    faults += repeated(header, names, among=_KNOWN)
    # Said of a column that is there under another name already.
    meant = {_OTHER_NAMES.get(name.lower()) or did_you_mean(name, NEEDED) for name in names}
    missing = [name for name in NEEDED if name not in names and name not in meant]
    if missing:
        faults.append(ColumnFault(1, f"there is no column {' and no '.join(missing)}"))
    return sorted(faults)


def _looks_like_a_name(name: str) -> bool:
    return is_column(name) or did_you_mean(name, NEEDED) is not None or name.lower() in _OTHER_NAMES


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")


def _wrong(name: str) -> str:
    if name in NOT_IN_CSV:
        return f"{name}: only NDJSON has this"
    return "" if is_column(name) else f"{name[:64]}: {unknown_column(name)}"
