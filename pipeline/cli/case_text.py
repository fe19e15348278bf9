"""Cases for people: a table of many, a page of one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.printing import WIDE, printable, say, show
from pipeline.units import MINUTE, SECOND

if TYPE_CHECKING:
    from evidence.cases.state import Case
    from normalizer.events import CaseActivity

_COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "", "": ""}
_MOST_ALERTS = 12


class CaseRow(Struct):
    """What `tapewatch case list --json` prints of each case, a line each."""

    id: str
    status: str
    level: str
    title: str
    typology: str
    entities: tuple[str, ...]
    assignee: str | None
    alerts: int
    retracted: int
    #: RFC 3339, UTC.
    opened: str
    escalations: int
    four_eyes: bool
    proposed_by: str | None
    resolution: str | None
    number: int


class CasePage(Struct):
    """What `tapewatch case show --json` prints."""

    case: "Case"
    history: "list[CaseActivity]"


def row_of(case: "Case") -> CaseRow:
    """A case as a row."""
    proposal = case.proposal
    return CaseRow(
        id=case.id,
        status=case.status,
        level=case.level,
        title=case.title,
        typology=case.typology,
        entities=case.entities,
        assignee=case.assignee,
        alerts=len(case.alerts),
        retracted=case.retracted,
        opened=moment(case.opened),
        escalations=len(case.steps),
        four_eyes=case.four_eyes,
        proposed_by=proposal.who if proposal is not None else None,
        resolution=case.resolution or (proposal.resolution if proposal is not None else None),
        number=case.number,
    )


def print_cases(cases: "Sequence[Case]", now: int) -> None:
    """A table; `now` in nanoseconds, for ages."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("case", "level", "status", "age", "assignee", "alerts", "about"):
        table.add_column(name, no_wrap=name != "about", overflow="fold")
    for case in cases:
        count = f"{len(case.alerts):,}"
        if case.retracted:
            count += f" ({case.retracted} retracted)"
        mark = f"!{len(case.steps)} " if case.steps else ""
        table.add_row(
            case.id,
            Text(case.level, style=_COLOURS.get(case.level, "")),
            f"{mark}{case.status}",
            age(now - case.begun),
            printable(case.assignee or "nobody"),
            count,
            printable(case.title),
        )
    show(table, width=WIDE)


def print_case(case: "Case", history: "Sequence[CaseActivity]", console: Console, now: int) -> None:
    """All of a case."""
    say(console, f"{case.id}  {case.title}", "bold")
    eyes = ", two people must close it" if case.four_eyes else ""
    say(console, f"{case.level}, {case.status} for {age(now - case.since)}{eyes}")
    facts = {
        "opened": f"{moment(case.opened)} ({age(now - case.opened)} ago)",
        "assignee": case.assignee or "nobody",
        "about": ", ".join(case.entities),
        "asset": " ".join(
            one for one in (case.token_symbol, case.token_id, case.venue, case.instrument) if one
        ),
        "escalated": ", ".join(case.steps),
        "in Kibana": case.kibana_id or "",
    }
    if case.status == "closed":
        closed = moment(case.closed or 0)
        facts["resolution"] = f"{case.resolution}, closed by {case.approved_by} on {closed}"
    elif case.proposal is not None:
        offer = case.proposal
        facts["proposed"] = f"{offer.resolution} by {offer.who}: {offer.why}"
    for name, value in facts.items():
        if value:
            say(console, f"  {name:<11} {value}")
    _print_alerts(case, console)
    for attached in case.evidence:
        digest = f"  sha256 {attached.sha256}" if attached.sha256 else ""
        say(console, f"  evidence    {attached.reference}{digest}  ({attached.who})")
    say(console, "")
    for done in history:
        refused = any(one.number == done.number for one in case.refused)
        where = "" if done.provider == "command" else f" [{done.provider}]"
        text = done.message.partition(": ")[2]
        say(console, f"  {done.number:>4}  {moment(done.timestamp)}  {text}{where}",
            "red" if refused else "")  # fmt: skip
        if done.comment:
            say(console, f"        “{done.comment}”")
    for one in case.refused:
        say(
            console,
            f"  refused: {one.action} by {one.who}, number {one.number}: {one.reason}",
            "red",
        )


def _print_alerts(case: "Case", console: Console) -> None:
    if not case.alerts:
        say(console, "  alerts      none: it was opened without")
    for rule_id, rule in case.rules.items():
        times = "once" if rule.alerts == 1 else f"{rule.alerts:,} times"
        span = moment(rule.first)
        if rule.last != rule.first:
            span += f" to {moment(rule.last)}"
        authors = f"; by {', '.join(rule.authors)}" if rule.authors else ""
        say(console, f"  alerts      {rule.name}, {times}, {span}{authors}")
        ids = [one for one, there in case.alerts.items() if there.rule_id == rule_id]
        for one in ids[:_MOST_ALERTS]:
            there = case.alerts[one]
            gone = "  retracted" if there.retracted else ""
            say(console, f"              {one}{gone}", "dim")
            if there.amended:
                say(console, f"              amended: {there.amended[-1]}", "dim")
        left = len(ids) - _MOST_ALERTS
        if left > 0:
            say(console, f"              and {left:,} more", "dim")


def moment(nanoseconds: int) -> str:
    """To the second, UTC."""
    return f"{datetime.fromtimestamp(nanoseconds // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"


def age(nanoseconds: int) -> str:
    """How long, in two units at most."""
    minutes = max(nanoseconds, 0) // MINUTE
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def page(case: "Case", history: "list[CaseActivity]") -> bytes:
    """All of a case for machines."""
    return msgspec.json.encode(CasePage(case, history))
