"""What ``tapewatch doctor`` says of sources of reference data: do they answer, and with what."""

import asyncio
from contextlib import aclosing
from typing import Any, cast

import msgspec

from collectors.reference.build import OwnSource, build_own
from collectors.reference.source import Given, Rejected, SourceFault
from pipeline.address_checksums import mistyped_in
from pipeline.config.sources import ReferenceSource
from pipeline.findings import Finding
from pipeline.reference_changes import Identity, change_of
from pipeline.units import SECOND

#: So many records are looked at.
_MOST = 1_000
_WITHIN = 20.0
#: Of those that can't be read, so many are named.
_MOST_TOLD = 20


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
    there: set[Identity] = set()
    mistyped: list[str] = []
    try:
        async with asyncio.timeout(_WITHIN), aclosing(cast(Any, source.read())) as items:
            async for item in items:
                if source.complete and isinstance(item, Given):
                    item = _again(item, there) or item
                if isinstance(item, Rejected):
                    rejected.append(item)
                elif isinstance(item, Given):
                    given += 1
                    record = msgspec.to_builtins(item.record)
                    mistyped += [f"{item.place}: {one}" for one in mistyped_in(record)]
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
        lines = [f"{len(rejected)} of the first {given + len(rejected)} records can't be read"]
        lines += _some([str(one) for one in rejected])
        return Finding(
            level="warning",
            subject=subject,
            message="\n".join(lines),
            advice="correct them, or columns and values of the source",
        )
    said = f"gives records ({given} looked at)"
    if mistyped:
        lines = [f"{said}; the checksum of {len(mistyped)} addresses is wrong", *_some(mistyped)]
        return Finding(
            level="warning",
            subject=subject,
            message="\n".join(lines),
            advice="compare them with where they come from: nobody is found by one that is "
            "mistyped; if they are right, write them in lower case",
        )
    return Finding(level="ok", subject=subject, message=said)


def _again(item: Given, there: set[Identity]) -> Rejected | None:
    """That a record was there already, as a read that counts says it: of two, the first holds."""
    change = change_of(item.record)
    if change.identity not in there:
        there.add(change.identity)
        return None
    return Rejected(item.place, f"{change.kind} {change.key} is there twice")


def _some(lines: list[str]) -> list[str]:
    more = len(lines) - _MOST_TOLD
    return [*lines[:_MOST_TOLD], f"... and {more} more"] if more > 0 else lines
