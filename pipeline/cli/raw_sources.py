"""The options of a command that say which raw files, as a source of their events; no bus."""

from collections.abc import Sequence
from pathlib import Path

import typer

from normalizer.reference_files import load_reference
from pipeline.cli.raw_events import ChainName, RawEvents, Report
from pipeline.cli.social_events import WithSocial
from pipeline.problems import Problem, render


def raw_events(
    paths: Sequence[Path],
    *,
    reference: Sequence[Path],
    report: Report,
    venue: str | None = None,
    trade_sides: str | None = None,
    social_feed: Sequence[Path] = (),
    chain: ChainName | None = None,
) -> RawEvents | WithSocial:
    """What the options of a command say of order logs and other raw files, as a source of events.

    What is doubtful in the reference data is told. Raises Failure, and ProblemsFound for it.
    """
    doubts: list[Problem] = []
    known = load_reference(reference, warnings=doubts)
    if doubts:
        typer.echo(render(doubts), err=True)
    traded = RawEvents(
        paths,
        reference=known,
        report=report,
        venue=venue,
        each_side=trade_sides == "each",
        chain=chain,
    )
    if not social_feed:
        return traded
    said = RawEvents(social_feed, reference=known, report=report, social=True)
    return WithSocial(traded, said)
