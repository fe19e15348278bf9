"""Floors in money: what is too little to speak of.

A rule's floor, such as 1,000, is meant in dollars or what is about as much. In a market that is
priced in ether it would be another floor altogether, of millions; in one that is priced in yen, of
some six dollars, and each ordinary trade would be worth a million. No rates are known here, and
none are needed: of what is worth far more or far less than a dollar, the power of ten is enough to
tell what is much and what is nothing.

**Which power of ten.** For currencies that a state issues it is the one nearest, in proportion, to
what one of them was worth in most of the years since 2021; where one lost most of its worth since,
to what it has been since 2024, as it doesn't come back. So a floor is about three times too high or
too low at most. The power below, which nothing everyday gets over, would be far too high just for
those that matter most: 10,000 dollars would be 10,000,000 yen (some 65,000 dollars) and plain abuse
lie under them. The power above would be far too low for others: 100,000 rupees (some 1,200), which
are everyday. Where two powers are about as near, as for Taiwan's dollar, it is the lower one. Those
that have no one rate, such as the pounds of Lebanon and the Sudan, are left out.

For coins and metals, which go up and down tenfold within a few years, it is the power that one of
them seldom was worth less than since 2021: there is none that is near in most years, and a floor
that is up to ten times too high leaves the everyday out in each of them.
"""

from collections.abc import Mapping

#: Dollars for one of them.
MAGNITUDES: Mapping[str, float] = {
    name: dollars
    for dollars, names in (
        # Coins, their wrapped and staked forms, and metals: seldom below.
        (1e4, "BTC XBT WBTC TBTC CBBTC RENBTC BTCB SBTC"),
        (1e3, "ETH WETH STETH WSTETH RETH CBETH WEETH SETH MKR YFI XAU PAXG XAUT"),
        (1e2, "BNB WBNB BCH"),
        (1e1, "SOL WSOL AVAX WAVAX LTC XAG"),
        # Currencies of ISO 4217, and CNH and hundredths that securities are quoted in: nearest.
        (1e1, "KWD"),
        (
            1e-1,
            "AED BOB BRL BWP CNH CNY CZK DKK GHS GTQ HKD HNL ILS LSL LYD MAD MDL MOP MVR MXN MYR "
            "NAD NOK PEN PGK PLN QAR RON SAR SBD SCR SEK SLE STN SVC SZL TJS TMT TTD ZAR ZMW",
        ),
        (
            1e-2,
            "AFN ALL BDT BTN CVE DJF DOP DZD EGP ETB GBX GMD GYD HTG INR ISK JMD JPY KES KGS LRD "
            "MKD MRU MUR MZN NIO NPR PHP PKR RSD RUB SRD THB TRY TWD UAH UYU VUV XPF",
        ),
        (
            1e-3,
            "AMD AOA ARS BIF CDF CLP CRC HUF ILA IQD KMF KRW KZT LKR MMK MWK NGN RWF SOS TZS XAF "
            "XOF ZAC",
        ),
        (1e-4, "COP GNF IDR KHR LAK MGA MNT PYG UGX UZS VND"),
        # Tokens for them.
        (1e-1, "AXCNH BRL1 BRLA BRZ CNHC CNHT MXNB MXNT TCNH ZARP"),
        (1e-2, "A7A5 GYEN JPYC PHPC TRYB"),
        (1e-3, "CNGN KRW1 KRWQ NGNC NUARS WARS"),
        (1e-4, "BIDR BVND COPM IDRT IDRX VNDC XIDR"),
    )
    for name in names.split()
}


def least(floor: float, currency: str | None) -> float:
    """What a floor in dollars is in a currency; in one that isn't known, the same figure."""
    return floor / MAGNITUDES.get(currency.upper(), 1.0) if currency else floor


def too_little(amount: float, floor: float, currency: str | None) -> bool:
    """Whether an amount is below a floor in dollars."""
    return amount < least(floor, currency)
