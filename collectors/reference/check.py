"""What ``tapewatch doctor`` says of sources of reference data: do they answer, and with what."""

import asyncio
from contextlib import aclosing
from typing import Any, cast

from collectors.reference.build import OwnSource, build_own
from collectors.reference.source import Given, Rejected, SourceFault
from pipeline.config.sources import ReferenceSource
from pipeline.findings import Finding
from pipeline.units import SECOND

#: So many records are looked at.
_MOST = 1_000
_WITHIN = 20.0


async def check_reference(settings: ReferenceSource) -> Finding:
    """One finding: what the first records of a source are like. Nothing is written."""
    subject = f"source {settings.name}"
    if not isinstance(settings, OwnSource):
        every = settings.every // SECOND
        return Finding(
            level="ok",
            subject=subject,
            message=f"is asked every {every} s while it runs; `tapewatch status` tells how that is",
        )
    source = build_own(settings)
    given, rejected = 0, list[Rejected]()
    try:
        async with asyncio.timeout(_WITHIN), aclosing(cast(Any, source.read())) as items:
            async for item in items:
                if isinstance(item, Rejected):
                    rejected.append(item)
                else:
                    given += isinstance(item, Given)
                if given + len(rejected) >= _MOST:
                    break
    except SourceFault as fault:
        return Finding(
            level="error", subject=subject, message=str(fault), advice="correct the source"
        )
    except TimeoutError:
        return Finding(
            level="warning",
            subject=subject,
            message=f"did not give {_MOST} records within {_WITHIN:.0f} s",
            advice="see whether it is slow, or the query needs an index",
        )
    finally:
        await source.close()
    if rejected:
        first = rejected[0]
        field = f", {first.field}" if first.field else ""
        return Finding(
            level="warning",
            subject=subject,
            message=f"{len(rejected)} of the first {given + len(rejected)} records can't be read; "
            f"{first.place}{field}: {first.reason}",
            advice="correct them, or columns and values of the source",
        )
    return Finding(level="ok", subject=subject, message=f"gives records ({given} looked at)")
