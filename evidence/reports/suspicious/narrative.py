"""The narrative of a report, drafted: who, what, when, where and why, with numbers; and how.

A draft for a person to correct and complete. It says what the alerts and the events say, names its
evidence, and leaves open what Tapewatch can't know.
Source: FinCEN, "Guidance on Preparing a Complete & Sufficient Suspicious Activity Report
Narrative".
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from evidence.reports.suspicious.material import EventFacts, Material
from evidence.reports.suspicious.parties import Party
from pipeline.page.words import number, plural, printable
from pipeline.units import SECOND

#: Events that are told one by one.
MOST_EVENTS = 25
#: Names of one party.
_MOST_NAMES = 12


def narrative(material: Material, most: int) -> str:
    """The draft, at most so many characters. Events are left out before anything else."""
    for events in (MOST_EVENTS, 10, 5, 0):
        text = _written(material, events)
        if len(text) <= most:
            return text
    return text[: most - 4].rstrip() + " ..."


def _written(material: Material, events: int) -> str:
    parts = [
        _summary(material),
        "WHO. " + " ".join(_party(one) for one in material.parties),
        "WHAT. " + _what(material),
        "WHEN. " + _when(material),
        "WHERE. " + _where(material),
        "WHY. " + _why(material),
        "HOW. " + _how(material, events),
        _evidence(material),
    ]
    return "\n\n".join(printable_lines(one) for one in parts if one)


def printable_lines(text: str) -> str:
    """Text of several lines without what commands a terminal or can't stand in XML."""
    return "\n".join(printable(line) for line in text.split("\n"))


def day(moment: int) -> str:
    """`23 November 2026`, UTC."""
    told = datetime.fromtimestamp(moment // SECOND, UTC)
    return f"{told.day} {told:%B %Y}"


def clock(moment: int) -> str:
    """To the second, UTC."""
    return f"{datetime.fromtimestamp(moment // SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _summary(material: Material) -> str:
    kinds = ", ".join(one.replace("_", " ") for one in material.typologies) or "market abuse"
    span = day(material.first)
    if day(material.last) != span:
        span = f"{span} to {day(material.last)}"
    found = "what people found" if material.alerts else "a referral"
    if material.standing:
        found = plural(len(material.standing), "alert")
    return (
        f"This report concerns suspected {kinds} ({material.case_id}), {span}: {found} about "
        f"{plural(len(material.parties), 'party', 'parties')}."
    )


def _party(party: Party) -> str:
    named = [f"subject {party.key}"]
    if party.accounts:
        named.append(f"account {_some(party.accounts)}")
    if party.wallets:
        named.append(f"wallet {_some(party.wallets)}")
    if party.jurisdiction:
        named.append(f"jurisdiction {party.jurisdiction} as recorded")
    if party.accreditation:
        named.append(f"investor status {party.accreditation}")
    if party.cluster:
        named.append(f"of the cluster {party.cluster}, taken for one owner's")
    return ", ".join(named)[0].upper() + ", ".join(named)[1:] + "."


def _what(material: Material) -> str:
    said: list[str] = []
    if material.worth:
        worth = " and ".join(f"{number(v)} {currency}" for currency, v in material.worth.items())
        said.append(f"Trades and swaps worth {worth} in all.")
    if material.moved:
        moved = " and ".join(f"{number(amount)} {name}" for name, amount in material.moved.items())
        said.append(f"Transfers of {moved} in all.")
    counts = Counter(one.action.replace("-", " ") for one in material.events)
    if counts:
        told = ", ".join(f"{action} ({count:,})" for action, count in sorted(counts.items()))
        more = f", and {material.more_events:,} further events" if material.more_events else ""
        said.append(f"Events: {told}{more}.")
    return " ".join(said) or "No event could be found any more: see the alerts."


def _when(material: Material) -> str:
    return f"From {clock(material.first)} to {clock(material.last)}."


def _where(material: Material) -> str:
    said: list[str] = []
    for one in material.instruments:
        place = " on ".join(x for x in (one.name or one.symbol, one.venue or one.network) if x)
        more = [
            f"issuer {one.issuer}" if one.issuer else "",
            f"contract {one.token_address}" if one.token_address else "",
            f"offered under {one.classification}" if one.classification else "",
        ]
        told = ", ".join(x for x in more if x)
        said.append(f"{place}{f' ({told})' if told else ''}")
    return "; ".join(dict.fromkeys(said)) + "." if said else "Not told by the alerts."


def _why(material: Material) -> str:
    if not material.alerts:
        return f"No surveillance rule found it. The case was opened as: {material.title}."
    said = ["Surveillance rules found the following."] if material.standing else []
    said += [f"- {clock(one.time)}: {one.rule}: {one.reason}." for one in material.standing[:40]]
    left = len(material.standing) - 40
    if left > 0:
        said.append(f"- and {plural(left, 'further alert')}.")
    gone = len(material.alerts) - len(material.standing)
    if gone:
        hold = "holds and is" if gone == 1 else "hold and are"
        said.append(f"{plural(gone, 'alert')} of the case no longer {hold} left out.")
    return "\n".join(said)


def _how(material: Material, most: int) -> str:
    if not most or not material.events:
        return "See the attached timeline for every event."
    shown = _spread(material.events, most)
    said = [f"- {clock(one.time)}: {one.sentence}{_ids(one)}." for one in shown]
    left = len(material.events) + material.more_events - len(shown)
    if left:
        said.append(f"- and {plural(left, 'further event')} in the attached timeline.")
    return "\n".join(["In the order of time:", *said])


def _ids(event: EventFacts) -> str:
    named = [
        f"trade {event.trade_id}" if event.trade_id else "",
        f"transaction {event.transaction_hash}" if event.transaction_hash else "",
    ]
    told = ", ".join(one for one in named if one)
    return f" ({told})" if told else ""


def _evidence(material: Material) -> str:
    ids = ", ".join(one.id[:16] for one in material.standing[:20])
    what = f"alerts {ids}" if ids else "what is told above"
    said = (
        f"Evidence: {what}; kept whole with its raw messages and audit proofs, and exported "
        "on request."
    )
    if material.missing:
        gone = plural(len(material.missing), "alert or event", "alerts and events")
        said += f" {gone} could not be found any more."
    return said


def _some(names: Sequence[str]) -> str:
    left = len(names) - _MOST_NAMES
    told = ", ".join(names[:_MOST_NAMES])
    return told + (f" and {left:,} more" if left > 0 else "")


def _spread(events: Sequence[EventFacts], most: int) -> Sequence[EventFacts]:
    """The first and the last ones, which tell how it began and how it ended."""
    if len(events) <= most:
        return events
    return [*events[: most - most // 3], *events[-(most // 3) :]]
