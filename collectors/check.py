"""What ``tapewatch doctor`` says of sources: do they answer, and are they what they should be."""

import asyncio

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from collectors.connection import EndpointFault, Link
from collectors.endpoint_text import redacted, scrubber
from collectors.evm.rpc import RpcClient
from collectors.fix.check import check_fix
from collectors.loopback import is_loopback
from collectors.order_log.check import check_order_log
from collectors.recording import UNREADABLE, RecordingError, open_lines, read_header
from collectors.reference.check import check_reference
from collectors.rest_login import check_rest
from collectors.social.feed import refusal
from collectors.social.lunarcrush import check_lunarcrush
from collectors.solana.check import check_node
from collectors.subgraph.check import check_subgraph
from pipeline.config.sources import (
    ArchaxSource,
    CoinbaseSource,
    EvmSource,
    FixDropCopySource,
    FixMarketDataSource,
    InxSource,
    KrakenSource,
    LunarCrushSource,
    OrderLogSource,
    ReferenceSource,
    ReplaySource,
    SocialFeedSource,
    SolanaSource,
    Source,
    SubgraphSource,
)
from pipeline.findings import Finding
from pipeline.secrets import SecretError, SecretText
from pipeline.social_payload import header_faults
from pipeline.source_state import now
from pipeline.units import SECOND, about_size

OPEN_TIMEOUT = 10.0
#: A node whose newest block is older than this is behind, or its chain stands still.
OLD_HEAD_SECONDS = 120


async def check_source(source: Source) -> list[Finding]:
    """Findings on one source, one per endpoint. Nothing is subscribed to."""
    if isinstance(source, ReferenceSource):
        return [await check_reference(source)]
    match source:
        case EvmSource():
            return await asyncio.gather(*(_node(source, url) for url in source.endpoints))
        case SolanaSource():
            return await asyncio.gather(*(check_node(source, one) for one in source.endpoints))
        case SubgraphSource():
            return [await check_subgraph(source)]
        case CoinbaseSource():
            return [await _feed(source.name, source.url)]
        case KrakenSource():
            return [await _feed(source.name, source.url)]
        case FixDropCopySource() | FixMarketDataSource():
            return [await check_fix(source)]
        case OrderLogSource():
            return [check_order_log(source)]
        case SocialFeedSource():
            page = "docs/social-feed.md"
            return [check_order_log(source, page=page, header=header_faults, wrong=refusal)]
        case LunarCrushSource():
            return [await check_lunarcrush(source)]
        case InxSource() | ArchaxSource():
            return [await check_rest(source.name, source.rest_url)]
        case ReplaySource():
            return [_recording(source)]


def _recording(source: ReplaySource) -> Finding:
    try:
        size = source.path.stat().st_size
        if source.protocol == "recorded":
            names = [recorded.name for recorded in read_header(source.path).sources]
            said = f", of {', '.join(names)}"
        else:
            with open_lines(source.path) as file:
                file.read(1)
            said = f", of {source.protocol}"
    except RecordingError as error:
        return _bad(source.name, str(error), "correct path or protocol")
    except UNREADABLE as error:
        return _bad(source.name, f"{source.path}: {error}", "correct path, or the rights")
    return _ok(source.name, f"recording {source.path.name}, {about_size(size)}{said}")


async def _node(source: EvmSource, endpoint: SecretText) -> Finding:
    try:
        url = endpoint.reveal()
    except SecretError as error:
        return _bad(source.name, str(error), "set what the configuration refers to")
    scrub = scrubber(url)
    shown = redacted(url)
    try:
        async with (
            asyncio.timeout(OPEN_TIMEOUT),
            connect(url, proxy=None if is_loopback(url) else True) as socket,
        ):
            link = Link(socket, url, OPEN_TIMEOUT)
            async with RpcClient(link, timeout=source.request_timeout / SECOND) as node:
                chain = int(msgspec.json.decode(await node.call("eth_chainId")), 16)
                head = msgspec.json.decode(
                    await node.call("eth_getBlockByNumber", "latest", False), type=_Head
                )
    except (EndpointFault, OSError, WebSocketException, TimeoutError, ValueError) as error:
        reason = scrub(str(error)) or type(error).__name__
        return _bad(source.name, f"{shown}: {reason}", "check the URL, the key and the firewall")
    if source.chain_id not in (None, chain):
        return _bad(
            source.name,
            f"{shown} is of chain {chain}, the configuration says {source.chain_id}",
            "correct chain_id or the endpoint",
        )
    age = (now() // SECOND) - int(head.timestamp, 16)
    said = f"{shown}: chain {chain}, block {int(head.number, 16):,}, {age} s old"
    if age > OLD_HEAD_SECONDS or age < -OLD_HEAD_SECONDS:
        return Finding(
            level="warning",
            subject=f"source {source.name}",
            message=said,
            advice="the node is behind, its chain stands still, or a clock is off",
        )
    return _ok(source.name, said)


class _Head(msgspec.Struct):
    number: str
    timestamp: str


async def _feed(name: str, endpoint: SecretText) -> Finding:
    try:
        url = endpoint.reveal()
    except SecretError as error:
        return _bad(name, str(error), "set what the configuration refers to")
    try:
        async with (
            asyncio.timeout(OPEN_TIMEOUT),
            connect(url, proxy=None if is_loopback(url) else True),
        ):
            return _ok(name, f"{redacted(url)} answers")
    except (OSError, WebSocketException, TimeoutError, ValueError) as error:
        reason = scrubber(url)(str(error)) or type(error).__name__
        return _bad(name, f"{redacted(url)}: {reason}", "check the URL and the firewall")


def _ok(name: str, message: str) -> Finding:
    return Finding(level="ok", subject=f"source {name}", message=message)


def _bad(name: str, message: str, advice: str) -> Finding:
    return Finding(level="error", subject=f"source {name}", message=message, advice=advice)
