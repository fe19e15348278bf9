"""What the detections cost, as a ratio to decoding the same events, in one run.

    python -m benchmarks.detections [--events 200000] [--rules sigma_rules]

The tape is a venue's order-by-order feed that matches nothing: quotes placed, changed, cancelled
and traded by twenty accounts, on four books of some 4,000 orders each.
"""

import argparse
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from benchmarks.engine_pace import BATCH, best_of_each
from detections.engine.engine import Engine
from detections.rules import RuleSet, load_rules
from normalizer.events import Record
from normalizer.events.market import OrderCancelled, OrderChanged, OrderPlaced, Trade

START = 1_767_225_600_000_000_000
BOOKS = 4
RESTING = 4_000


def tape(count: int, seed: int = 7) -> Iterator[Record]:
    """The same events for the same seed."""
    chance = random.Random(seed)
    live: list[list[tuple[str, Literal["buy", "sell"], float, float]]] = [[] for _ in range(BOOKS)]
    for number in range(count):
        book = chance.randrange(BOOKS)
        orders = live[book]
        at = START + number * 50_000
        common: dict[str, Any] = {
            "id": f"venue/{book}/{number}",
            "timestamp": at,
            "ingested": at + 2_000_000,
            "original": f"RAW/{number // BATCH}/{number % BATCH}",
            "provider": "demo-venue",
            "venue": "demo-venue",
            "instrument": f"TOKEN{book}-USD",
            "currency": "USD",
        }
        account = f"acct-{chance.randrange(20)}"
        dice = chance.random()
        if len(orders) < RESTING or dice < 0.48:
            side: Literal["buy", "sell"] = "buy" if chance.random() < 0.5 else "sell"
            away = abs(chance.gauss(0, 0.4)) + 0.01
            price = round(100 - away if side == "buy" else 100 + away, 2)
            quantity = round(chance.uniform(1, 60), 2)
            order = (f"order-{number}", side, price, quantity)
            orders.append(order)
            yield OrderPlaced(
                **common,
                order_id=order[0],
                side=side,
                price=price,
                quantity=quantity,
                remaining=quantity,
                investor_account=account,
            )
            continue
        at_place = chance.randrange(len(orders))
        order_id, side, price, quantity = orders[at_place]
        if dice < 0.92:
            orders[at_place] = orders[-1]
            orders.pop()
            yield OrderCancelled(
                **common, order_id=order_id, side=side, price=price, remaining=quantity
            )
        elif dice < 0.95:
            orders[at_place] = (order_id, side, price, quantity / 2)
            yield OrderChanged(
                **common, order_id=order_id, side=side, price=price, quantity=quantity / 2
            )
        else:
            orders[at_place] = (order_id, side, price, quantity * 0.9)
            yield Trade(
                **common,
                trade_id=f"trade-{number}",
                price=price,
                quantity=quantity * 0.1,
                side="sell" if side == "buy" else "buy",
                maker_order_id=order_id,
                taker_order_id=f"taker-{number}",
                buyer_account=f"acct-{number % 20}",
                seller_account=f"acct-{(number + 1) % 20}",
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rules", type=Path, default=Path("sigma_rules"))
    options = parser.parse_args()
    rules = load_rules([options.rules])
    without = RuleSet(sigma=rules.sigma)
    encode = msgspec.json.Encoder().encode
    lines = [encode(event) for event in tape(options.events)]
    size = sum(map(len, lines)) / len(lines)
    print(f"{len(lines):,} events of {size:.0f} bytes, {len(rules.rules)} rules")
    cases: dict[str, Callable[[], Engine] | None] = {
        "decode only": None,
        "Sigma rules": lambda: Engine(without),
        "all rules": lambda: Engine(rules),
    }
    best = best_of_each(cases, lines)
    base = best["decode only"]
    print(f"{'':14} {'events/s':>12} {'of decoding':>12} {'us/event beyond it':>20}")
    for name, seconds in best.items():
        rate, extra = len(lines) / seconds, (seconds - base) / len(lines) * 1e6
        print(f"{name:14} {rate:12,.0f} {seconds / base:11.2f}x {extra:20.2f}")


if __name__ == "__main__":
    main()
