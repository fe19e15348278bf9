"""Clusters for people: a table of all, one with its links, and why two wallets are one."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from rich import box
from rich.table import Table

from detections.clusters.explanation import Overview, Said, Step, Why
from pipeline.cli.printing import printable


def table_of(found: Sequence[Overview]) -> Table:
    """All clusters, a line each."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("cluster", "wallets", "links by reason", "weakest", "first seen", "last seen"):
        table.add_column(heading, justify="right" if heading in ("wallets", "weakest") else "left")
    for one in found:
        reasons = ", ".join(f"{count} {reason}" for reason, count in one.reasons.items())
        table.add_row(
            _called(one),
            str(len(one.members)),
            reasons or "by override",
            f"{one.weakest:.2f}",
            _time(one.first_seen),
            _time(one.last_seen),
        )
    return table


def lines_of(found: Overview, steps: Iterable[Step], said: Iterable[Said]) -> Iterator[str]:
    """One cluster."""
    yield f"{_called(found)}: {len(found.members)} wallets"
    if found.aliases:
        yield f"merged into it: {', '.join(found.aliases)}"
    for member in found.members:
        yield f"  {member}"
    yield ""
    for step in steps:
        yield from _step(step)
    for one in said:
        yield line_of_override(one)


def lines_of_why(found: Why) -> Iterator[str]:
    """Why two wallets are one, or are not."""
    yield found.sentence
    for step in found.path:
        yield from _step(step)
    if not found.path and found.direct is not None:
        yield from _step(found.direct)
    if found.separated_by is not None:
        yield line_of_override(found.separated_by)


def line_of_override(said: Said) -> str:
    """An override with who, when and why."""
    what = "one owner" if said.action == "together" else "not one owner"
    if len(said.addresses) == 1:
        what = "with nobody else"
    who, why = printable(said.who), printable(said.why)
    return f"{said.id}  {_time(said.at)}  {who}: {' and '.join(said.addresses)} {what}: {why}"


def _step(step: Step) -> Iterator[str]:
    by = f", joined by {step.joined_by}" if step.joined_by is not None else ""
    yield f"{step.address} = {step.other}  weight {step.weight:.2f}{by}"
    for link in step.links:
        yield f"  {link.reason} {link.weight:.2f}: {link.detail}"
        yield f"    seen {_time(link.first_seen)} to {_time(link.last_seen)}"
        if link.transactions:
            yield f"    transactions {' '.join(link.transactions)}"
        yield f"    events {' '.join(link.events)}"


def _called(found: Overview) -> str:
    return found.id if found.name == found.id else f"{printable(found.name)} ({found.id})"


def _time(nanoseconds: int) -> str:
    if not nanoseconds:
        return "-"
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
