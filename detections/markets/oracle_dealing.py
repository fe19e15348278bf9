"""What a trade says of an asset that an oracle answers for: who holds more by it, who pushed."""

from detections.alerting.findings import witness
from detections.markets.price_pressure import Push
from detections.parties import is_exempt
from normalizer.events.market import Side, Trade


def market_of(trade: Trade) -> str:
    """What its market is called here."""
    return f"{trade.venue}/{trade.instrument}"


def parties_of(trade: Trade) -> tuple[str | None, str | None]:
    """Who bought and who sold, by the widest names."""
    return (
        trade.buyer_cluster or trade.buyer_id or trade.buyer_account,
        trade.seller_cluster or trade.seller_id or trade.seller_account,
    )


def with_itself(trade: Trade) -> bool:
    """Whether a party traded with itself: that takes nothing from others."""
    bought, sold = parties_of(trade)
    return bought is not None and bought == sold


def side_of(trade: Trade, before: float) -> Side | None:
    """Which side took: as the venue says, else by the price before it."""
    if trade.side is not None:
        return trade.side
    return "buy" if trade.price > before else "sell" if trade.price < before else None


def holders(trade: Trade, exempt: frozenset[str]) -> list[tuple[str, str, float]]:
    """Whose positions it changes: party, account, and 1 where it bought, else -1."""
    buyer, seller = parties_of(trade)
    return [
        (party, account or party, sign)
        for party, account, labels, sign in (
            (buyer, trade.buyer_account, trade.buyer_labels, 1.0),
            (seller, trade.seller_account, trade.seller_labels, -1.0),
        )
        if party is not None and not is_exempt(labels, exempt)
    ]


def push_of(trade: Trade, before: float, exempt: frozenset[str]) -> tuple[str, Push] | None:
    """Who took liquidity in it, and how; None where nobody is known."""
    buyer, seller = parties_of(trade)
    side = side_of(trade, before)
    buys = side == "buy"
    taker, labels = (buyer, trade.buyer_labels) if buys else (seller, trade.seller_labels)
    if side is None or taker is None or buyer == seller or is_exempt(labels, exempt):
        return None
    quantity = trade.quantity if buys else -trade.quantity
    return taker, Push(
        trade.timestamp, market_of(trade), quantity, before, trade.price, witness(trade)
    )


def taken_more(was: tuple[Trade, float], now: tuple[Trade, float] | None) -> tuple[float, float]:
    """How much more was bought and sold, where a trade and the price before it are others now."""
    more = {"buy": 0.0, "sell": 0.0}
    for one, sign in ((was, -1.0), (now, 1.0)):
        if one is not None and (side := side_of(*one)) is not None and not with_itself(one[0]):
            more[side] += sign * one[0].quantity
    return more["buy"], more["sell"]
