"""Sources: nodes, venues, recordings."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from pipeline.secrets import Secret, SecretText
from pipeline.structured import ExistingPath
from pipeline.units import MINUTE, SECOND, Duration, Size

Name = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="lower-case letters, digits, - and _"),
]
Address = Annotated[str, Meta(pattern=r"^0x[0-9a-fA-F]{40}$", description="an EVM address")]


class Reconnection(Struct, forbid_unknown_fields=True, kw_only=True):
    """Exponential backoff with jitter between attempts to connect. It never gives up."""

    initial: Duration = SECOND // 2
    maximum: Duration = MINUTE
    #: No frame and no heartbeat for this long: the connection is stale and is made anew.
    stale_after: Duration = 15 * SECOND


class _Source(Struct, forbid_unknown_fields=True, kw_only=True):
    name: Name
    reconnection: Reconnection = field(default_factory=Reconnection)
    #: Frames that wait to become durable; when it is full, the collector stops reading.
    buffer: Size = 64 * 1024 * 1024
    max_frame: Size = 32 * 1024 * 1024


class EvmSource(_Source, tag="evm", tag_field="type", kw_only=True):
    """An EVM chain, by a node's WebSocket JSON-RPC. Several endpoints: the first that answers."""

    endpoints: Annotated[list[SecretText], Meta(min_length=1)]
    network: str
    chain_id: int | None = None
    #: Watched besides the contracts and pools in the reference data.
    contracts: list[Address] = field(default_factory=list[str])
    #: Where a first run begins: ``latest`` or a block number.
    start_block: int | Literal["latest"] = "latest"
    #: Blocks that one ``eth_getLogs`` may ask for at first; it adapts to what the node allows.
    backfill_range: Annotated[int, Meta(ge=1, le=100_000)] = 500
    #: Ask why a transfer was refused, and what the identity registry says of the receiver.
    explain_refusals: bool = True
    request_timeout: Duration = 20 * SECOND


class CoinbaseSource(_Source, tag="coinbase", tag_field="type", kw_only=True):
    """Coinbase Exchange, or a venue that speaks its protocol."""

    url: SecretText
    #: Base URL of the REST API, for book snapshots.
    rest_url: SecretText | None = None
    products: Annotated[list[str], Meta(min_length=1)]
    channels: list[Literal["full", "level3", "level2", "matches", "heartbeat", "ticker"]] = field(
        default_factory=lambda: ["full", "heartbeat"]
    )
    venue: str = "coinbase"
    api_key: Secret | None = None
    api_secret: Secret | None = None
    passphrase: Secret | None = None


class KrakenSource(_Source, tag="kraken", tag_field="type", kw_only=True):
    """Kraken spot, WebSocket v2."""

    url: SecretText
    symbols: Annotated[list[str], Meta(min_length=1)]
    channels: list[Literal["book", "trade", "level3"]] = field(
        default_factory=lambda: ["book", "trade"]
    )
    depth: Literal[10, 25, 100, 500, 1000] = 100
    venue: str = "kraken"
    #: WebSocket token for ``level3``, of GetWebSocketsToken.
    token: Secret | None = None
    verify_checksum: bool = True


class ReplaySource(_Source, tag="replay", tag_field="type", kw_only=True):
    """A recording: frames from a file, as the source had sent them."""

    path: ExistingPath
    protocol: Literal["evm", "coinbase", "kraken", "kraken-v1", "recorded"] = "recorded"
    speed: Literal["original", "maximum"] = "maximum"
    venue: str | None = None


Source = EvmSource | CoinbaseSource | KrakenSource | ReplaySource

__all__ = [
    "Address",
    "CoinbaseSource",
    "EvmSource",
    "KrakenSource",
    "Name",
    "Reconnection",
    "ReplaySource",
    "Source",
]
