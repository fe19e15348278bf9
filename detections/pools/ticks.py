"""Uniswap v3's and v4's arithmetic of prices and amounts, to the last unit.

A price is the square root of token1 per token0 in smallest units, in Q64.96: `root`. A tick is a
step of 0.01% of the price. Amounts that a trader pays are rounded up, those that the trader gets
down, so the pool never loses by rounding. Source: Uniswap v3's whitepaper, section 6, and what its
contracts give on a real node, which the tests hold this against.
"""

from decimal import Decimal, localcontext
from functools import cache

MIN_TICK, MAX_TICK = -887_272, 887_272
Q96 = 1 << 96
_WORD = 1 << 256
_Q128 = 1 << 128
_Q32 = 1 << 32
#: Hundredths of a basis point in one.
WHOLE_FEE = 1_000_000


@cache
def _factors() -> tuple[int, ...]:
    """Of each bit of a tick, the root of the price of 1 that many ticks below, in Q128.128."""
    with localcontext(prec=120):
        return tuple(
            int((Decimal(_Q128) / Decimal("1.0001") ** (Decimal(1 << bit) / 2)).to_integral_value())
            for bit in range(20)
        )


def divided_up(number: int, by: int) -> int:
    """The quotient of two numbers that aren't negative, rounded up."""
    return (number + by - 1) // by


def root_at(tick: int) -> int:
    """The root at a tick. Raises ValueError beyond the ticks that there are."""
    if not MIN_TICK <= tick <= MAX_TICK:
        raise ValueError(f"{tick} is no tick")
    ratio = _Q128
    distance = abs(tick)
    for bit, factor in enumerate(_factors()):
        if distance >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = (_WORD - 1) // ratio
    return divided_up(ratio, _Q32)


def tick_at(root: int) -> int:
    """The last tick whose root isn't above this one."""
    low, high = MIN_TICK, MAX_TICK
    while low < high:
        middle = (low + high + 1) // 2
        if root_at(middle) <= root:
            low = middle
        else:
            high = middle - 1
    return low


def amount0(low: int, high: int, liquidity: int, *, up: bool) -> int:
    """How much of token0 liquidity has between two roots."""
    product = (liquidity << 96) * (high - low)
    if up:
        return divided_up(divided_up(product, high), low)
    return product // high // low


def amount1(low: int, high: int, liquidity: int, *, up: bool) -> int:
    """How much of token1 liquidity has between two roots."""
    product = liquidity * (high - low)
    return divided_up(product, Q96) if up else product // Q96


def root_after(root: int, liquidity: int, paid: int, *, zero_for_one: bool) -> int:
    """Where the root is once this was paid, all of it in range."""
    if not zero_for_one:
        return root + (paid << 96) // liquidity
    numerator = liquidity << 96
    product = paid * root
    # Where the contract's product doesn't fit into 256 bits it divides first.
    if product < _WORD and numerator + product < _WORD:
        return divided_up(numerator * root, numerator + product)
    return divided_up(numerator, numerator // root + paid)


def step(
    root: int, target: int, liquidity: int, left: int | None, fee: int
) -> tuple[int, int, int]:
    """One step towards a root, within which the liquidity is the same.

    `left` is what may still be paid, fee included; None: whatever it takes. Where the root is then,
    what was paid with the fee, and what was got.
    """
    down = root >= target
    low, high = (target, root) if down else (root, target)
    amount_in = (amount0 if down else amount1)(low, high, liquidity, up=True)
    after = target
    if left is not None:
        usable = left * (WHOLE_FEE - fee) // WHOLE_FEE
        if usable < amount_in:
            after = root_after(root, liquidity, usable, zero_for_one=down)
    low, high = (after, root) if down else (root, after)
    if after != target:
        paid = left or 0
    else:
        amount_in = (amount0 if down else amount1)(low, high, liquidity, up=True)
        paid = amount_in + divided_up(amount_in * fee, WHOLE_FEE - fee)
    return after, paid, (amount1 if down else amount0)(low, high, liquidity, up=False)
