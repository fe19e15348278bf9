"""Which rules can find something in what the configured sources send, and what the others lack."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from detections.fields import Shape, shapes
from detections.met_events import Blind, MetEvents, blind
from normalizer.events.market import MarketEvent
from pipeline.config.sources import (
    ArchaxSource,
    CoinbaseSource,
    EvmSource,
    FixDropCopySource,
    FixMarketDataSource,
    FrameSource,
    InxSource,
    KrakenSource,
    LunarCrushSource,
    OrderLogSource,
    ReplaySource,
    SocialFeedSource,
    SolanaSource,
    Source,
    SubgraphSource,
)
from pipeline.findings import Finding
from pipeline.page.words import plural

if TYPE_CHECKING:
    from detections.rules import RuleSet

#: Parts of what a venue may send.
_ORDERS, _LEVELS, _TRADES = "orders", "levels", "trades"
_VENUE = frozenset((_ORDERS, _LEVELS, _TRADES))
_POOLS = frozenset(("pool-swap", "liquidity-added", "liquidity-removed"))
#: What Solana's tokens have in common with those of EVM chains.
SOLANA_TOKENS = frozenset(
    (
        *("block", "contract-wired", "token-approval", "token-transfer"),
        *("token-paused", "token-unpaused", "wallet-frozen", "wallet-unfrozen"),
        *("role-granted", "role-revoked", "chain-finality", "chain-reorganised"),
    )
)
#: Where a rule lacks something, what would give it, by the data set of its events.
_GIVEN_BY = {
    "tapewatch.evm": "events of an EVM chain (evm)",
    "tapewatch.solana": "events of Solana (solana)",
    "tapewatch.mempool": "pending transactions (evm with pending: true)",
    "tapewatch.social": "a social feed (social_feed, lunarcrush)",
    "tapewatch.reference": "reference data",
}
_GIVEN_BY_VENUE = {
    _ORDERS: "a venue's orders one by one (order_log, fix_drop_copy, coinbase full, ...)",
    _LEVELS: "a venue's book (coinbase, kraken, fix_market_data, ...)",
    _TRADES: "a venue's trades",
}
_NAMES = "who acts at a venue (order_log, fix_drop_copy)"


class Sent(Struct, frozen=True, kw_only=True):
    """What a source may send."""

    datasets: frozenset[str] = frozenset()
    """`event.dataset` of which it may send every kind of event."""
    actions: frozenset[str] = frozenset()
    """Further kinds of events."""
    venue: frozenset[str] = frozenset()
    """Parts of a venue's events."""
    names: bool = False
    """A venue's events say who acts."""


def sent_by(source: FrameSource) -> Sent | None:
    """What may come of a source by its settings; None where that can't be told."""
    match source:
        case EvmSource():
            pending = {"tapewatch.mempool"} if source.pending else set[str]()
            return Sent(datasets=frozenset({"tapewatch.evm"} | pending))
        case SolanaSource():
            return Sent(datasets=frozenset({"tapewatch.solana"}), actions=SOLANA_TOKENS)
        case SubgraphSource():
            return Sent(actions=_POOLS)
        case OrderLogSource():
            return Sent(venue=_VENUE, names=True)
        case FixDropCopySource():
            return Sent(venue=frozenset((_ORDERS, _TRADES)), names=True)
        case CoinbaseSource():
            # Its `level3` is a shorter form of `full`, with the trades.
            trades = {_TRADES} if "level3" in source.channels else set[str]()
            return Sent(venue=_told_by(source.channels) | trades)
        case KrakenSource():
            return Sent(venue=_told_by(source.channels))
        case FixMarketDataSource():
            return Sent(venue=frozenset((_LEVELS if source.aggregated_book else _ORDERS, _TRADES)))
        case InxSource() | ArchaxSource():
            return Sent(venue=_told_by(source.channels))
        case SocialFeedSource() | LunarCrushSource():
            return Sent(datasets=frozenset({"tapewatch.social"}))
        case ReplaySource():
            return None  # it holds whatever was recorded


#: What venues' channels tell; of others, such as `heartbeat`, nothing comes.
_CHANNELS = {
    "full": (_ORDERS, _TRADES),
    "level3": (_ORDERS,),
    "level2": (_LEVELS,),
    "book": (_LEVELS,),
    "depth": (_LEVELS,),
    "matches": (_TRADES,),
    "trade": (_TRADES,),
    "trades": (_TRADES,),
}


def _told_by(channels: Iterable[str]) -> frozenset[str]:
    return frozenset(part for one in channels for part in _CHANNELS.get(one, ()))


def coverage(rules: "RuleSet", sources: Sequence[Source]) -> Finding | None:
    """How many rules have what they need; None where a recording may hold anything."""
    frames = [source for source in sources if isinstance(source, FrameSource)]
    sent = [one for source in frames if (one := sent_by(source)) is not None]
    if not frames or len(sent) < len(frames):
        return None
    found = blind(rules, to_be_met(sent))
    alerting = rules.alerting
    lacking = [found[rule.id] for rule in alerting if rule.id in found]
    message = (
        f"{len(alerting) - len(lacking)} of {plural(len(alerting), 'rule')} have what they need in "
        "what these sources send"
    )
    wants = Counter(_want(one) for one in lacking).most_common()
    told = "; ".join(f"{count} {'needs' if count == 1 else 'need'} {want}" for want, count in wants)
    return Finding(level="ok", subject="coverage", message=message, advice=told)


def to_be_met(sent: Iterable[Sent]) -> MetEvents:
    """The kinds of events that may come, as if they had."""
    sent = list(sent)
    met = MetEvents()
    venue = frozenset(part for one in sent for part in one.venue)
    datasets = frozenset(name for one in sent for name in one.datasets)
    actions = frozenset(name for one in sent for name in one.actions)
    named = frozenset(part for one in sent if one.names for part in one.venue)
    for record, shape in shapes().items():
        of_venue = issubclass(record, MarketEvent)
        if of_venue:
            comes = bool(_part(shape) & venue) or (shape.action == "feed-gap" and bool(sent))
        else:
            comes = shape.action in actions or _dataset(shape) in datasets | _ALWAYS
        if comes:
            met.records.add(record)
            met.actions.add(shape.action)
            if not of_venue or _part(shape) & named:
                met.naming.add(record)
    return met


#: Tapewatch's own, and what its reference data give.
_ALWAYS = frozenset(("tapewatch", "tapewatch.reference"))


def _part(shape: Shape) -> frozenset[str]:
    """The parts of a venue's events of which it is."""
    if shape.action.startswith("order-"):
        return frozenset((_ORDERS,))
    if shape.action == "book-snapshot":
        return frozenset((_LEVELS, _ORDERS))  # a feed by order begins with one, too
    if shape.action == "book-update":
        return frozenset((_LEVELS,))
    return frozenset((_TRADES,))


def _dataset(shape: Shape) -> str:
    defaults = {one.encode_name: one.default for one in msgspec.structs.fields(shape.record)}
    return str(defaults["event.dataset"])


def _want(one: Blind) -> str:
    if one.names:
        return _NAMES
    known = {shape.action: shape for shape in shapes().values()}
    for kind in one.kinds:
        shape = known[kind]
        if issubclass(shape.record, MarketEvent):
            (part, *_) = sorted(_part(shape))
            return _GIVEN_BY_VENUE[part]
    dataset = _dataset(known[one.kinds[0]])
    return _GIVEN_BY.get(dataset, f"events of {dataset}")
