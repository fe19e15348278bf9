"""What ``tapewatch doctor`` says of a FIX session: does somebody listen, and is its TLS right."""

import asyncio

from collectors.connection import SourceMisconfigured
from collectors.fix.link import OPEN_TIMEOUT, tls_context
from pipeline.config.sources import FixDropCopySource, FixMarketDataSource
from pipeline.findings import Finding


async def check_fix(source: FixDropCopySource | FixMarketDataSource) -> Finding:
    """A finding on one source. There is no logon: it would take the session from who has it."""
    subject = f"source {source.name}"
    place = f"{source.host}:{source.port}"
    try:
        async with asyncio.timeout(OPEN_TIMEOUT):
            _, writer = await asyncio.open_connection(
                source.host, source.port, ssl=tls_context(source)
            )
            writer.close()
    except (OSError, TimeoutError, SourceMisconfigured) as error:
        return Finding(
            level="error",
            subject=subject,
            message=f"{place}: {error or type(error).__name__}",
            advice="check host, port, tls, the certificates and the firewall",
        )
    if not source.tls:
        return Finding(
            level="warning",
            subject=subject,
            message=f"{place} answers, without TLS",
            advice="set tls: true if the venue offers it, or see that the line is private",
        )
    return Finding(level="ok", subject=subject, message=f"{place} answers, with TLS")
