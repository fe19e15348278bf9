"""What ``tapewatch doctor`` says of a Solana node: does it answer, and is it what it should be."""

import asyncio

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from collectors.connection import EndpointFault
from collectors.endpoint_text import redacted, scrubber
from collectors.loopback import is_loopback
from collectors.solana.blocks import SlotReader
from collectors.solana.node import SolanaNode
from pipeline.chain_ids import solana_chain
from pipeline.config.sources import SolanaEndpoint, SolanaSource
from pipeline.findings import Finding
from pipeline.secrets import SecretError
from pipeline.source_state import now
from pipeline.units import SECOND

OPEN_TIMEOUT = 10.0
#: A node whose newest block is older than this is behind, or its cluster stands still.
OLD_BLOCK_SECONDS = 60


async def check_node(source: SolanaSource, endpoint: SolanaEndpoint) -> Finding:
    """One endpoint: its JSON-RPC and its PubSub. Nothing is subscribed to."""
    try:
        rpc, websocket = endpoint.rpc.reveal(), endpoint.websocket.reveal()
    except SecretError as error:
        return _bad(source, str(error), "set what the configuration refers to")
    shown = redacted(rpc)
    scrub = scrubber(rpc)
    try:
        async with (
            asyncio.timeout(OPEN_TIMEOUT),
            SolanaNode(
                rpc, timeout=source.request_timeout / SECOND, max_answer=source.max_frame
            ) as node,
        ):
            reader = SlotReader(node, source.commitment)
            chain = solana_chain(await reader.genesis())
            slot = await reader.newest()
            block = await reader.header(slot)
    except (EndpointFault, OSError, TimeoutError, ValueError) as error:
        reason = scrub(str(error)) or type(error).__name__
        return _bad(source, f"{shown}: {reason}", "check rpc, the key and the firewall")
    scrub = scrubber(websocket)
    try:
        async with (
            asyncio.timeout(OPEN_TIMEOUT),
            connect(websocket, proxy=None if is_loopback(websocket) else True),
        ):
            pass
    except (OSError, WebSocketException, TimeoutError, ValueError) as error:
        reason = scrub(str(error)) or type(error).__name__
        advice = "check websocket, the key and the firewall"
        return _bad(source, f"{redacted(websocket)}: {reason}", advice)
    if source.chain not in (None, chain):
        return _bad(
            source,
            f"{shown} is of {chain}, the configuration says {source.chain}",
            "correct chain or the endpoint",
        )
    said = f"{shown}: {chain}, slot {slot:,}"
    if block is None or not block.timestamp:
        return Finding(level="ok", subject=f"source {source.name}", message=said)
    age = now() // SECOND - block.timestamp
    said = f"{said}, {age} s old"
    if abs(age) > OLD_BLOCK_SECONDS:
        return Finding(
            level="warning",
            subject=f"source {source.name}",
            message=said,
            advice="the node is behind, its cluster stands still, or a clock is off",
        )
    return Finding(level="ok", subject=f"source {source.name}", message=said)


def _bad(source: SolanaSource, message: str, advice: str) -> Finding:
    return Finding(level="error", subject=f"source {source.name}", message=message, advice=advice)
