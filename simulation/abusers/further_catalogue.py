"""More abusers at venues: in auctions, by volume, across markets, and in the last seconds."""

from simulation.abusers import for_another_price, in_auctions, made_up_trades, shown_orders
from simulation.abusers.stage import Abuse

_ORDERS = (
    *("spoofing", "layering", "quote_stuffing", "cross_market", "momentum_ignition"),
    "wash_trading",
)
_PRICES = (
    *("price_and_volume", "momentum_ignition", "ramping", "marking_the_close", "cross_market"),
    *("pump_and_dump", "concentration", "wash_trading"),
)

FURTHER_ABUSES = (
    Abuse(
        name="auction-orders",
        typology="marking_the_close",
        counts=("spoofing", "layering"),
        accepted=(*_ORDERS, "price_and_volume"),
        source="Regulation 2016/522, Annex II, Section 1 (orders in auctions)",
        market="auctions",
        play=in_auctions.orders_before_the_price,
        needs_accounts=True,
    ),
    Abuse(
        name="improbable-orders",
        typology="spoofing",
        counts=("layering",),
        accepted=_ORDERS,
        source="Regulation 2016/522, Annex II, 1.6",
        market="liquid",
        play=shown_orders.improbable,
    ),
    Abuse(
        name="turned-over",
        typology="wash_trading",
        accepted=("price_and_volume", "concentration", "front_running"),
        source="Cong, Li, Tang and Yang, 2023; Regulation 2016/522, Annex II, 1.3(a)",
        market="thin",
        play=made_up_trades.turned_over,
        episodes=2,
        needs_accounts=True,
    ),
    Abuse(
        name="made-up-sizes",
        typology="wash_trading",
        accepted=("price_and_volume", "concentration", "front_running"),
        source="Cong, Li, Tang and Yang, 2023",
        market="popular",
        play=made_up_trades.fabricated,
        episodes=1,
    ),
    Abuse(
        name="last-seconds",
        typology="marking_the_close",
        accepted=(*_PRICES, "layering"),
        source="SEC, In re Athena Capital Research, 2014",
        market="popular",
        play=for_another_price.gravy,
        episodes=3,  # the fifth day is the tape's last: nothing comes behind its close
        needs_accounts=True,
    ),
    Abuse(
        name="gained-elsewhere",
        typology="cross_market",
        accepted=_PRICES,
        source="SEC v. Lek Securities, 17-cv-1789; Regulation 2016/522, Annex II, S2.2",
        market="linked",
        play=for_another_price.gained_elsewhere,
        needs_accounts=True,
    ),
    Abuse(
        name="flashing",
        typology="spoofing",
        counts=("layering",),
        accepted=_ORDERS,
        source="CFTC v. Nav Sarao Futures, 15-cv-3398",
        market="liquid",
        play=shown_orders.flashing,
    ),
)
