"""What an event says, as one sentence for a timeline."""

from collections.abc import Sequence
from typing import Any

from normalizer.events import (
    Alert,
    AlertUpdate,
    Event,
    OrderEvent,
    PartyEvent,
    PendingEvent,
    Record,
    SocialEvent,
)
from normalizer.events.chain import (
    LiquidityAdded,
    LiquidityRemoved,
    NativeTransfer,
    OracleUpdate,
    PoolSwap,
    TokenTransfer,
    TokenTransferRefused,
)
from normalizer.events.market import (
    BookSnapshot,
    BookUpdate,
    CancelRejected,
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    OrderReceived,
    OrderRejected,
    OrderRemoved,
    Trade,
)
from normalizer.events.social import AnnouncementType, SocialAnnouncement, SocialVolume

_DONE: dict[type[Any], str] = {
    OrderReceived: "entered",
    OrderPlaced: "rests on the book with",
    OrderCancelled: "cancelled",
    OrderFilled: "was filled:",
    OrderRemoved: "has no longer",
    OrderRejected: "was refused",
    CancelRejected: "may not cancel or change",
}

#: Of an update of the book.
_MOST_LEVELS = 4
_ANNOUNCED: dict[AnnouncementType, str] = {
    "pump-signal": "a call to buy",
    "recommendation": "an opinion on",
    "news": "news about",
}


def sentence(event: Record | Alert | AlertUpdate) -> str:
    """Who did what with how much, as far as the event tells it. One line, nothing left to guess.

    Addresses and ids are whole; values are as the source gave them, so don't take the text for
    markup.
    """
    match event:
        case Alert() | AlertUpdate():
            return event.message
        case Trade():
            return (
                f"{_who(event.buyer_account, event.buyer_id, 'somebody')} bought "
                f"{_number(event.quantity)} {event.instrument} from "
                f"{_who(event.seller_account, event.seller_id, 'somebody')} "
                f"at {_number(event.price)}"
            )
        case OrderEvent():
            return _order(event)
        case BookUpdate():
            return _levels(event)
        case BookSnapshot():
            return _whole_book(event)
        case TokenTransferRefused():
            because = f": {event.reason}" if event.reason else ""
            return f"{_moved(event)} was refused{because}"
        case TokenTransfer():
            kind = "" if event.transfer_type == "transfer" else f" ({event.transfer_type})"
            return f"{_moved(event)} was made{kind}"
        case PoolSwap():
            return _swap(event)
        case LiquidityAdded() | LiquidityRemoved():
            return _liquidity(event)
        case NativeTransfer():
            return (
                f"{_who(event.source_address, event.source_investor, '')} gave "
                f"{_number(event.value)} of the chain's own currency to "
                f"{_who(event.destination_address, event.destination_investor, '')}"
            )
        case OracleUpdate():
            if event.price is None:
                return f"the oracle {event.feed} answered {event.answer_raw}"
            money = f" {event.currency}" if event.currency else ""
            return f"the oracle {event.feed} answered {_number(event.price)}{money}"
        case PendingEvent():
            return _pending(event)
        case SocialVolume():
            return _said(event)
        case SocialAnnouncement():
            where = f" in {event.channel}" if event.channel else ""
            what = _ANNOUNCED[event.announcement]
            return f"{what} {_asset(event)} came on {event.medium}{where}"
        case _:
            return _anything(event)


def _order(event: OrderEvent) -> str:
    who = _who(event.investor_account, event.investor_id, "somebody")
    done = _DONE.get(type(event), _action(event))
    kind = "order" if event.side is None else f"{event.side} order"
    quantity = event.quantity if event.quantity is not None else event.remaining
    amount = f"{_number(quantity)} {event.instrument}" if quantity else event.instrument
    price = "" if event.price is None else f" at {_number(event.price)}"
    if isinstance(event, OrderCancelled) and event.remaining is not None:
        left = f"{_number(event.remaining)} {event.instrument}"
        return f"{who} cancelled a {kind}{price} with {left} open"
    if isinstance(event, OrderChanged):
        before = event.previous_quantity
        was = "" if before is None or before == quantity else f", from {_number(before)}"
        return f"{who} changed a {kind} to {amount}{price}{was}"
    return f"{who} {done} a {kind} of {amount}{price}"


def _levels(event: BookUpdate) -> str:
    """What stands at each price now that the update names."""
    parts = [
        f"{side} {', '.join(told)}"
        for side, told in (
            ("bids", _standing(event.bid_prices, event.bid_quantities)),
            ("offers", _standing(event.ask_prices, event.ask_quantities)),
        )
        if told
    ]
    return f"the book of {event.instrument} changed: {'; '.join(parts) or 'nothing'}"


def _standing(prices: Sequence[float], quantities: Sequence[float]) -> list[str]:
    known = list(zip(prices, quantities, strict=False))
    told = [
        f"{_number(quantity) if quantity else 'none'} at {_number(price)}"
        for price, quantity in known[:_MOST_LEVELS]
    ]
    more = len(known) - len(told)
    return [*told, f"and {more:,} more"] if more else told


def _whole_book(event: BookSnapshot) -> str:
    bid, ask = max(event.bid_prices, default=None), min(event.ask_prices, default=None)
    best = [
        f"the best {side} at {_number(price)}"
        for side, price in (("bid", bid), ("offer", ask))
        if price is not None
    ]
    kind = "orders" if event.bid_order_ids or event.ask_order_ids else "levels"
    many = f"{len(event.bid_prices):,} {kind} of bids and {len(event.ask_prices):,} of offers"
    return f"the whole book of {event.instrument}: {', '.join([many, *best])}"


def _moved(event: TokenTransfer | TokenTransferRefused) -> str:
    amount = f"{event.amount_raw} units" if event.amount is None else _number(event.amount)
    return (
        f"a transfer of {amount} {event.token_symbol or 'tokens'} "
        f"from {_who(event.source_address, event.source_investor, '')} "
        f"to {_who(event.destination_address, event.destination_investor, '')}"
    )


def _swap(event: PoolSwap) -> str:
    who = _who(event.transaction_from, event.investor_id, "somebody")
    if event.side is None or event.quantity is None:
        return f"{who} swapped in the pool {event.instrument}"
    done = "bought" if event.side == "buy" else "sold"
    # The source gave two exact amounts; the price is our quotient, so its last digits mean nothing.
    price = "" if event.price is None else f" at {event.price:,.6g}"
    what = f"{_number(event.quantity)} {event.token_symbol or 'tokens'}"
    return f"{who} {done} {what} in the pool {event.instrument}{price}"


def _liquidity(event: LiquidityAdded | LiquidityRemoved) -> str:
    who = _who(event.investor_address or event.transaction_from, event.investor_id, "somebody")
    amounts = [
        f"{_number(abs(quantity))} {unit}"
        for quantity, unit in (
            (event.token_quantity, event.token_symbol or "tokens"),
            (event.quote_quantity, event.currency or "of the other side"),
        )
        if quantity is not None
    ]
    size = f": {' and '.join(amounts)}" if amounts else ""
    what = "gave liquidity to" if isinstance(event, LiquidityAdded) else "took liquidity out of"
    return f"{who} {what} the pool {event.instrument}{size}"


def _said(event: SocialVolume) -> str:
    authors = "" if event.authors is None else f" by {_number(event.authors)} authors"
    sounds = "" if event.sentiment is None else f", sentiment {event.sentiment:+.2f}"
    long = (event.end - event.start) / 60e9
    return (
        f"{event.medium} had {_number(event.messages)} messages about {_asset(event)}{authors} "
        f"within {long:g} min{sounds}"
    )


def _asset(event: SocialEvent) -> str:
    return event.token_symbol or event.token_id or event.instrument or "an asset"


def _pending(event: PendingEvent) -> str:
    who = _who(event.transaction_from, event.investor_id, "somebody")
    what = f" of {event.transaction_method}" if event.transaction_method else ""
    size = ""
    if event.amount is not None:
        size = f", {_number(event.amount)} {event.token_symbol or 'tokens'}"
        if event.destination_address is not None:
            size += f" to {_who(event.destination_address, event.destination_investor, '')}"
    return f"{_action(event)}{what}{size}, signed by {who}"


def _anything(event: Record) -> str:
    text = _action(event)
    if not isinstance(event, PartyEvent):
        return f"{text}: {event.reason}" if event.reason else text
    party = _who(
        event.investor_address or event.investor_account, event.investor_id, event.token_symbol
    )
    return f"{text}: {party}" if party else text


def _action(event: Event) -> str:
    return str(event.__struct_config__.tag).replace("-", " ")


def _who(name: str | None, investor: str | None, otherwise: str | None) -> str:
    if name and investor:
        return f"{name} ({investor})"
    return name or investor or otherwise or ""


def _number(value: float) -> str:
    text = f"{value:,.8f}".rstrip("0").rstrip(".")
    return text if text not in ("0", "-0") or not value else f"{value:.3g}"
