"""Order logs may have FIX's codes for their words, as they have FIX's names for their columns."""

from typing import Any

import msgspec
import pytest

from normalizer.events import market
from normalizer.normalize import Normalized
from pipeline import fix_codes
from tests.normalizer import venue_frames as v

ORDER: dict[str, Any] = {
    "transact_time": 1_699_999_999,
    "exec_type": "0",
    "symbol": "ACME-USD",
    "order_id": "41",
    "side": "2",
    "ord_type": "2",
    "price": 10.25,
    "order_qty": 300,
}
TRADE: dict[str, Any] = {
    "transact_time": 1_699_999_999,
    "exec_type": "2",  # FIX 4.2's fill
    "symbol": "ACME-USD",
    "trade_id": "1",
    "last_px": 10.25,
    "last_qty": 3,
    "aggressor_side": "1",
}


def read(line: dict[str, Any]) -> Normalized:
    return v.normalize("order_log", msgspec.json.encode(line))


def test_a_code_is_taken_for_its_word() -> None:
    placed = v.only(read(ORDER))
    words = {"exec_type": "new", "side": "sell", "ord_type": "limit"}
    assert isinstance(placed, market.OrderPlaced)
    assert (placed.side, placed.price) == ("sell", 10.25)
    assert v.only(read(ORDER | words)).side == placed.side
    assert v.only(read(TRADE)).side == "buy"


@pytest.mark.parametrize("codes", [{"time_in_force": "3"}, {"time_in_force": "4"}])
def test_an_order_that_never_rests_is_known_by_its_code(codes: dict[str, str]) -> None:
    assert isinstance(v.only(read(ORDER | codes)), market.OrderReceived)
    at_market = {name: value for name, value in ORDER.items() if name != "price"}
    assert isinstance(v.only(read(at_market | {"ord_type": "1"})), market.OrderReceived)


@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        (ORDER | {"side": "S"}, "side", '"S" is not known: did you mean sell?'),
        (ORDER | {"side": "b"}, "side", '"b" is not known: did you mean buy?'),
        (TRADE | {"aggressor_side": "B"}, "aggressor_side", '"B" is not known: did you mean buy?'),
        (TRADE | {"aggressor_side": "5"}, "aggressor_side", '"sell_short" is not known'),
        (TRADE | {"exec_type": "F"}, "exec_type", '"F" is not known: if it is FIX\'s, write trade'),
        (ORDER | {"exec_type": "D"}, "exec_type", '"D" is not known: if it is FIX\'s, write resta'),
        (ORDER | {"exec_type": "Z"}, "exec_type", '"Z" is not known: expected received'),
        (ORDER | {"exec_type": "NEW"}, "exec_type", '"NEW" is not known: did you mean new?'),
    ],
)
def test_other_letters_are_refused_with_what_was_meant(
    line: dict[str, Any], field: str, said: str
) -> None:
    (letter,) = read(line).dead
    assert letter.field == field
    assert letter.reason.startswith(said)


def test_every_code_is_a_character_and_its_word_one_of_order_logs() -> None:
    for codes in (
        *(fix_codes.EXEC_TYPES, fix_codes.SIDES),
        *(fix_codes.ORDER_TYPES, fix_codes.TIMES_IN_FORCE),
    ):
        assert all(len(code) == 1 for code in codes)
    for code, word in fix_codes.EXEC_TYPES.items():
        for said in (word, *([code] if code.isdigit() else [])):
            result = read(ORDER | {"exec_type": said})
            assert not any(letter.field == "exec_type" for letter in result.dead), said
