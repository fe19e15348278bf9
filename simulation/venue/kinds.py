"""The kinds of market at venues, by name."""

from collections.abc import Callable, Mapping

from simulation.venue.auction_market import auctions
from simulation.venue.chain_items import chain_items
from simulation.venue.items import items
from simulation.venue.market import Market, linked, liquid, thin
from simulation.venue.popular_market import popular
from simulation.venue.reporting import reporting
from simulation.venue.wallet_market import wallets

VENUE_MARKETS: Mapping[str, Callable[[int], Market]] = {
    "liquid": liquid,
    "linked": linked,
    "thin": thin,
    "reporting": reporting,
    "items": items,
    "chain-items": chain_items,
    "wallets": wallets,
    "auctions": auctions,
    "popular": popular,
}
