"""What ``tapewatch doctor`` says of a subgraph: does it answer, and how far has it come."""

import asyncio

from collectors.reference.source import SourceFault
from collectors.subgraph.graphql import Subgraph
from collectors.subgraph.reading import Reader
from pipeline.config.sources import SubgraphSource
from pipeline.findings import Finding
from pipeline.source_state import now
from pipeline.units import SECOND

OPEN_TIMEOUT = 10.0
#: A subgraph whose newest block is older than this is behind, or its chain stands still.
OLD_BLOCK_SECONDS = 300


async def check_subgraph(source: SubgraphSource) -> Finding:
    """Asks for `_meta` alone."""
    subject = f"source {source.name}"
    subgraph = Subgraph(source)
    try:
        async with asyncio.timeout(OPEN_TIMEOUT):
            head = await Reader(subgraph, source.schema, frozenset(), source.page).head()
        shown = subgraph.shown
    except (SourceFault, TimeoutError) as error:
        reason = str(error) or f"no answer within {OPEN_TIMEOUT:g} s"
        advice = "check url, api_key and the firewall"
        return Finding(level="error", subject=subject, message=reason, advice=advice)
    finally:
        await subgraph.close()
    if head.failed:
        return Finding(
            level="error",
            subject=subject,
            message=f"{shown}: the subgraph met errors while it indexed: nothing is read of it",
            advice="take another deployment of it, or tell who publishes it",
        )
    said = f"{shown}: block {head.block.number:,}"
    if head.block.timestamp is None:
        return Finding(level="ok", subject=subject, message=said)
    age = now() // SECOND - head.block.timestamp
    if age > OLD_BLOCK_SECONDS:
        return Finding(
            level="warning",
            subject=subject,
            message=f"{said}, {age} s old",
            advice="the subgraph is behind, or its chain stands still",
        )
    return Finding(level="ok", subject=subject, message=f"{said}, {age} s old")
