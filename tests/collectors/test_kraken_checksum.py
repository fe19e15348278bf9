"""Books reproduce Kraken's checksums: of its documentation, and of a recording."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.kraken.checksum import OrderBook, OrderChange, PriceBook, digits, price_key
from tests.fixtures.shared_data import KRAKEN, recorded_frames

# The worked example of https://docs.kraken.com/api/docs/guides/spot-ws-book-v2
BOOK_BIDS = (
    "45283.5 0.10000000,45283.4 1.54582015,45282.1 0.10000000,45281.0 0.10000000,"
    "45280.3 1.54592586,45279.0 0.07990000,45277.6 0.03310103,45277.5 0.30000000,"
    "45277.3 1.54602737,45276.6 0.15445238"
)
BOOK_ASKS = (
    "45285.2 0.00100000,45286.4 1.54571953,45286.6 1.54571109,45289.6 1.54560911,"
    "45290.2 0.15890660,45291.8 1.54553491,45294.7 0.04454749,45296.1 0.35380000,"
    "45297.5 0.09945542,45299.5 0.18772827"
)
BOOK_CHECKSUM = 3310070434

# The worked example of https://docs.kraken.com/api/docs/guides/spot-ws-l3-v2
ORDER_BIDS = (
    "44939.4 0.88968699,44939.4 0.45210000,44939.4 0.10000000,44939.4 0.14296323,"
    "44939.4 0.25000000,44939.4 0.10292988,44939.4 0.33880000,44939.4 1.28140860,"
    "44937.1 0.03346877,44934.7 0.35630000,44930.2 0.22734299,44930.2 0.01000000,"
    "44930.2 0.05550000,44930.2 0.70000000,44930.2 0.15000000,44928.0 0.00105240,"
    "44919.6 0.33870000,44919.5 0.07610000,44912.0 0.35630000,44909.7 0.06690000,"
    "44901.9 0.00088982"
)
ORDER_ASKS = (
    "44939.5 4.52308393,44939.5 0.00111261,44939.5 0.00100000,44939.5 0.01000000,"
    "44950.0 0.10334926,44953.0 0.00064537,44955.0 0.00250000,44959.6 0.35630000,"
    "44959.6 0.35630000,44960.1 0.00338072,44960.2 0.88967575,44967.0 3.14392283,"
    "44978.5 0.06778960,44979.2 0.35630000"
)
ORDER_CHECKSUM = 1063832831


def levels(text: str) -> list[tuple[bytes, bytes]]:
    pairs = [row.split(" ") for row in text.encode().decode().split(",")]
    return [(price.encode(), quantity.encode()) for price, quantity in pairs]


def orders(text: str, prefix: str) -> list[OrderChange]:
    return [
        OrderChange("add", f"{prefix}{number}", price, quantity)
        for number, (price, quantity) in enumerate(levels(text))
    ]


def test_the_documented_example_of_a_book_is_reproduced() -> None:
    book = PriceBook(10)
    book.replace(levels(BOOK_BIDS), levels(BOOK_ASKS))
    assert book.checksum() == BOOK_CHECKSUM


def test_the_order_of_levels_in_a_snapshot_does_not_matter() -> None:
    book = PriceBook(10)
    book.replace(levels(BOOK_BIDS)[::-1], levels(BOOK_ASKS)[::-1])
    assert book.checksum() == BOOK_CHECKSUM


def test_levels_beyond_the_depth_are_forgotten() -> None:
    book = PriceBook(10)
    book.replace(levels(BOOK_BIDS), levels(BOOK_ASKS))
    book.update([], [(b"45285.3", b"1.00000000")])
    book.update([], [(b"45285.3", b"0.00000000")])
    # 45299.5 was pushed out: the venue publishes it again when it returns to the ten best.
    assert book.checksum() != BOOK_CHECKSUM
    book.update([], [(b"45299.5", b"0.18772827")])
    assert book.checksum() == BOOK_CHECKSUM


def test_several_changes_of_one_level_in_a_message_are_applied_in_order() -> None:
    book = PriceBook(10)
    book.replace(levels(BOOK_BIDS), levels(BOOK_ASKS))
    book.update([(b"45283.5", b"0"), (b"45283.5", b"9.00000000"), (b"45283.5", b"0.10000000")], [])
    assert book.checksum() == BOOK_CHECKSUM


def test_the_documented_example_of_orders_is_reproduced() -> None:
    book = OrderBook(10)
    book.replace(orders(ORDER_BIDS, "b"), orders(ORDER_ASKS, "a"))
    assert book.checksum() == ORDER_CHECKSUM


def test_an_order_that_changes_at_its_price_keeps_its_place_and_one_that_moves_goes_last() -> None:
    book = OrderBook(10)
    book.replace(orders(ORDER_BIDS, "b"), orders(ORDER_ASKS, "a"))
    book.update([OrderChange("modify", "b0", b"44939.4", b"0.5")], [])
    assert book.checksum() != ORDER_CHECKSUM
    book.update([OrderChange("modify", "b0", b"44939.4", b"0.88968699")], [])
    assert book.checksum() == ORDER_CHECKSUM
    book.update([OrderChange("modify", "b0", b"44930.2", b"0.88968699")], [])
    book.update([OrderChange("modify", "b0", b"44939.4", b"0.88968699")], [])
    assert book.checksum() != ORDER_CHECKSUM  # now it is the last at its old price


def test_deleted_and_unknown_orders_leave_nothing_behind() -> None:
    book = OrderBook(10)
    book.replace(orders(ORDER_BIDS, "b"), orders(ORDER_ASKS, "a"))
    book.update([OrderChange("add", "x", b"44939.45", b"1.0")], [])
    book.update([OrderChange("delete", "x", b"44939.45", b"1.0")], [])
    # The tenth level fell out of the depth meanwhile, and the venue publishes it again.
    book.update([OrderChange("add", "b20", b"44901.9", b"0.00088982")], [])
    book.update(
        [
            OrderChange("modify", "nobody", b"44939.4", b"1.0"),
            OrderChange("delete", "nobody", b"44939.4", b"1.0"),
        ],
        [],
    )
    assert book.checksum() == ORDER_CHECKSUM


@pytest.mark.parametrize(
    "text", [b"", b".", b"-1", b"NaN", b"inf", b"1.2.3", b"0x1", b"null", b"9" * 65, b"1e30"]
)
def test_what_is_no_price_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"price|decimals"):
        price_key(text)


@given(st.integers(0, 10**17), st.integers(0, 18), st.integers(0, 10**17), st.integers(0, 18))
def test_prices_are_ordered_exactly_whatever_their_precision(
    a: int, a_scale: int, b: int, b_scale: int
) -> None:
    def text(value: int, scale: int) -> bytes:
        whole, rest = divmod(value, 10**scale)
        return f"{whole}.{rest:0{scale}d}".encode() if scale else str(whole).encode()

    left, right = price_key(text(a, a_scale)), price_key(text(b, b_scale))
    assert (left < right) == (a * 10**b_scale < b * 10**a_scale)
    assert (left == right) == (a * 10**b_scale == b * 10**a_scale)


def test_digits_are_those_of_the_documentation() -> None:
    assert digits(b"0.00100000") == b"100000"
    assert digits(b"45285.2") == b"452852"
    assert digits(b"0.05000") == b"5000"
    assert digits(b"0.00000000") == b""


def test_every_checksum_of_the_recording_is_reproduced() -> None:
    books: dict[str, PriceBook] = {}
    checked = right = 0
    for frame in recorded_frames(KRAKEN):
        if not frame.payload.startswith(b"["):
            continue
        _, *parts, channel, pair = json.loads(frame.payload)
        maps = {key: value for part in parts for key, value in part.items()}
        bids, asks = (
            [(price.encode(), quantity.encode()) for price, quantity, *_ in maps.get(key, [])]
            for key in (("bs", "as") if "as" in maps else ("b", "a"))
        )
        if "as" in maps:
            books[pair] = PriceBook(int(channel.removeprefix("book-")))
            books[pair].replace(bids, asks)
            continue
        books[pair].update(bids, asks)
        checked += 1
        right += books[pair].checksum() == int(maps["c"])
    assert (right, checked) == (4269, 4269)
