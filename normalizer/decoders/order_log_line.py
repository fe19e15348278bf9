"""A line of an order log as a record, out of JSON or CSV. The format: ``docs/order-log.md``."""

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import astuple

from normalizer.decoders.times import event_time, parse_seconds, plausible, since_1970
from normalizer.decoders.unreadable import Unreadable, unreadable
from normalizer.decoders.venue_messages import MOST_LEVELS, Identifier, Price, Quantity, Sequence
from pipeline.csv_line import csv_cells
from pipeline.fix_codes import EXEC_TYPES, ORDER_TYPES, SIDES, TIMES_IN_FORCE
from pipeline.json_names import all_differ, repeated_name
from pipeline.order_log_columns import NOT_IN_CSV, OWN_PREFIX, is_column, unknown_column
from pipeline.problems import did_you_mean, shown

_MOST_HEADERS = 256
_Word = Annotated[str, Meta(min_length=1, max_length=64)]
_Id = Identifier | Sequence


class Level(Struct, array_like=True, gc=False, forbid_unknown_fields=True):
    """An entry of ``book_snapshot``, by level, or by order where it has an id; or of
    ``book_update``, where a quantity of 0 takes the level away."""

    price: Price
    quantity: Quantity
    order_id: _Id | None = None


_Levels = Annotated[tuple[Level, ...], Meta(max_length=MOST_LEVELS)]


class Line(Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One step of an order, or one trade. Prices in ``currency``, quantities in whole units."""

    transact_time: Annotated[str, Meta(min_length=1, max_length=48)] | int
    exec_type: _Word
    symbol: _Word
    venue: _Word | None = None
    currency: _Word | None = None
    seq_num: Sequence | None = None
    exec_id: _Id | None = None
    order_id: _Id | None = None
    orig_order_id: _Id | None = None
    cl_ord_id: _Id | None = None
    account: _Id | None = None
    side: _Word | None = None
    ord_type: _Word | None = None
    time_in_force: _Word | None = None
    price: Price | None = None
    order_qty: Quantity | None = None
    leaves_qty: Quantity | None = None
    last_px: Price | None = None
    last_qty: Quantity | None = None
    trade_id: _Id | None = None
    trade_ref_id: _Id | None = None
    aggressor_side: _Word | None = None
    aggressor_indicator: _Word | bool | None = None
    buyer_account: _Id | None = None
    seller_account: _Id | None = None
    maker_order_id: _Id | None = None
    taker_order_id: _Id | None = None
    maker_leaves_qty: Quantity | None = None
    taker_leaves_qty: Quantity | None = None
    text: Annotated[str, Meta(max_length=4096)] | None = None
    bids: _Levels | None = None
    asks: _Levels | None = None


_NUMBERS = (
    *("price", "order_qty", "leaves_qty", "last_px", "last_qty"),
    *("maker_leaves_qty", "taker_leaves_qty"),
)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
#: Days since 1899, from 2009 to 2064, and a part of a day; a date and a time without signs.
_SPREADSHEET_DAYS = re.compile(r"(?:39[89]|[45][0-9]{2})[0-9]{2}(?:\.[0-9]+)?")
_RUN_TOGETHER = re.compile(
    r"(20[0-9]{2})(0[1-9]|1[0-2])([0-3][0-9])([0-2][0-9])([0-5][0-9])([0-6][0-9])"
)
#: A time that a column with a gap made a float: of so many digits it has lost none.
_FLOAT = re.compile(r"([0-9]{1,16})\.0+")
_FIELDS = len(Line.__struct_fields__)
_decoder = msgspec.json.Decoder(Line, strict=False)
_object_decoder = msgspec.json.Decoder(dict[str, Any])


def read_json(payload: bytes) -> Line:
    """A line of NDJSON. Raises :class:`Unreadable`."""
    try:
        line = _decoder.decode(payload)
    except (msgspec.MsgspecError, RecursionError) as error:
        if not str(error).startswith("Object contains unknown field"):
            raise unreadable(error) from None
    else:
        # Most lines have as many names as values; what has not is looked at more closely.
        if not all_differ(payload, _FIELDS - astuple(line).count(None)):
            _check_names(payload)
        return _in_words(line)
    _check_names(payload)
    return _in_words(_with_own(payload))


def _check_names(payload: bytes) -> None:
    try:
        twice = repeated_name(payload, _object_decoder.decode(payload))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unreadable(error) from None
    if twice is not None:
        said = f"is there twice, the second time at character {twice.column}: which one counts?"
        raise Unreadable(said, twice.path[:64])


def _with_own(payload: bytes) -> Line:
    try:
        found = _object_decoder.decode(payload)
        for name in list(found):
            if name.startswith(OWN_PREFIX):
                del found[name]
            elif not is_column(name):
                raise Unreadable(unknown_column(name), name[:64])
        return msgspec.convert(found, Line, strict=False)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unreadable(error) from None


class Headers(dict[str, "list[str | None]"]):
    """The columns of CSV files by their first lines; None for a column that is passed over."""

    def __missing__(self, header: str) -> "list[str | None]":
        columns: list[str | None] = []
        for cell in _cells(header.removeprefix("\ufeff")):
            name = cell.strip()
            if name in NOT_IN_CSV:
                raise Unreadable("only NDJSON has this", name)
            if name in columns:
                raise Unreadable("the column is there twice", name)
            if not is_column(name):
                raise Unreadable(unknown_column(name), name[:64])
            columns.append(None if name.startswith(OWN_PREFIX) else name)
        if len(self) >= _MOST_HEADERS:
            self.clear()
        self[header] = columns
        return columns


def read_csv(payload: bytes, columns: "list[str | None]") -> Line:
    """A line of CSV. Raises :class:`Unreadable`."""
    try:
        found = _cells(payload.decode())
    except UnicodeDecodeError:
        raise Unreadable("is no UTF-8: save the file in this encoding") from None
    if len(found) != len(columns):
        raise Unreadable(f"{len(found)} cells under {len(columns)} columns")
    named = {name: cell for name, cell in zip(columns, found, strict=True) if cell and name}
    try:
        return _in_words(msgspec.convert(named, Line, strict=False))
    except msgspec.MsgspecError as error:
        raise _no_number(named) or unreadable(error) from None


def _in_words(line: Line) -> Line:
    """The line with words where it has FIX's codes, which are a character each. Of `exec_type` the
    digits only: letters say something else in other protocols (ITCH's `D` deletes an order)."""
    if len(line.exec_type) == 1 and line.exec_type.isdigit():
        line.exec_type = EXEC_TYPES.get(line.exec_type, line.exec_type)
    if line.side is not None and len(line.side) == 1:
        line.side = SIDES.get(line.side, line.side)
    if line.ord_type is not None and len(line.ord_type) == 1:
        line.ord_type = ORDER_TYPES.get(line.ord_type, line.ord_type)
    if line.time_in_force is not None and len(line.time_in_force) == 1:
        line.time_in_force = TIMES_IN_FORCE.get(line.time_in_force, line.time_in_force)
    if line.aggressor_side is not None and len(line.aggressor_side) == 1:
        line.aggressor_side = SIDES.get(line.aggressor_side, line.aggressor_side)
    return line


def _no_number(named: dict[str, str]) -> Unreadable | None:
    """The first cell that should hold a number and doesn't, in words of people who write CSV."""
    for name in _NUMBERS:
        text = named.get(name)
        if text is None:
            continue
        if _NUMBER.fullmatch(text) is None:
            said = "digits, a point before decimals, and nothing else"
            return Unreadable(f"{shown(text)} is no number: write {said}", name)
    return None


def _cells(line: str) -> list[str]:
    try:
        return csv_cells(line)
    except ValueError as error:
        raise Unreadable(str(error)) from None


def time_of(line: Line, received: int) -> int:
    """When it happened, in nanoseconds since 1970. Raises :class:`Unreadable`."""
    try:
        return _time_of(line.transact_time, received, "transact_time")
    except Unreadable as error:
        if (hint := _meant_as(str(line.transact_time))) is not None:
            raise Unreadable(f"{error.reason}: {hint}", error.field) from None
        raise


def _meant_as(time: str) -> str | None:
    """What a number that is no time since 1970 probably is."""
    if _SPREADSHEET_DAYS.fullmatch(time):
        return (
            f"{time} looks like a spreadsheet's number of days; give the column a format such as "
            "yyyy-mm-ddThh:mm:ss, and a zone"
        )
    if (found := _RUN_TOGETHER.fullmatch(time)) is not None:
        year, month, day, hour, minute, second = found.groups()
        return (
            "if this is a date and a time, write them as FIX does, in UTC: "
            f"{year}{month}{day}-{hour}:{minute}:{second}"
        )
    return None


def _time_of(time: str | int, received: int, field: str) -> int:
    if isinstance(time, int):
        return plausible(since_1970(time), received, field)
    if time.isascii() and time[:1].isdigit():
        if time.isdigit():
            return plausible(since_1970(int(time)), received, field)
        if (whole := _FLOAT.fullmatch(time)) is not None:
            return plausible(since_1970(int(whole[1])), received, field)
        if _NUMBER.fullmatch(time) is not None:
            return plausible(_of_seconds(time, field), received, field)
    if time[8:9] == "-" and time.isascii():  # FIX's UTCTimestamp
        date, _, clock = time.partition("-")
        time = f"{date[:4]}-{date[4:6]}-{date[6:]}T{clock}Z"
    return event_time(time, received, field)


def _of_seconds(number: str, field: str) -> int:
    try:
        return parse_seconds(number, field)
    except Unreadable:
        raise Unreadable(
            f"{number[:40]!r} is no time: of a number seconds may have decimals, and milli-, "
            "micro- and nanoseconds none",
            field,
        ) from None


def wrong_value(field: str, value: str, known: "tuple[str, ...] | list[str]") -> Unreadable:
    """Why a word is refused, and which was meant."""
    if field == "exec_type" and (word := EXEC_TYPES.get(value)) is not None:
        return Unreadable(f"{shown(value)} is not known: if it is FIX's, write {word}", field)
    begun = [word for word in known if len(value) == 1 and word.startswith(value.lower())]
    hint = min(begun, key=len) if begun else did_you_mean(value, known)
    said = f"did you mean {hint}?" if hint else f"expected {', '.join(known)}"
    return Unreadable(f"{shown(value)} is not known: {said}", field)
