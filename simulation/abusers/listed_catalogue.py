"""The abusers who are on a list, who deal in single items, or who are of one purse, by name."""

from simulation.abusers import item_trades, on_lists, one_purse
from simulation.abusers.stage import Abuse

# Who trades in size in a thin market moves its price, sometimes.
_LISTED = ("price_and_volume", "marking_the_close", "concentration", "momentum_ignition", "ramping")

LISTED_ABUSES: tuple[Abuse, ...] = (
    Abuse(
        name="closed-period",
        typology="insider_dealing",
        accepted=_LISTED,
        source="MAR 19(11)",
        market="reporting",
        play=on_lists.closed_period,
        episodes=4,
        needs_accounts=True,
    ),
    Abuse(
        name="listed-before-news",
        typology="insider_dealing",
        accepted=_LISTED,
        source="MAR 8(1), 14, 18",
        market="reporting",
        play=on_lists.before_news,
        episodes=4,
        needs_accounts=True,
    ),
    Abuse(
        name="restricted-list",
        typology="insider_dealing",
        accepted=_LISTED,
        source="Exchange Act 15(g)",
        market="reporting",
        play=on_lists.restricted,
        episodes=4,
        needs_accounts=True,
    ),
    Abuse(
        name="item-back-and-forth",
        typology="wash_trading",
        accepted=("price_and_volume",),
        source="von Wachter et al., 2022; Dune, filter 2",
        market="items",
        play=item_trades.back_and_forth,
        episodes=4,
        needs_accounts=True,
    ),
    Abuse(
        name="item-circle",
        typology="wash_trading",
        accepted=("price_and_volume",),
        source="von Wachter et al., 2022",
        market="items",
        play=item_trades.in_a_circle,
        episodes=4,
        needs_accounts=True,
    ),
    Abuse(
        name="item-passed-back",
        typology="wash_trading",
        accepted=("large_transfers",),
        source="von Wachter et al., 2022; Dune, filter 2",
        market="chain-items",
        play=item_trades.passed_back,
        episodes=4,
        needs_accounts=True,
    ),
    Abuse(
        name="one-purse",
        typology="wash_trading",
        accepted=("price_and_volume", "spoofing", "front_running", "structuring"),
        source="Dune, NFT wash trades, filter 4",
        market="wallets",
        play=one_purse.one_purse,
        episodes=4,
        needs_accounts=True,
    ),
)
