"""Floors in money: what is too little to speak of.

A rule's floor, such as 1,000, is meant in dollars, or in what is worth about as much. In a market
that is priced in ether it would be another floor altogether, of millions. No rates are known here,
and none are needed: of what is worth far more than a dollar, the power of ten is enough to tell
what is much and what is nothing.
"""

from collections.abc import Mapping

#: Dollars for one, to a power of ten that it seldom was below in the years since 2021.
MAGNITUDES: Mapping[str, float] = {
    name: worth
    for worth, names in (
        (10_000.0, ("BTC", "XBT", "WBTC", "TBTC", "CBBTC", "RENBTC", "BTCB", "SBTC")),
        (1_000.0, ("ETH", "WETH", "STETH", "WSTETH", "RETH", "CBETH", "WEETH", "SETH")),
        (1_000.0, ("MKR", "YFI", "XAU", "PAXG", "XAUT")),
        (100.0, ("BNB", "WBNB", "BCH")),
        (10.0, ("SOL", "WSOL", "AVAX", "WAVAX", "LTC", "XAG")),
    )
    for name in names
}


def too_little(amount: float, floor: float, currency: str | None) -> bool:
    """Whether an amount is below a floor in dollars; a currency that isn't known is like them."""
    if amount >= floor:
        return False
    return not currency or amount * MAGNITUDES.get(currency.upper(), 1.0) < floor
