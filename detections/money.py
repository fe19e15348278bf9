"""Floors in money: what is too little to speak of.

A rule's floor, such as 1,000, is meant in dollars, or in what is worth about as much. In a market
that is priced in ether it would be another floor altogether, of millions. No rates are known here.
So where one of a currency is known to be worth far more than a dollar, the floor holds nothing
back, and conditions of other kinds do.
"""

#: Coins and metals, and tokens that stand for them, of which one is worth tens of dollars or more.
WORTH_FAR_MORE = frozenset(
    (
        "BTC", "XBT", "WBTC", "TBTC", "CBBTC", "RENBTC", "BTCB", "SBTC",
        "ETH", "WETH", "STETH", "WSTETH", "RETH", "CBETH", "WEETH", "SETH",
        "BNB", "WBNB", "SOL", "WSOL", "AVAX", "WAVAX", "LTC", "BCH", "MKR", "YFI",
        "XAU", "PAXG", "XAUT", "XAG",
    )
)  # fmt: skip


def too_little(amount: float, floor: float, currency: str | None) -> bool:
    """Whether an amount is below a floor in dollars, as far as its currency lets one say so."""
    return amount < floor and not (currency and currency.upper() in WORTH_FAR_MORE)
