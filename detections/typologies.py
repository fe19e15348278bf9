"""The kinds of abuse and breach that rules are for. Other names may be used; these are known."""

from collections.abc import Mapping

TYPOLOGIES: Mapping[str, str] = {
    "wash_trading": "trades that change no beneficial owner",
    "spoofing": "large orders meant to be cancelled, against executions on the other side",
    "layering": "spoofing over several price levels",
    "quote_stuffing": "bursts of orders that overload others",
    "momentum_ignition": "a trend started in order to unwind on it",
    "marking_the_close": "trades at a reference time that set the price",
    "pump_and_dump": "a price driven up, then sold into",
    "liquidity_removal": "a pool's liquidity pulled",
    "cross_market": "one market traded to move another",
    "insider_dealing": "trades ahead of an announcement",
    "front_running": "trades ahead of others' orders, sandwiches",
    "concentration": "rapid accumulation, holdings near a limit",
    "large_transfers": "transfers above the permitted or expected size",
    "transfer_restrictions": "transfers refused, forced, or by frozen or unverified wallets",
    "offering_rules": "resales, holders and amounts that an offering's law or terms forbid",
    "sanctions": "dealings with sanctioned or high-risk parties",
    "structuring": "amounts kept just below a threshold, mixers, funding sources",
    "address_poisoning": "worthless transfers from look-alike addresses",
    "wallet_draining": "approvals and permissions that let others empty a wallet",
    "oracle_deviation": "prices away from the reference price",
    "administration": "agents' and owners' powers used or changed",
    "data_quality": "feeds, sources and rules that fell silent or broke",
    "price_and_volume": "unusual moves of price or volume",
    "novelty": "accounts and assets that are unlike all others, for whatever reason",
}
