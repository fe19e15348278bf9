"""The page of known cases, with what an analyst would attach to each: ``docs/known-cases.md``."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from demo.venue.clock import iso_time
from detections.market_replay.extent import Extent
from detections.market_replay.printed import printed
from detections.market_replay.recording import Recording, place_of
from detections.market_replay.suspects import Suspects
from evidence.sentences import sentence
from normalizer.events import Alert, MarketEvent, Record
from simulation.accuracy.offline import run, shipped_rules
from simulation.known_cases.case import KnownCase
from simulation.known_cases.false_orders import COSCIA, OYSTACHER, SARAO
from simulation.known_cases.prices import ATHENA, MANGO, SQUID, WAHI
from simulation.session import Session

CASES: tuple[KnownCase, ...] = (SARAO, COSCIA, OYSTACHER, ATHENA, MANGO, WAHI, SQUID)
#: Where the pictures lie, as the page says it.
PICTURES = "images/known-cases"
_MOST_ALERTS = 6

_HEAD = Path(__file__).with_name("page_head.md").read_text()


class Played(msgspec.Struct, kw_only=True):
    """A case and what came of it."""

    case: KnownCase
    session: Session
    alerts: list[Alert]
    """That find it: of its typologies, about a party to it, by score and time."""
    others: list[Alert]
    """About a party to it, of other typologies."""
    elsewhere: int
    """Suspicions about others."""
    events: int
    dead: int
    picture: str
    """The market around the first of them, as SVG; empty without any."""


def play(case: KnownCase) -> Played:
    """Play a case and run the shipped rules over it."""
    session = case.play()
    kept: list[Record] = []
    outcome = run(session, shipped_rules(), keep=kept.append)
    parties = {name for one in session.episodes for name in one.parties}
    about = [
        one for one in outcome.alerts if not parties.isdisjoint((*one.entities, *one.related_user))
    ]
    mine = [one for one in about if one.typology in case.typologies]
    mine.sort(key=lambda one: (-one.risk_score, one.timestamp, one.id))
    return Played(
        case=case,
        session=session,
        alerts=mine,
        others=[
            one
            for one in about
            if one.typology not in case.typologies and one.typology != "data_quality"
        ],
        elsewhere=sum(
            one.typology in case.typologies and one not in mine for one in outcome.alerts
        ),
        events=outcome.events,
        dead=outcome.dead,
        picture=_picture(mine[0], kept) if mine else "",
    )


def _picture(alert: Alert, events: Sequence[Record]) -> str:
    """The market that most of its evidence is of."""
    evidence = frozenset(alert.evidence_events)
    rests_on = [one for one in events if one.id in evidence]
    places = Counter(place for one in rests_on if (place := place_of(one)) is not None)
    since, until = Extent().of(
        [alert], in_pools=not any(isinstance(one, MarketEvent) for one in rests_on)
    )
    chosen = [place for place, _ in places.most_common(1)]
    recording = Recording(chosen, Suspects.of([alert]), since=since, until=until, say=sentence)
    for one in events:
        recording.take(one)
    return printed([alert], recording.finish())


def page(cases: Sequence[Played]) -> str:
    """All of them as Markdown."""
    rows = [
        f"| {one.case.title} | "
        + (f"found: {len(one.alerts)} alerts" if one.alerts else "**missed**")
        + f" | {one.alerts[0].risk_score if one.alerts else 0:.0f} |"
        for one in cases
    ]
    table = "\n".join(["| case | outcome | highest score |", "|---|---|---|", *rows])
    return "\n".join([_HEAD, table, "", *(_case(one) for one in cases)])


def _case(played: Played) -> str:
    case = played.case
    episode = played.session.episodes[0]
    parts = [
        f"## {case.title}\n",
        *(f"- {document}" for document in case.documents),
        "\n**The documents say**\n",
        *(f"- {fact}" for fact in case.told),
        "\n**Assumed**\n",
        *(f"- {fact}" for fact in case.assumed),
        "\n**Report**\n",
        f"Between {iso_time(episode.begin)} and {iso_time(episode.end)}, in {played.events:,} "
        f"events, about {', '.join(f'`{name}`' for name in episode.parties)}:\n",
    ]
    if played.picture:
        parts.append(
            f"![The market around the first alert]({PICTURES}/{case.name}.svg)\n\n"
            "The market around the first of these alerts, as `tapewatch market` draws it.\n"
        )
    else:
        parts.append("No shipped rule finds it.\n")
    parts += (_alert(alert) for alert in played.alerts[:_MOST_ALERTS])
    if len(played.alerts) > _MOST_ALERTS:
        parts.append(f"- and {len(played.alerts) - _MOST_ALERTS} more of the same kind\n")
    if played.others:
        counted: dict[str, int] = {}
        for alert in played.others:
            counted[alert.rule_name] = counted.get(alert.rule_name, 0) + 1
        told = "; ".join(f"{rule} ({count})" for rule, count in sorted(counted.items()))
        parts.append(f"Also about the same party: {told}.\n")
    if played.elsewhere:
        parts.append(
            f"{played.elsewhere} alerts of these kinds name somebody else, who is honest here.\n"
        )
    return "\n".join(parts)


def _alert(alert: Alert) -> str:
    note = " ".join((alert.rule_note or "").split())
    look = f" To look at: {note}" if note else ""
    return (
        f"- **{alert.rule_name}** ({alert.level}, score {alert.risk_score:.0f}, confidence "
        f"{alert.confidence:.2f}), completed at {iso_time(alert.timestamp)}: {alert.reason}. "
        f"Evidence: {len(alert.evidence_events)} events.{look}\n"
    )
