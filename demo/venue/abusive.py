"""Planted abuse: spoofing, self-trades, and wash trades inside one cluster."""

import random

from demo.venue.desk import Desk, Script
from demo.venue.ground_truth import GroundTruth, Planted
from demo.venue.messages import Side
from demo.venue.order_book import opposite


def spoofer(desk: Desk, rng: random.Random, large_side: Side, truth: GroundTruth) -> Script:
    """One cycle: a small genuine order on one side, a large one at the touch of the other, and the
    large one is gone as soon as the small one is filled. Tries again where nobody took the bait."""
    small_side = opposite(large_side)
    order_ids: list[str] = []
    for _ in range(4):
        yield from desk.wait_for_room(4)
        genuine_price, large_price = desk.inside(small_side), desk.inside(large_side)
        if genuine_price is None or large_price is None or genuine_price == large_price:
            continue
        genuine = desk.limit(small_side, rng.randint(8, 11) * 100, genuine_price).order_id
        yield 0.02
        if desk.crosses(large_side, large_price):
            desk.cancel(genuine)  # the market moved: the large order would trade
            continue
        depth = desk.depth(large_side)
        large_lots = rng.randint(34, 42) * 1000
        large = desk.limit(large_side, large_lots, large_price).order_id
        order_ids += (large, genuine)
        before = desk.remaining(genuine)
        lived = 0.0
        while desk.remaining(genuine) and lived < 1.0:
            yield 0.05
            lived += 0.05
        reaction = rng.uniform(0.25, 0.45)
        yield reaction
        gained = before - desk.remaining(genuine)
        desk.cancel(large)
        desk.cancel(genuine)
        if not gained:
            yield 0.4
            continue
        truth.planted.append(
            Planted(
                typology="spoofing",
                description=(
                    f"{desk.account.account} showed a {large_side} order of {large_lots / 100:g} "
                    f"ACME at the touch ({large_lots / (depth + large_lots):.0%} of the side's "
                    f"depth), had {gained / 100:g} ACME filled on the other side, and cancelled "
                    f"the large order after {lived + reaction:.1f} s"
                ),
                accounts=(desk.account.account,),
                order_ids=tuple(order_ids),
                trade_ids=desk.trades_of(genuine),
            )
        )
        return


def self_trader(desk: Desk, rng: random.Random, truth: GroundTruth) -> Script:
    """Puts an offer inside the spread and takes it with the same account."""
    yield from desk.wait_for_room(3)
    price = desk.inside("sell")
    if price is None:
        return
    lots = rng.randint(12, 18) * 100
    maker = desk.limit("sell", lots, price).order_id
    yield 0.03
    taker = desk.limit("buy", lots, price)
    desk.cancel(maker)
    desk.cancel(taker.order_id)
    trades = tuple(str(m.trade_id) for m in taker.matches if m.maker_order_id == maker)
    if trades:
        truth.planted.append(
            Planted(
                typology="wash_trading",
                description=(
                    f"{desk.account.account} sold {lots / 100:g} ACME to itself at "
                    f"{price / 100:.2f} USD"
                ),
                accounts=(desk.account.account,),
                order_ids=(maker, taker.order_id),
                trade_ids=trades,
            )
        )


def wash_pair(
    first: Desk, second: Desk, rng: random.Random, pauses: tuple[float, ...], truth: GroundTruth
) -> Script:
    """Two accounts of one cluster pass the same amount to and fro; neither's position changes."""
    lots = rng.randint(18, 24) * 100
    order_ids: list[str] = []
    trade_ids: list[str] = []
    away = 0  # lots that went from the first account to the second and are to come back
    for pause in pauses:
        seller, buyer = (second, first) if away else (first, second)
        yield from seller.wait_for_room(3)
        price = seller.inside("sell")
        if price is not None:
            size = away or lots
            offer = seller.limit("sell", size, price).order_id
            yield 0.1
            bid = buyer.limit("buy", size, price)
            trades = [m for m in bid.matches if m.maker_order_id == offer]
            moved = sum(seller.lots(m.size) for m in trades)
            away += moved if seller is first else -moved
            seller.cancel(offer)
            buyer.cancel(bid.order_id)
            if trades:
                order_ids += (offer, bid.order_id)
                trade_ids += [str(m.trade_id) for m in trades]
        yield pause
    truth.planted.append(
        Planted(
            typology="wash_trading",
            description=(
                f"{first.account.account} and {second.account.account}, both of "
                f"{first.account.cluster}, passed {lots / 100:g} ACME to and fro in "
                f"{len(trade_ids)} trades"
            ),
            accounts=(first.account.account, second.account.account),
            order_ids=tuple(order_ids),
            trade_ids=tuple(trade_ids),
        )
    )
