"""The abusers who are on a list or known by what they own, by name."""

from simulation.abusers import on_lists
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
        episodes=2,
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
)
