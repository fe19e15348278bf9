"""Events of pools for tests of correlators, as a chain would tell them.

`Chain` makes them one after the other, with transactions in the order of their places.
"""

from typing import Any

from normalizer.events.chain import (
    Block,
    LiquidityAdded,
    LiquidityRemoved,
    PoolSwap,
    TokenTransfer,
)
from tests.detections.samples import START

UNIT = 10**18
BLOCK_TIME = 12 * 10**9
POOL = "0x" + "e0" * 20
OTHER_POOL = "0x" + "e1" * 20
ROUTER = "0x7a250d5630b4cf539739df2c5dacb4c659f2488d"
SETTLEMENT = "0x9008d19f58aabd9ed0d60971565aa8510560ab41"
BOT = "0x" + "b0" * 20


def wallet(number: int) -> str:
    return f"0x{number:040x}"


class Chain:
    """Each call makes an event of a transaction; `at` is its block and its place in it."""

    def __init__(self, **common: Any) -> None:
        self._common = common
        self.number = 0

    def _fields(self, at: tuple[int, int], who: int, more: dict[str, Any]) -> dict[str, Any]:
        self.number += 1
        block, index = at
        moment = START + block * BLOCK_TIME
        return {
            "id": f"event-{self.number}",
            "timestamp": moment,
            "ingested": moment,
            "original": f"RAW/{self.number}/0",
            "provider": "chain",
            "chain_id": 1,
            "block_number": block,
            "block_hash": f"0x{block:064x}",
            "transaction_hash": f"0x{block:032x}{index:032x}",
            "transaction_index": index,
            "transaction_from": wallet(who),
            "transaction_to": ROUTER,
            "investor_address": wallet(who),
            **self._common,
            **more,
        }

    def swap(
        self, at: tuple[int, int], who: int, token: float, quote: float, **more: Any
    ) -> PoolSwap:
        """`token` and `quote` are the trader's: positive was got."""
        fields = self._fields(at, who, more)
        pool = fields.setdefault("pool", POOL)
        known: dict[str, Any] = {
            "instrument": "ACME-WETH" if pool == POOL else "ACME-WETH-2",
            "venue": "uniswap-v2",
            "token_symbol": "ACME",
            "token_address": "0x" + "ac" * 20,
            "currency": "WETH",
            "side": "buy" if token > 0 else "sell",
            "quantity": abs(token),
            "notional": abs(quote),
            "price": abs(quote / token) if token else None,
            "recipient": wallet(who),
            "sender": ROUTER,
            "amount0_raw": str(round(-token * UNIT)),
            "amount1_raw": str(round(-quote * UNIT)),
        }
        return PoolSwap(**{**known, **fields})

    def added(self, at: tuple[int, int], who: int, token: float, quote: float, **more: Any) -> Any:
        return self._liquidity(LiquidityAdded, at, who, token, quote, 1, more)

    def removed(
        self, at: tuple[int, int], who: int, token: float, quote: float, **more: Any
    ) -> Any:
        return self._liquidity(LiquidityRemoved, at, who, token, quote, -1, more)

    def _liquidity(
        self,
        kind: type[Any],
        at: tuple[int, int],
        who: int,
        token: float,
        quote: float,
        sign: int,
        more: dict[str, Any],
    ) -> Any:
        fields = self._fields(at, who, more)
        pool = fields.setdefault("pool", POOL)
        known: dict[str, Any] = {
            "instrument": "ACME-WETH" if pool == POOL else "ACME-WETH-2",
            "venue": "uniswap-v2",
            "currency": "WETH",
            "token_address": "0x" + "ac" * 20,
            "owner": wallet(who),
            "amount0_raw": str(round(sign * token * UNIT)),
            "amount1_raw": str(round(sign * quote * UNIT)),
            "token_quantity": token,
            "quote_quantity": quote,
        }
        return kind(**{**known, **fields})

    def transfer(
        self, at: tuple[int, int], source: str, destination: str, quantity: float, **more: Any
    ) -> TokenTransfer:
        fields = self._fields(at, 0, more)
        known: dict[str, Any] = {
            "token_address": "0x" + "ac" * 20,
            "contract": "0x" + "ac" * 20,
            "source_address": source,
            "destination_address": destination,
            "amount_raw": str(round(quantity * UNIT)),
            "amount": quantity,
        }
        return TokenTransfer(**{**known, **fields})

    def block(self, number: int) -> Block:
        fields = self._fields((number, 0), 0, {})
        for name in list(fields):
            if name.startswith(("transaction", "investor")):
                del fields[name]
        return Block(**fields)
