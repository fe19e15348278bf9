"""Sources: nodes, venues, recordings."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.chain_ids import SolanaChain
from pipeline.chain_notices import MOST_ORPHANED
from pipeline.config.bounds import Interval, Room
from pipeline.config.checks import RestrictionChecks
from pipeline.config.names import HostName, Name
from pipeline.config.reference_providers import Provider
from pipeline.config.reference_sources import (
    FileReference,
    HttpReference,
    SqlReference,
)
from pipeline.secrets import Secret, SecretText
from pipeline.structured import ExistingPath, FilePath
from pipeline.subgraph_payload import Schema
from pipeline.units import DAY, HOUR, MINUTE, SECOND, Duration, Size

Address = Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{40}$(?!\n)", description="an EVM address")]
SolanaAddress = Annotated[
    str, Meta(pattern=r"^[1-9A-HJ-NP-Za-km-z]{32,44}$(?!\n)", description="a Solana address")
]


CompId = Annotated[
    str,
    Meta(pattern=r"^[!-<>-~][ -<>-~]{0,63}$(?!\n)", description="a name of FIX, without = or SOH"),
]


class Reconnection(Struct, forbid_unknown_fields=True, kw_only=True):
    """Exponential backoff with jitter between attempts to connect. It never gives up."""

    #: First wait; it doubles each time.
    initial: Interval = SECOND // 2
    #: Longest wait.
    maximum: Interval = MINUTE
    #: No frame and no heartbeat for this long: the connection is stale and is made anew.
    stale_after: Interval = 15 * SECOND


class _Source(Struct, forbid_unknown_fields=True, kw_only=True):
    #: Positions on the bus are kept by it: don't change it later.
    name: Name
    #: How it comes back after a break.
    reconnection: Reconnection = field(default_factory=Reconnection)
    #: Frames that wait to become durable; when it is full, the collector stops reading.
    buffer: Room = 64 * 1024 * 1024
    #: A larger frame goes to the dead letters.
    max_frame: Room = 32 * 1024 * 1024


class EvmSource(_Source, tag="evm", tag_field="type", kw_only=True):
    """An EVM chain, by a node's WebSocket JSON-RPC. Several endpoints: the first that answers."""

    #: WebSocket URLs of nodes.
    endpoints: Annotated[list[SecretText], Meta(min_length=1)]
    #: Name of the network, for the events.
    network: str
    #: EIP-155 id; a node of another chain is refused.
    chain_id: Annotated[int, Meta(ge=1)] | None = None
    #: Watched besides the contracts and pools in the reference data.
    contracts: list[Address] = field(default_factory=list[str])
    #: Where a first run begins: ``latest`` or a block number.
    start_block: Annotated[int, Meta(ge=0)] | Literal["latest"] = "latest"
    #: Blocks that one ``eth_getLogs`` may ask for at first; it adapts to what the node allows.
    backfill_range: Annotated[int, Meta(ge=1, le=100_000)] = 500
    #: Blocks back to which a reorganisation is followed.
    reorganisation_depth: Annotated[int, Meta(ge=1, le=MOST_ORPHANED)] = 128
    #: How often the node is asked which blocks are safe and finalized; `0s`: never.
    finality_every: Duration = 12 * SECOND
    #: Ask why a transfer was refused, and what the identity registry says of the receiver.
    explain_refusals: bool = True
    #: Transfers of the chain's own currency that become events: of wallets in the reference data
    #: and of whoever appeared in logs of watched contracts, of everybody, or none.
    native_transfers: Literal["all", "known", "off"] = "known"
    #: Collect what OnchainIDs say of claims, keys and calls, whosever they are: each investor has a
    #: contract of their own, too many to be named. It costs a request more per block.
    identities: bool = False
    #: Collect all flash loans of Aave, Balancer, Morpho and Maker on the chain: swaps in their
    #: transactions are marked. It costs a request more per block.
    flash_loans: bool = False
    #: What the node is asked about each transfer of a security token.
    checks: RestrictionChecks = field(default_factory=RestrictionChecks)
    #: Tell of transactions before a block has them, as far as they concern what is watched. Their
    #: events are of a source of their own, called as this one with `-pending` behind it.
    pending: bool = False
    #: Contracts of which every pending call is told, such as routers. Other calls must name a
    #: watched contract.
    pending_calls: list[Address] = field(default_factory=list[str])
    #: Pending transactions that are taken in a second; how many more there were is told.
    pending_per_second: Annotated[int, Meta(ge=1, le=100_000)] = 200
    #: One that no block has for so long is asked about; it is dropped if the node knows it no more.
    pending_dropped_after: Annotated[Duration, Meta(ge=SECOND, le=DAY)] = 10 * MINUTE
    #: How long a node may take to answer.
    request_timeout: Interval = 20 * SECOND


class SolanaEndpoint(Struct, forbid_unknown_fields=True, kw_only=True):
    """A node of Solana: its two URLs."""

    #: Of JSON-RPC: `https://` or `http://`.
    rpc: SecretText
    #: Of PubSub: `wss://` or `ws://`. A validator's own port is that of `rpc` and one more.
    websocket: SecretText


class SolanaSource(_Source, tag="solana", tag_field="type", kw_only=True):
    """Solana, by a node's JSON-RPC and PubSub. Several endpoints: the first that answers."""

    #: Nodes.
    endpoints: Annotated[list[SolanaEndpoint], Meta(min_length=1)]
    #: Name of the network, for the events.
    network: str
    #: The cluster's CAIP-2 name; a node of another one is refused.
    chain: SolanaChain | None = None
    #: Mints that are watched besides those in the reference data.
    mints: list[SolanaAddress] = field(default_factory=list[str])
    #: `confirmed`, which two thirds of the stake have voted for, or `finalized`, about 13 seconds
    #: later.
    commitment: Literal["confirmed", "finalized"] = "confirmed"
    #: `blocks`: every block whole, and nothing is missed. `mentions`: only what names a mint, far
    #: less to fetch; a `Transfer` that names no mint is missed.
    collect: Literal["blocks", "mentions"] = "blocks"
    #: Where a first run begins: ``latest`` or a slot.
    start_slot: Annotated[int, Meta(ge=0)] | Literal["latest"] = "latest"
    #: Blocks back to which a fork is followed.
    reorganisation_depth: Annotated[int, Meta(ge=1, le=MOST_ORPHANED)] = 256
    #: How often the node is asked which slot is finalized; `0s`: never.
    finality_every: Duration = 12 * SECOND
    #: How long a node may take to answer.
    request_timeout: Interval = 20 * SECOND


class CoinbaseSource(_Source, tag="coinbase", tag_field="type", kw_only=True):
    """Coinbase Exchange, or a venue that speaks its protocol."""

    #: WebSocket URL of the feed.
    url: SecretText
    #: Base URL of the REST API, for book snapshots.
    rest_url: SecretText | None = None
    #: The venue's symbols.
    products: Annotated[list[str], Meta(min_length=1)]
    #: `full` and `level3` need the key; `heartbeat` shows a silent break.
    channels: Annotated[
        list[Literal["full", "level3", "level2", "matches", "heartbeat", "ticker"]],
        Meta(min_length=1),
    ] = field(default_factory=lambda: ["full", "heartbeat"])
    #: Name of the venue, as in the reference data.
    venue: str = "coinbase"
    #: The three parts of a key go together.
    api_key: Secret | None = None
    #: Second part of the key, base64.
    api_secret: Secret | None = None
    #: Third part of the key.
    passphrase: Secret | None = None


class KrakenSource(_Source, tag="kraken", tag_field="type", kw_only=True):
    """Kraken spot, WebSocket v2."""

    #: WebSocket URL of the feed.
    url: SecretText
    #: The venue's symbols, such as BTC/USD.
    symbols: Annotated[list[str], Meta(min_length=1)]
    #: `level3` needs a token.
    channels: Annotated[list[Literal["book", "trade", "level3"]], Meta(min_length=1)] = field(
        default_factory=lambda: ["book", "trade"]
    )
    #: Levels of the book per side.
    depth: Literal[10, 25, 100, 500, 1000] = 100
    #: Name of the venue, as in the reference data.
    venue: str = "kraken"
    #: WebSocket token for ``level3``, of GetWebSocketsToken.
    token: Secret | None = None
    #: Check every book against the venue's CRC-32, and fetch it anew if wrong.
    verify_checksum: bool = True


class OrderLogSource(_Source, tag="order_log", tag_field="type", kw_only=True):
    """Order logs: a step of an order, or a trade, per line, with accounts (docs/order-log.md), or
    the message logs of a FIX engine."""

    #: A file, a pattern such as `logs/orders-*.ndjson`, or a folder. Files may come later.
    path: FilePath
    #: Name of the venue, as in the reference data, where the lines don't say it.
    venue: str
    #: `each`: a trade has a line for each of its two orders, which become one.
    trade_sides: Literal["both", "each"] = "both"
    #: How often it is looked whether there is more.
    poll_every: Annotated[Duration, Meta(ge=SECOND // 100, le=DAY)] = SECOND // 2
    #: Of the logs of several FIX sessions, which are merged by time: a line waits so long for
    #: earlier ones in the others.
    settle: Annotated[Duration, Meta(ge=0, le=HOUR)] = SECOND


class SocialFeedSource(_Source, tag="social_feed", tag_field="type", kw_only=True):
    """Social feeds: how much is said of assets, and calls to buy (docs/social-feed.md)."""

    #: A file, a pattern such as `social/*.ndjson`, or a folder. Files may come later.
    path: FilePath
    #: How often it is looked whether there is more.
    poll_every: Annotated[Duration, Meta(ge=SECOND // 100, le=DAY)] = SECOND
    #: A longer line goes to the dead letters, without what it says.
    max_frame: Annotated[Size, Meta(ge=1024)] = 16 * 1024


class LunarCrushTopic(Struct, forbid_unknown_fields=True, kw_only=True):
    """What LunarCrush calls an asset."""

    #: As LunarCrush has it: `bitcoin`, `$gme`.
    topic: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9 #$]{1,64}$(?!\n)",
            description="lower-case letters, digits, spaces, # $",
        ),
    ]
    #: The token's id in the reference data.
    token: Annotated[str, Meta(min_length=1, max_length=128)]


class LunarCrushSource(_Source, tag="lunarcrush", tag_field="type", kw_only=True):
    """LunarCrush: posts, authors and sentiment by hour, of X, Reddit, YouTube, TikTok and news."""

    #: Base URL of its API, version 4.
    url: SecretText = field(
        default_factory=lambda: SecretText("https://lunarcrush.com/api4/public")
    )
    #: API key, sent as `Authorization: Bearer`.
    api_key: Secret
    #: What is asked for.
    topics: Annotated[list[LunarCrushTopic], Meta(min_length=1, max_length=1_000)]
    #: How often it is asked.
    poll_every: Annotated[Duration, Meta(ge=SECOND // 100, le=DAY)] = 10 * MINUTE
    #: An hour is taken so long after it is over, since posts are counted late.
    settle: Annotated[Duration, Meta(ge=0, le=DAY)] = 10 * MINUTE
    #: Where a first run begins, at most a week ago, so that what is usual is known at once.
    history: Annotated[Duration, Meta(ge=0, le=7 * DAY)] = 7 * DAY
    #: Requests in a minute at most, as your plan allows.
    requests_per_minute: Annotated[float, Meta(gt=0, le=60_000)] = 10.0
    #: How long an answer may take.
    request_timeout: Interval = 30 * SECOND
    #: Authority that signed its certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None


class _FixSource(_Source, kw_only=True):
    #: The other side's host name or address.
    host: HostName
    #: The other side's port.
    port: Annotated[int, Meta(ge=1, le=65535)]
    #: `false`: plain TCP, for venues that offer nothing else; then use a private line or a tunnel.
    tls: bool = True
    #: Authority that signed the other side's certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
    #: Our certificate, PEM, where the other side wants one.
    certificate: ExistingPath | None = None
    #: Its key, where it isn't in the same file.
    key: ExistingPath | None = None
    #: Our name, SenderCompID (49), as the venue gave it.
    sender_comp_id: CompId
    #: The venue's name, TargetCompID (56).
    target_comp_id: CompId
    #: TargetSubID (57), where the venue wants it.
    target_sub_id: CompId | None = None
    #: Username (553) of the logon.
    username: Secret | None = None
    #: Password (554) of the logon.
    password: Secret | None = None
    #: How often each side says that it is there, HeartBtInt (108); whole seconds.
    heartbeat: Annotated[Duration, Meta(ge=SECOND, le=10 * MINUTE)] = 30 * SECOND
    #: BeginString (8).
    begin_string: Literal["FIX.4.4", "FIX.4.2"] = "FIX.4.4"
    #: Name of the venue, as in the reference data.
    venue: str


class FixDropCopySource(_FixSource, tag="fix_drop_copy", tag_field="type", kw_only=True):
    """A FIX drop copy: copies of execution reports, with accounts. We are the initiator."""

    #: `each`: a trade may come as a report for each of its two orders, which become one trade where
    #: both have the same TrdMatchID (880), TradeID (1003) or SecondaryExecID (527). `one`: each
    #: report of a trade is a trade of its own.
    trade_sides: Literal["each", "one"] = "each"
    #: How long a report of a trade waits for that of the other side.
    other_side_within: Annotated[Duration, Meta(ge=0, le=10 * MINUTE)] = 5 * SECOND
    #: Begin at 1 with each logon, ResetSeqNumFlag (141): what was missed in between is lost.
    reset_on_logon: bool = False


class FixMarketDataSource(_FixSource, tag="fix_market_data", tag_field="type", kw_only=True):
    """Market data by FIX, such as tZERO's: books, trades, trading sessions and halts."""

    #: The venue's symbols.
    symbols: Annotated[list[str], Meta(min_length=1)]
    #: AggregatedBook (266): the book by price level; `false`: order by order, where it is offered.
    aggregated_book: bool = True
    #: Ask for the state of trading sessions and of each symbol, too.
    trading_status: bool = True


class InxSource(_Source, tag="inx", tag_field="type", kw_only=True):
    """INX.One, by its WebSocket, which a token of its REST interface opens."""

    #: WebSocket URL of the feed: `wss://gw-client-api-ws.trading.republic.com`.
    url: SecretText
    #: Base URL of the REST interface: `https://gw-client-api-rest.trading.republic.com`.
    rest_url: SecretText
    #: Id of the API key.
    api_key_id: Secret
    #: The API key's private key, PEM.
    private_key: Secret
    #: The venue's symbols, such as BTC-USD. A key allows five subscriptions: each channel of each
    #: market is one.
    markets: Annotated[list[str], Meta(min_length=1, max_length=5)]
    #: Books by price level, trades.
    channels: Annotated[list[Literal["book", "trades"]], Meta(min_length=1)] = field(
        default_factory=lambda: ["book", "trades"]
    )
    #: Levels of the book per side.
    depth: Annotated[int, Meta(ge=1, le=1000)] = 20
    #: Name of the venue, as in the reference data.
    venue: str = "inx"


class ArchaxSource(_Source, tag="archax", tag_field="type", kw_only=True):
    """Archax (ACE), by its WebSocket, which a login by REST opens."""

    #: WebSocket URL of the feed: `wss://ace-auth.archax.com/api/3.0/gateway`.
    url: SecretText
    #: Base URL of the REST interface: `https://ace-auth.archax.com/api/3.0`.
    rest_url: SecretText
    #: The account's e-mail address. It must be without a second factor.
    email: Secret
    #: The account's password.
    password: Secret
    #: The venue's symbols: the ticker, or symbol and currency as in ETH-USD.
    symbols: Annotated[list[str], Meta(min_length=1)]
    #: Books by price level, trades.
    channels: Annotated[list[Literal["depth", "trades"]], Meta(min_length=1)] = field(
        default_factory=lambda: ["depth", "trades"]
    )
    #: Name of the venue, as in the reference data.
    venue: str = "archax"


class SubgraphSource(_Source, tag="subgraph", tag_field="type", kw_only=True):
    """Pools by a subgraph of The Graph, where there is no node."""

    #: Where GraphQL is served; `https` but for this machine.
    url: SecretText
    #: API key, sent as `Authorization: Bearer`; many gateways have it in the URL instead.
    api_key: Secret | None = None
    #: Name of the network, for the events.
    network: str
    #: EIP-155 id of the chain that the subgraph follows.
    chain_id: Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]
    #: What entities it has: `uniswap-v3` of Uniswap, or `messari-dex` for Curve and many others.
    schema: Schema = "uniswap-v3"
    #: Read are this protocol's pools in the reference data, on this chain.
    protocol: str = "uniswap-v3"
    #: Further pools. One that an `evm` source of this chain watches is left to it.
    pools: list[Address] = field(default_factory=list[str])
    #: Where a first run begins: ``latest`` or a block number.
    start_block: Annotated[int, Meta(ge=0)] | Literal["latest"] = "latest"
    #: How often it is asked whether it has come further.
    poll_every: Annotated[Duration, Meta(ge=SECOND // 10, le=DAY)] = 10 * SECOND
    #: Blocks that are read at once, where it is far ahead.
    window: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    #: Blocks back to which a reorganisation is followed.
    reorganisation_depth: Annotated[int, Meta(ge=1, le=MOST_ORPHANED)] = 128
    #: Entities in one answer; The Graph gives no more than 1,000.
    page: Annotated[int, Meta(ge=1, le=1_000)] = 1_000
    #: Requests that it is asked in a second at most.
    requests_per_second: Annotated[float, Meta(gt=0, le=1_000)] = 5.0
    #: Authority that signed its certificate, PEM; the system's without.
    ca_certificate: ExistingPath | None = None
    #: How long it may take to answer.
    request_timeout: Interval = 30 * SECOND


class ReplaySource(_Source, tag="replay", tag_field="type", kw_only=True):
    """A recording: frames from a file, as the source had sent them."""

    #: The file; gzip where it ends in `.gz`.
    path: ExistingPath
    #: `recorded`: Tapewatch's own format. Else whose frames a cryptofeed file holds.
    protocol: Literal[
        "evm", "coinbase", "kraken", "kraken-v1", "solana", "subgraph", "recorded"
    ] = "recorded"
    #: `original`: as fast as it was.
    speed: Literal["original", "maximum"] = "maximum"
    #: Name of the venue, where the file doesn't say it.
    venue: str | None = None


#: What gives frames.
FrameSource = (
    EvmSource
    | SolanaSource
    | SubgraphSource
    | CoinbaseSource
    | KrakenSource
    | OrderLogSource
    | FixDropCopySource
    | FixMarketDataSource
    | InxSource
    | ArchaxSource
    | ReplaySource
    | SocialFeedSource
    | LunarCrushSource
)
#: What gives reference data.
ReferenceSource = FileReference | SqlReference | HttpReference | Provider
Source = FrameSource | ReferenceSource

__all__ = [
    "Address",
    "ArchaxSource",
    "CoinbaseSource",
    "EvmSource",
    "FileReference",
    "FixDropCopySource",
    "FixMarketDataSource",
    "FrameSource",
    "HttpReference",
    "InxSource",
    "KrakenSource",
    "LunarCrushSource",
    "LunarCrushTopic",
    "Name",
    "OrderLogSource",
    "Reconnection",
    "ReferenceSource",
    "ReplaySource",
    "SocialFeedSource",
    "SolanaAddress",
    "SolanaEndpoint",
    "SolanaSource",
    "Source",
    "SqlReference",
    "SubgraphSource",
]
