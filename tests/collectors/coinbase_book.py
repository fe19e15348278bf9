"""What a consumer that reads frames strictly one after another makes of a Coinbase source."""

import msgspec

from pipeline.frames import Frame

Order = tuple[str, float, float]
"""Side, price, size."""


class SequentialReader:
    """Builds each product's book, and holds the feed to its order on the way."""

    def __init__(self) -> None:
        self.books: dict[str, dict[str, Order]] = {}
        self.last: dict[str, int] = {}
        self.trades: list[int] = []

    def read(self, frame: Frame) -> None:
        if frame.kind == "gap":
            instrument = msgspec.json.decode(frame.payload)["instrument"]
            for product in list(self.last) if instrument == "*" else [instrument]:
                self.last.pop(product, None)
            return
        try:
            message = msgspec.json.decode(frame.payload)
        except (msgspec.MsgspecError, RecursionError):
            return  # for the dead letters
        if not isinstance(message, dict):
            return
        if frame.kind == "snapshot":
            known = self.last.get(frame.context)
            assert known is None or message["sequence"] == known, "a snapshot out of place"
            self.last[frame.context] = message["sequence"]
            book = self.books[frame.context] = {}
            for side, name in (("buy", "bids"), ("sell", "asks")):
                for price, size, order_id in message[name]:
                    book[order_id] = (side, float(price), float(size))
            return
        if message["type"] not in ("received", "open", "done", "match", "change"):
            return
        product, sequence = message["product_id"], message["sequence"]
        known = self.last.get(product)
        assert known is None or sequence == known + 1, f"{sequence} behind {known}"
        self.last[product] = sequence
        self._apply(self.books.setdefault(product, {}), message)

    def _apply(self, book: dict[str, Order], message: dict) -> None:
        match message["type"]:
            case "open":
                size = float(message["remaining_size"])
                book[message["order_id"]] = (message["side"], float(message["price"]), size)
            case "done":
                book.pop(message["order_id"], None)
            case "change" if message["order_id"] in book:
                side, _, _ = book[message["order_id"]]
                price, size = float(message["new_price"]), float(message["new_size"])
                book[message["order_id"]] = (side, price, size)
            case "match":
                self.trades.append(message["trade_id"])
                if (order := book.get(message["maker_order_id"])) is not None:
                    side, price, size = order
                    left = round(size - float(message["size"]), 8)
                    book[message["maker_order_id"]] = (side, price, left)
            case _:
                pass


def read_all(frames: list[Frame]) -> SequentialReader:
    """Read all frames. AssertionError where the order is broken without a gap notice."""
    reader = SequentialReader()
    for frame in frames:
        reader.read(frame)
    return reader


def rest_orders(book: object) -> dict[str, Order]:
    """The orders of a venue's own ``OrderBook`` record."""
    rows = msgspec.to_builtins(book)
    return {
        order_id: (side, float(price), float(size))
        for side, name in (("buy", "bids"), ("sell", "asks"))
        for price, size, order_id in rows[name]
    }
