"""Small samples in the forms of published data sets. Made by us, from the papers' definitions: none
of it was published by anybody.

- Trades with wallets, in the form of EtherDeltaTrades.csv of Victor and Weintraud (2021): exact
  amounts as texts, times of blocks in whole seconds, several trades in one second. Wash trades by
  their definition: groups that trade with each other a hundred times and more, and end where they
  began. The same as IDEXTrades.csv.
- Sales of NFTs, with closed cycles of von Wachter and others (2022).
- Trades without anybody, in the form of La Morgia et al. (2020): prices as pandas writes them.
- Tokens on Uniswap v2 against ether, in the form of a list of tokens, and tables of ethereum-etl:
  liquidity that is gone, a price that own sales took away (Mazorra et al., 2022), and honest ones.
"""

import csv
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from simulation.chain.ledger import ZERO, Ledger, transfer_log, word
from simulation.chain.pool import Pool
from tests.collectors.exports import ethereum_etl

_ETHER = "0x" + "0" * 40
_BLOCK = 14
ROUTER = "0x7a250d5630b4cf539739df2c5dacb4c659f2488d"
WETH = "0xff" + "e" * 38
_SWAP = "0x38ed1739"


def _written(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _address(chance: random.Random) -> str:
    return "0x" + "".join(chance.choices("0123456789abcdef", k=40))


def etherdelta(folder: Path, seed: int = 1) -> None:
    """Three tokens with honest trades; a pair, a ring of three and one who trades with himself."""
    chance = random.Random(f"etherdelta:{seed}")
    tokens = [(_address(chance), decimals) for decimals in (18, 8, 0)]
    rows: list[dict[str, Any]] = []
    start = 1_520_000_000

    def trade(at: int, maker: str, taker: str, place: int, quantity: float, *, buys: bool) -> None:
        token, decimals = tokens[place]
        amount = round(quantity * 10**decimals)
        ether = round(quantity * 0.001 * (place + 1) * chance.gauss(1, 0.01) * 10**18)
        got, given = ((token, amount), (_ETHER, ether))[:: 1 if buys else -1]
        time = start + at // _BLOCK * _BLOCK
        rows.append(
            {
                "transaction_hash": "0x" + "".join(chance.choices("0123456789abcdef", k=64)),
                "block_number": 5_200_000 + at // _BLOCK,
                "timestamp": time,
                "tokenGet": got[0],
                "amountGet": str(got[1]),
                "tokenGive": given[0],
                "amountGive": str(given[1]),
                "get": maker,
                "give": taker,
            }
        )

    crowd = [_address(chance) for _ in range(150)]
    for place in range(3):
        at = 0
        while at < 2 * 86_400:
            at += int(chance.expovariate(1 / 240)) + 1
            maker, taker = chance.sample(crowd, 2)
            size = max(1.0, round(500 * chance.lognormvariate(0, 1.2)))
            trade(at, maker, taker, place, size, buys=chance.random() < 0.5)
    groups = {"pair": 2, "ring": 3, "self": 1}
    labels: list[dict[str, Any]] = []
    for place, (name, many) in enumerate(groups.items()):
        members = [_address(chance) for _ in range(many)]
        at = 40_000 * (place + 1)
        for _ in range(120 // many):
            size = float(chance.randint(300, 1_100))
            for one in range(many):
                trade(at, members[one], members[(one + 1) % many], place, size, buys=False)
                at += chance.choice((0, 14, 28, 60, 120))
            at += chance.randint(60, 500)
        labels.append({"id": name, "typology": "wash_trading", "entities": " ".join(members)})
    rows.sort(key=lambda row: row["timestamp"])
    _written(folder / "EtherDeltaTrades.csv", rows)
    told = {f"t{place}": {"name": f"T{place}", "slug": f"t{place}", "address": a, "decimals": d}
            for place, (a, d) in enumerate(tokens)}  # fmt: skip
    (folder / "token_decimals.json").write_text(json.dumps(told))
    _written(folder / "labels.csv", labels)


def idex(folder: Path) -> None:
    """The same trades in the form of IDEXTrades.csv: orders, of which a half is filled, and beside
    them what failed and what was traded for another token."""
    etherdelta(folder)
    rows: list[dict[str, Any]] = []
    with (folder / "EtherDeltaTrades.csv").open() as file:
        for row in csv.DictReader(file):
            got, given = int(row["amountGet"]), int(row["amountGive"])
            rows.append(
                {
                    "transaction_hash": row["transaction_hash"],
                    "status": "1",
                    "timestamp": row["timestamp"],
                    "amountBuy": str(2 * got),
                    "amountSell": str(2 * given),
                    "amount": str(got),
                    "tokenBuy": row["tokenGet"],
                    "tokenSell": row["tokenGive"],
                    "maker": row["get"],
                    "taker": row["give"],
                }
            )
    one = rows[0] | {"maker": "0xfailed", "taker": "0xfailed"}
    rows[:0] = [
        one | {"status": "0"},
        one | {"tokenSell": one["tokenBuy"] if one["tokenBuy"] != _ETHER else "0x01"}
        | {"tokenBuy": "0x02"},
    ]  # fmt: skip
    _written(folder / "IDEXTrades.csv", rows)


def sales(folder: Path, *, as_json: bool, seed: int = 1) -> None:
    """Items that go from hand to hand, and labels of those that come back: between two, and by
    three within a day. And a kind of which its maker sells one after the other."""
    chance = random.Random(f"sales:{seed}")
    start, day = 1_640_000_000, 86_400
    rows: list[dict[str, Any]] = []
    washed: list[str] = []

    def sold(item: str, at: float, seller: str, buyer: str) -> str:
        name = "0x" + "".join(chance.choices("0123456789abcdef", k=64))
        rows.append(
            {
                "time": int(start + at),
                "contract": "0x4e1f",
                "token_id": item,
                "price": repr(chance.lognormvariate(0, 1)),
                "currency": "WETH",
                "seller": seller,
                "buyer": buyer,
                "tx_hash": name,
            }
        )
        return name

    for item in range(40):
        hands = [_address(chance) for _ in range(chance.randint(3, 7))]
        at = 0.0
        for seller, buyer in pairwise(hands):
            at += chance.expovariate(1 / (20 * day))
            sold(str(item), at, seller, buyer)
        if item % 10 == 0:  # the last two are one
            both = hands[-1], hands[-2]
            washed += [
                sold(str(item), at + 600 * (n + 1), both[n % 2], both[1 - n % 2]) for n in range(8)
            ]
        if item % 10 == 5:
            ring = [hands[-1], _address(chance), _address(chance), hands[-1]]
            for n, (seller, buyer) in enumerate(pairwise(ring), 1):
                washed.append(sold(str(item), at + 3_600 * n, seller, buyer))
    maker = _address(chance)
    for n in range(12):
        sold("999", n * day, maker, _address(chance))
        sold("999", n * day + 60, _address(chance), _address(chance))
    chance.shuffle(rows)  # as marketplaces give them: in no order that one could rely on
    if as_json:
        lines = (json.dumps(row) + "\n" for row in rows)
        (folder / "sales.ndjson").write_text("".join(lines))
    else:
        _written(folder / "sales.csv", rows)
    told = [{"id": name, "typology": "wash_trading", "events": name} for name in washed]
    _written(folder / "labels.csv", told)


def pumps(folder: Path, *, whole_seconds: bool, seed: int = 1) -> None:
    """Three coins, each pumped once, between hours of honest trading."""
    (folder / "data").mkdir(parents=True)
    told: list[dict[str, Any]] = []
    for place in range(3):
        chance = random.Random(f"pumps:{seed}:{place}")
        start = 1_546_300_800_000 + place * 3 * 86_400_000
        pumped = start + 6 * 3_600_000
        price = float((45, 800, 4_200)[place])  # hundred-millionths of a bitcoin
        trades: list[tuple[int, str, float, float]] = []

        def put(at: int, side: str, cost: float, of: float, trades: Any = trades) -> None:
            satoshis = max(1, round(cost))
            trades.append((at, side, satoshis * 1e-8, of / satoshis))

        def quiet(since: int, until: int, around: float, chance: Any = chance) -> None:
            at = since
            while (at := at + int(chance.expovariate(1 / 40_000)) + 1) < until:
                around = max(2.0, around + chance.choice((-1, 0, 0, 1)) * max(1.0, around * 0.001))
                put(at, chance.choice(("buy", "sell")), around, chance.lognormvariate(0, 1) * 2e4)

        quiet(start, pumped, price)
        steps, lasts, high = 120, 15_000, price * (1.3, 1.7, 2.2)[place]
        for step in range(steps):
            at = pumped + int(lasts * (step / steps) ** 1.5)
            cost = price + (high - price) * (step + 1) / steps
            for level in range(3):
                put(at, "buy", cost * (1 + 0.003 * level), chance.lognormvariate(0, 1) * 6e4)
        at = pumped + lasts
        for step in range(steps):
            at += int(chance.expovariate(1 / 2_000)) + 1
            cost = high - (high - price * 1.05) * (step + 1) / steps
            side = "sell" if chance.random() < 0.7 else "buy"
            put(at, side, cost, chance.lognormvariate(0, 1) * 5e4)
        quiet(at, at + 2 * 3_600_000, price * 1.05)
        name = f"PMP{place}"
        rows: list[dict[str, Any]] = []
        for time, side, cost, amount in sorted(trades, key=lambda one: one[0]):
            stamp = time // 1_000 * 1_000 if whole_seconds else time
            rows.append(
                {
                    "symbol": f"{name}/BTC",
                    "timestamp": stamp,
                    "datetime": datetime.fromtimestamp(stamp / 1e3, UTC).isoformat(),
                    "side": side,
                    "price": repr(cost),
                    "amount": repr(amount),
                    "btc_volume": repr(cost * amount),
                }
            )
        when = datetime.fromtimestamp(pumped / 1e3, UTC)
        _written(folder / "data" / f"{name}_{when:%Y-%m-%d %H.%M}.csv", rows)
        if place == 0:  # another pump's file, which overlaps
            later = when + timedelta(hours=1)
            _written(folder / "data" / f"{name}_{later:%Y-%m-%d %H.%M}.csv", rows[-200:])
        told.append(
            {
                "symbol": name,
                "group": "group-1",
                "date": f"{when:%Y-%m-%d}",
                "hour": f"{when:%H:%M}",
                "exchange": "binance",
            }
        )
    told += [
        told[0] | {"group": "group-2"},
        told[1] | {"exchange": "yobit"},
        told[2] | {"symbol": "GONE"},
        told[2] | {"date": "2018-01-01"},
    ]
    _written(folder / "pump_telegram.csv", told)


def rug_pulls(folder: Path, seed: int = 1) -> None:
    """Twelve tokens, of which seven come to nothing, by liquidity or by sales of new tokens."""
    chain = _Tokens(seed)
    kinds = ("liquidity",) * 4 + ("sale",) * 3 + ("honest",) * 3 + ("partly", "moved")
    rows = [chain.token(kind) for kind in kinds]
    chain.play()
    (folder / "tables").mkdir()
    ethereum_etl(chain.ledger.frames, folder / "tables")
    _written(folder / "tokens.csv", rows)


class _Tokens:
    """Tokens and their pools, and what is done in which block."""

    def __init__(self, seed: int) -> None:
        self.ledger = Ledger(f"rug:{seed}", 12_000_000)
        self.chance = random.Random(f"rug:{seed}")
        self.acts: list[tuple[int, int, Callable[[], None]]] = []

    def at(self, block: int, act: Callable[[], None]) -> None:
        self.acts.append((block, len(self.acts), act))

    def play(self) -> None:
        """Do all, block by block; the last one is a day later."""
        self.acts.sort(key=lambda act: act[:2])
        block = 0
        for block, acts in groupby(self.acts, key=lambda act: act[0]):
            for _, _, act in acts:
                act()
            self._close(block)
        self.ledger.send(self.ledger.new_address(), ROUTER, ())
        self._close(block + 8_000)

    def _close(self, block: int) -> None:
        if self.ledger.has_transactions:
            self.ledger.close_block((1_620_000_000 + block * 13) * 10**9)

    def token(self, kind: str) -> dict[str, Any]:
        """One token, from its issue to its end; its row of the list."""
        chance, new = self.chance, self.ledger.new_address
        token, pair, maker = new(), new(), new()
        decimals = chance.choice((9, 18, 0, 6))
        supply = chance.choice((10**6, 10**9, 10**12)) * 10**decimals
        pool = Pool(pair, "uniswap-v2", token, WETH)
        held: dict[str, int] = {maker: supply // 5}
        born = chance.randint(0, 500)
        send = self.ledger.send

        def begin() -> None:
            send(maker, token, (transfer_log(token, ZERO, maker, supply),), data="0x60806040")
            ether = chance.choice((3, 10, 40)) * 10**18
            send(maker, ROUTER, pool.add(maker, ROUTER, supply * 4 // 5, ether), data="0xf305d719")

        def buy(wallet: str) -> None:
            paid = int(chance.uniform(0.02, 0.3) * 10**18)
            got, logs = pool.swap(1, paid, ROUTER, ROUTER, wallet)
            held[wallet] = held.get(wallet, 0) + got
            send(wallet, ROUTER, logs, data=_SWAP + word(paid))

        def sell(wallet: str, amount: int) -> None:
            if amount > 0 and pool.reserves[1] > 10**16:
                _, logs = pool.swap(0, amount, ROUTER, wallet, wallet)
                held[wallet] = held.get(wallet, 0) - amount
                send(wallet, ROUTER, logs, data=_SWAP + word(amount))

        def pull(part: float) -> tuple[int, int]:
            got, ether, logs = pool.remove(maker, ROUTER, part)
            send(maker, ROUTER, logs, data="0xbaa2abde")
            return got, ether

        def dump() -> None:
            made = supply * chance.choice((2, 5))
            send(maker, token, (transfer_log(token, ZERO, maker, made),), data="0x40c10f19")
            sell(maker, made)

        self.at(born, begin)
        life = chance.randint(200, 900)
        for _ in range(chance.randint(8, 20)):
            wallet, block = new(), born + chance.randint(2, life)
            self.at(block, lambda wallet=wallet: buy(wallet))
            if chance.random() < 0.4:
                later = block + chance.randint(5, 300)
                self.at(later, lambda wallet=wallet: sell(wallet, held.get(wallet, 0) // 2))
        end = born + life + 1
        if kind == "liquidity":
            part = chance.choice((1.0, 0.999, 0.97))
            self.at(end, lambda: (pull(part), None)[1])
        elif kind == "sale":
            self.at(end, dump)
        elif kind == "partly":
            self.at(end, lambda: (pull(0.3), None)[1])
        elif kind == "moved":

            def away_and_back() -> None:
                logs = pool.add(maker, ROUTER, *pull(0.97))
                self.at_once(maker, logs)

            self.at(end, away_and_back)
        return {
            "token_address": token,
            "pair_address": pair,
            "decimals": decimals,
            "label": kind in ("liquidity", "sale"),
        }

    def at_once(self, maker: str, logs: Any) -> None:
        """A second transaction in the same block."""
        self.ledger.send(maker, ROUTER, logs, data="0xf305d719")
