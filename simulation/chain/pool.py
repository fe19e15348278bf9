"""A pool that keeps its product constant, and tells of it as Uniswap v2 or v3 does.

A v3 position over all prices trades exactly as a v2 pair does, but for where its fees go: with
reserves x and y its liquidity is sqrt(xy) and its price y/x. All integers; the fee is 0.3 percent.
Sources: Uniswap v2-core ``UniswapV2Pair``, v3-core ``IUniswapV3PoolEvents``.
"""

from math import isqrt, log
from typing import Literal

from simulation.chain.ledger import LogEntry, address_word, topic, transfer_log, word

Style = Literal["uniswap-v2", "uniswap-v3"]
FEE = 3_000
"""In hundredths of a basis point."""
_SWAP_V2 = topic("Swap(address,uint256,uint256,uint256,uint256,address)")
_SYNC = topic("Sync(uint112,uint112)")
_MINT_V2 = topic("Mint(address,uint256,uint256)")
_BURN_V2 = topic("Burn(address,uint256,uint256,address)")
_SWAP_V3 = topic("Swap(address,address,int256,int256,uint160,uint128,int24)")
_MINT_V3 = topic("Mint(address,address,int24,int24,uint128,uint256,uint256)")
_BURN_V3 = topic("Burn(address,int24,int24,uint128,uint256,uint256)")
_EDGE = 887220


class Pool:
    """Token 0 is the watched token, token 1 what it is priced in; amounts in smallest units."""

    def __init__(self, address: str, style: Style, token: str, quote: str) -> None:
        self.address = address
        self.style: Style = style
        self.token = token
        self.quote = quote
        self.reserves = [0, 0]
        self.shares = 0
        """All liquidity; of v2 the pair's own token."""

    @property
    def price(self) -> float:
        """Quote per token, in smallest units."""
        return self.reserves[1] / self.reserves[0] if self.reserves[0] else 0.0

    def out(self, side: int, amount: int) -> int:
        """What comes out of the other side for `amount` of side 0 or 1 in."""
        paid = amount * (1_000_000 - FEE)
        return paid * self.reserves[1 - side] // (self.reserves[side] * 1_000_000 + paid)

    def needed(self, side: int, wanted: int) -> int:
        """What of side 0 or 1 must go in for `wanted` of the other side."""
        rest = self.reserves[1 - side] - wanted
        return self.reserves[side] * wanted * 1_000_000 // (rest * (1_000_000 - FEE)) + 1

    def swap(
        self, side: int, amount: int, sender: str, payer: str, receiver: str
    ) -> tuple[int, list[LogEntry]]:
        """Swap `amount` of side 0 or 1 in; what comes out, and the logs."""
        got = self.out(side, amount)
        tokens = (self.token, self.quote)
        self.reserves[side] += amount
        self.reserves[1 - side] -= got
        logs = [
            transfer_log(tokens[1 - side], self.address, receiver, got),
            transfer_log(tokens[side], payer, self.address, amount),
        ]
        if self.style == "uniswap-v2":
            ins, outs = [0, 0], [0, 0]
            ins[side], outs[1 - side] = amount, got
            logs.reverse()
            logs.append(self._sync())
            data = "".join(word(one) for one in (*ins, *outs))
            logs.append(
                LogEntry(
                    self.address,
                    (_SWAP_V2, "0x" + address_word(sender), "0x" + address_word(receiver)),
                    data,
                )
            )
            return got, logs
        amounts = [0, 0]
        amounts[side], amounts[1 - side] = amount, -got
        root, liquidity = self._root(), isqrt(self.reserves[0] * self.reserves[1])
        data = "".join(word(one) for one in (*amounts, root, liquidity, self.tick))
        logs.append(
            LogEntry(
                self.address,
                (_SWAP_V3, "0x" + address_word(sender), "0x" + address_word(receiver)),
                data,
            )
        )
        return got, logs

    def add(self, owner: str, sender: str, token: int, quote: int) -> list[LogEntry]:
        """Add liquidity; the caller keeps the ratio."""
        before = isqrt(self.reserves[0] * self.reserves[1])
        self.reserves[0] += token
        self.reserves[1] += quote
        liquidity = isqrt(self.reserves[0] * self.reserves[1]) - before
        self.shares += liquidity
        logs = [
            transfer_log(self.token, owner, self.address, token),
            transfer_log(self.quote, owner, self.address, quote),
        ]
        if self.style == "uniswap-v2":
            logs.append(transfer_log(self.address, "0x" + "0" * 40, owner, liquidity))
            logs.append(self._sync())
            logs.append(
                LogEntry(
                    self.address,
                    (_MINT_V2, "0x" + address_word(sender)),
                    word(token) + word(quote),
                )
            )
            return logs
        logs.append(
            LogEntry(
                self.address,
                (_MINT_V3, "0x" + address_word(owner), "0x" + word(-_EDGE), "0x" + word(_EDGE)),
                address_word(sender) + word(liquidity) + word(token) + word(quote),
            )
        )
        return logs

    def remove(self, owner: str, sender: str, part: float) -> tuple[int, int, list[LogEntry]]:
        """Take out a part of all liquidity; the amounts, and the logs."""
        token, quote = (int(one * part) for one in self.reserves)
        if part >= 1.0:
            token, quote = self.reserves[0] - 1_000, self.reserves[1] - 1_000
        liquidity = int(self.shares * part)
        self.reserves[0] -= token
        self.reserves[1] -= quote
        self.shares -= liquidity
        moved = [
            transfer_log(self.token, self.address, owner, token),
            transfer_log(self.quote, self.address, owner, quote),
        ]
        if self.style == "uniswap-v2":
            burnt = [
                transfer_log(self.address, owner, self.address, liquidity),
                transfer_log(self.address, self.address, "0x" + "0" * 40, liquidity),
            ]
            burn = LogEntry(
                self.address,
                (_BURN_V2, "0x" + address_word(sender), "0x" + address_word(owner)),
                word(token) + word(quote),
            )
            return token, quote, [*burnt, *moved, self._sync(), burn]
        burn = LogEntry(
            self.address,
            (_BURN_V3, "0x" + address_word(owner), "0x" + word(-_EDGE), "0x" + word(_EDGE)),
            word(liquidity) + word(token) + word(quote),
        )
        return token, quote, [burn, *moved]

    def _root(self) -> int:
        return isqrt((self.reserves[1] << 192) // self.reserves[0])

    @property
    def tick(self) -> int:
        """Its price as Uniswap v3 counts it."""
        return int(log(self.reserves[1] / self.reserves[0]) / log(1.0001) // 1)

    def _sync(self) -> LogEntry:
        return LogEntry(self.address, (_SYNC,), word(self.reserves[0]) + word(self.reserves[1]))
