"""Which abuse each rule with a correlator is meant to find, by its own description.

An abuse is mostly found by several rules, so that what all find together hides a rule that finds
little. With this each is measured alone. Of what is not measured it says why; a test holds that no
shipped rule is forgotten.
"""

from collections.abc import Mapping

import msgspec

_FALSE_ORDERS = ("spoofing", "layering", "vacuuming")


class Meant(msgspec.Struct, frozen=True):
    """What a rule is for."""

    abuses: tuple[str, ...]
    """Abuses of the simulator of which it is meant to tell."""
    public: bool = False
    """It is for feeds that name nobody, and is measured on these."""


def _without_accounts(*abuses: str) -> Meant:
    return Meant(abuses, public=True)


def _of(*abuses: str) -> Meant:
    return Meant(abuses)


#: By a rule's title.
MEANT: Mapping[str, Meant] = {
    # wash trading
    "A single item sold back to who had it": _of("item-back-and-forth"),
    "A single item sold in a circle back to who had it": _of("item-circle"),
    "An item of a token passed back to who had it, through another contract": _of(
        "item-passed-back"
    ),
    "Two wallets of one source of funds trade with each other": _of("one-purse"),
    "Self-trade on a venue": _of("self-trade", "zero-net"),
    "Trades within one cluster on a venue": _of("linked-wash"),
    "A few parties trade in a circle": _of("circular-wash"),
    "Two parties' orders meet by arrangement": _of("matched-orders"),
    "Round trips in a liquidity pool": _of("pool-wash", "linked-pool-wash"),
    "Both legs of a trade in one transaction of a pool": _of("one-transaction-wash"),
    "Wash trade with a flash loan": _of("flash-loan-wash"),
    "Tokens sent round in a circle": _of("sent-round"),
    "One party turns over a market with its own circle": _of("turned-over"),
    "Sizes of a day's trades look made up": _of("made-up-sizes"),
    # orders that are not meant
    "Large orders at improbable prices, placed and taken off again and again": _of(
        "improbable-orders"
    ),
    "The same large quantity shown again and again, for a moment each": _without_accounts(
        "flashing"
    ),
    "Orders pulled from an auction seconds before its price is made": _of("auction-orders"),
    "Large order cancelled while the other side traded": _of("spoofing"),
    "Large orders placed and cancelled again and again beside a small one": _of("spoofing"),
    "Nearly all large orders cancelled within seconds, and small ones traded": _of(
        "spoofing-all-day"
    ),
    "Orders at several prices, pulled once the other side had traded": _of(
        "layering", "dynamic-layering"
    ),
    "A side of the book pulled at once, and a trade into the hole": _of("vacuuming"),
    "Orders taken off, and a trade against those who had joined them": _of("flipping"),
    "So many messages that others can't follow, and next to no trade": _of("quote-stuffing"),
    "Small orders that came and went, and then a large trade the same way": _of("pinging"),
    "Orders pulled on one venue once the other side had traded on another": _of(
        "layering-elsewhere"
    ),
    # What draws somebody in says nothing where every few half seconds have a trade: see the rule.
    "Orders of one side that vanish at once as others trade": _without_accounts(
        "flipping", "vacuuming"
    ),
    "Sets of large orders of one side that are there for seconds only": _without_accounts(
        *_FALSE_ORDERS
    ),
    "The same orders of one side moved together again and again": _without_accounts(
        "dynamic-layering"
    ),
    "So many messages in a market, and next to no trade, on a feed that names nobody": (
        _without_accounts("quote-stuffing")
    ),
    "Small orders of one quantity that came and went, and then a large trade the same way": (
        _without_accounts("pinging")
    ),
    # prices
    "A price run through by one party, who then trades against it": _of("momentum-ignition"),
    "As much taken one way as the other right after, many times what is usual": (
        _without_accounts("momentum-ignition")
    ),
    "A price pushed up or down step by step by one party": _of("ramping"),
    "A price that goes one way, step by step, for hours": _without_accounts("ramping"),
    "A party set the price before a reference time": _of("marking-the-close"),
    "A party made most trades of the last seconds before a close": _of("last-seconds"),
    "Who holds a position made the last price": _of("marking-the-close"),
    "Far more was traded than usual just before a reference time, and the price went with it": (
        _without_accounts("marking-the-close")
    ),
    "The price moved oddly just before a reference time": _without_accounts("marking-the-close"),
    "A party set the first price of the day": _of("marking-the-open"),
    "Much was traded on one side right after the open, and the price went far": (
        _without_accounts("marking-the-open")
    ),
    "A rush of purchases drives a price up": _of("pump-and-dump"),
    "A price driven up by a rush of purchases fell back": _of("pump-and-dump"),
    "Who bought before a pump sold into it": _of("pump-and-dump"),
    "Far more is said of an asset than usual": _of("pump-and-dump"),
    "Traded one way on one market and the other way on another, at a loss": _of(
        "moved-elsewhere", "gained-elsewhere"
    ),
    "Bought on one market and sold on another at once, at a loss, by nobody knows whom": (
        _without_accounts("moved-elsewhere")
    ),
    "A token moved oddly on several markets at once": _of("oracle-manipulation"),
    "Oracle's answer jumped": _of("oracle-manipulation"),
    "Trades away from the oracle's price": _of("oracle-manipulation"),
    "Oracle's answer came too late": _of("stale-oracle"),
    "Traded on an oracle that is out of date": _of("stale-oracle"),
    "Pool's price moved and moved back while tokens were taken out": _of(
        "loan-at-moved-price", "vault-at-moved-price"
    ),
    "Oracle moved by one party that gains by its answer": _of("oracle-manipulation"),
    "Price fell by a tenth within minutes": _of("oracle-manipulation", "mint-and-sell"),
    "Price moved by a quarter within a day": _of("pump-and-dump", "mint-and-sell"),
    "Ten times the usual volume within an hour": _of("pump-and-dump"),
    "Far more volume than usual at that hour of the day": _of("pump-and-dump"),
    # knowledge, position, money
    "Unusual trades before price-sensitive news": _of("insider"),
    "Listed person traded in a closed period": _of("closed-period"),
    "Listed person traded before news": _of("listed-before-news"),
    "Somebody on a restricted list traded": _of("restricted-list"),
    "Rapid accumulation of a notable part of the supply": _of("accumulation"),
    "Subscribed or redeemed at a NAV that the market had left": _of("mint-arbitrage"),
    "Right about the next NAV again and again": _of("late-trading"),
    "Sandwich in a block of a pool": _of("sandwich"),
    "Swaps ahead of others' larger ones in their blocks, swapped back soon after": _of("front-run"),
    "Sandwiches over several blocks of a pool": _of("sandwich-over-blocks"),
    "Others' pending swaps copied ahead of them": _of("copied-ahead"),
    "Swaps right behind others' pending ones": _of("right-behind"),
    "Token of an EU offering went to the US": _of("sold-to-country"),
    "Rug pull": _of("rug-pull", "young-pool-emptied"),
    "Old pool emptied": _of("old-pool-emptied"),
    "Pool emptied and abandoned": _of("pool-abandoned"),
    "Several amounts just below a reporting threshold": _of("structuring"),
    "One party fed with amounts just below a reporting threshold": _of("smurfing"),
    "Tokens that came from a mixer over several hops": _of("mixer-hops"),
    "Dormant wallet or account awakes": _of("dormant"),
    # an offering's terms
    "More than 35 purchasers who are not accredited": _of("too-many-purchasers"),
    "Restricted token resold within its holding period": _of("resold-early"),
    "Affiliate sold more than Rule 144 allows": _of("affiliate-dribbles"),
    "Regulation S token went to a US person too early": _of("reg-s-flow-back"),
    "Regulation A investor bought more than ten percent": _of("reg-a-over-own-limit"),
    "Regulation A, Tier 1, above 20 million": _of("reg-a-tier1-over-cap"),
    "Regulation A, Tier 2, above 75 million": _of("reg-a-tier2-over-cap"),
    "Crowdfunding above 5 million": _of("reg-cf-over-cap"),
    "Crowdfunding token passed on within a year": _of("reg-cf-resold"),
    "EU offer taken up by 150 persons in one state": _of("eu-offer-to-150"),
    "Crypto-asset offer taken up by 150 persons in one state": _of("mica-offer-to-150"),
    "Holders of record at the limit of Section 12(g)": _of("too-many-holders"),
    "Owner of more than five percent of a registered class": _of("owns-too-much"),
    "Locked-up holder's tokens left": _of("lock-up-broken"),
    "Past transfers with an address that is sanctioned now": _of("listed-later"),
}

EARLY_WARNINGS = (
    "EU offer taken up by nearly 150 persons in one state",
    "Crypto-asset offer taken up by nearly 150 persons in one state",
    "Holders of record near the limit of Section 12(g)",
    "Regulation A, Tier 1, near 20 million",
    "Regulation A, Tier 2, near 75 million",
    "Crowdfunding near 5 million",
    "Nearly 35 purchasers who are not accredited",
)
"""Of which nobody says that anything is broken."""

FACTS: Mapping[str, str] = dict.fromkeys(
    (
        "Half of a pool's liquidity taken out",
        "Large liquidity taken out of a pool",
        "Liquidity taken out in steps",
    ),
    "a fact, told at once and at a low level: who moves liquidity, or fills the pool again, does "
    "the same at first; `Rug pull` and `Old pool emptied` wait for what the definition asks "
    "(Mazorra et al., 2022), that it didn't come back",
)
"""Rules that accuse nobody, though others of their typology do, and why. They find nothing, either:
an abuse of which only these tell is missed."""

#: Rules with a correlator that no abuse of the simulator is meant for, by title, and why.
UNMEASURED: Mapping[str, str] = {
    "A single item bought back once, later": "tells mostly that somebody regretted a sale",
    "Account unlike all others": "points at whatever is unusual; no abuse is its own",
    "Instrument unlike all others": "points at whatever is unusual; no abuse is its own",
    "One party bought a third of all that was traded": "a fact that belongs to several abuses",
    "One market moved by a party that gained on another": (
        "asks that the other market followed, so that there was a gain; in the simulator the "
        "larger of two venues hardly follows the smaller one, and who tries loses on both: of that "
        "the rule on trades at a loss tells"
    ),
    "Two who trade with each other only pass it to and fro": (
        "some 10 round trips of two who are alone; of who goes on the rule on circles tells"
    ),
    **dict.fromkeys(EARLY_WARNINGS, "an early warning, before a term is broken"),
    "Half of a pool's liquidity taken out": FACTS["Half of a pool's liquidity taken out"],
    "Book that stays crossed": "a fault of a feed, which nobody is accused of",
}
