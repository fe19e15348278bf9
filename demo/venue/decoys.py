"""Honest behaviour that a careless rule takes for abuse."""

import random

from demo.venue.desk import Desk, Script
from demo.venue.ground_truth import Decoy, GroundTruth


def filled_block(buyer: Desk, seller: Desk, rng: random.Random, truth: GroundTruth) -> Script:
    """A large order that is gone within a second, because it was filled."""
    yield from buyer.wait_for_room(3)
    price = buyer.inside("buy")
    if price is None:
        return
    lots = rng.randint(22, 26) * 1000
    bid = buyer.limit("buy", lots, price).order_id
    yield 0.8
    offer = seller.limit("sell", buyer.remaining(bid), price)
    truth.decoys.append(
        Decoy(
            name="large order quickly filled",
            resembles="spoofing",
            description=(
                f"{buyer.account.account} bid for {lots / 100:g} ACME at the touch and "
                f"{seller.account.account} sold the block within a second"
            ),
            accounts=(buyer.account.account, seller.account.account),
            order_ids=(bid, offer.order_id),
            trade_ids=buyer.trades_of(bid),
        )
    )


def patient_order(desk: Desk, rng: random.Random, lives: float, truth: GroundTruth) -> Script:
    """A large order near the touch that is cancelled after a long time."""
    best = desk.best("buy")
    if best is None:
        return
    lots = rng.randint(18, 22) * 1000
    order_id = desk.limit("buy", lots, best - 12).order_id
    yield lives
    if not desk.cancel(order_id):
        return
    truth.decoys.append(
        Decoy(
            name="large order cancelled late",
            resembles="spoofing",
            description=(
                f"{desk.account.account} bid for {lots / 100:g} ACME and gave up after "
                f"{lives:.0f} s"
            ),
            accounts=(desk.account.account,),
            order_ids=(order_id,),
            trade_ids=desk.trades_of(order_id),
        )
    )


def fat_finger(desk: Desk, truth: GroundTruth) -> Script:
    """A large order cancelled at once, because it had a zero too many; the right one follows."""
    yield from desk.wait_for_room(4)
    price = desk.inside("sell", 2)
    if price is None:
        return
    wrong = desk.limit("sell", 40_000, price).order_id
    yield 0.9
    desk.cancel(wrong)
    yield 0.6
    right = desk.limit("sell", 4_000, price + 2).order_id
    truth.decoys.append(
        Decoy(
            name="typing error corrected",
            resembles="spoofing",
            description=(
                f"{desk.account.account} offered 400 ACME instead of 40, cancelled after 0.9 s and "
                "entered the right size; nothing of its own traded on the other side"
            ),
            accounts=(desk.account.account,),
            order_ids=(wrong, right),
            trade_ids=desk.trades_of(wrong),
        )
    )


def regular_counterparties(
    buyer: Desk, seller: Desk, rng: random.Random, pauses: tuple[float, ...], truth: GroundTruth
) -> Script:
    """Two unrelated investors who meet again and again: one builds a position, one sells out."""
    order_ids: list[str] = []
    trade_ids: list[str] = []
    for pause in pauses:
        unfilled: tuple[str, ...] = ()
        yield from seller.wait_for_room(3)
        price = seller.inside("sell")
        if price is not None:
            lots = rng.randint(10, 30) * 100
            offer = seller.limit("sell", lots, price).order_id
            yield 0.1
            bid = buyer.limit("buy", lots, price)
            trades = [str(m.trade_id) for m in bid.matches if m.maker_order_id == offer]
            if trades:
                order_ids += (offer, bid.order_id)
                trade_ids += trades
            unfilled = (offer, bid.order_id)
        yield pause
        for desk, order_id in zip((seller, buyer), unfilled, strict=False):
            desk.cancel(order_id)
    truth.decoys.append(
        Decoy(
            name="unrelated accounts that often meet",
            resembles="wash_trading",
            description=(
                f"{buyer.account.account} bought from {seller.account.account} in "
                f"{len(trade_ids)} trades; the shares changed hands for good"
            ),
            accounts=(buyer.account.account, seller.account.account),
            order_ids=tuple(order_ids),
            trade_ids=tuple(trade_ids),
        )
    )
