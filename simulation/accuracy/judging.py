"""Alerts of one session against its truth."""

from collections.abc import Mapping

import msgspec

from normalizer.events import Alert
from simulation.accuracy.meant_for import EARLY_WARNINGS, FACTS
from simulation.session import Session
from simulation.truth import Episode

#: What is measured: suspicions of market abuse, and breaches of an offering's terms. Rules that
#: tell facts (a large transfer, a mint, a wallet without identity) and broken feeds are none.
MEASURED = frozenset(
    {
        "wash_trading",
        "spoofing",
        "layering",
        "quote_stuffing",
        "pinging",
        "momentum_ignition",
        "ramping",
        "marking_the_close",
        "pump_and_dump",
        "liquidity_removal",
        "cross_market",
        "oracle_manipulation",
        "oracle_deviation",
        "insider_dealing",
        "front_running",
        "concentration",
        "structuring",
        "price_and_volume",
        "novelty",
        "offering_rules",
    }
)
#: Rules that are suspicions though others of their typology tell facts, by name.
SUSPICIONS = frozenset(
    {
        "Minted, and sold within a day",
        "Past transfers with an address that is sanctioned now",
        "Transfer with a jurisdiction under embargo or a call for action",
        "Rule 506(c) token issued to an investor who is not accredited",
    }
)
#: Alerts of these are about an instrument, whoever moved it: they belong to an episode by time.
_BY_TIME = frozenset({"price_and_volume", "oracle_deviation"})
#: The same, but only of an abuse that is of this kind: a pump is told of by whoever bought in it.
_OF_INSTRUMENT = frozenset({"pump_and_dump"})
#: Rules that name no party at all, only markets: of an abuse of another kind whose moves they may
#: tell of they are related by time, and never a hit.
NAMELESS = frozenset(
    {
        "A token moved oddly on several markets at once",
        "A rush of purchases drives a price up",
        "A price driven up by a rush of purchases fell back",
        "Far more was traded than usual just before a reference time, and the price went with it",
        "The price moved oddly just before a reference time",
        "Much was traded on one side right after the open, and the price went far",
        "A price that goes one way, step by step, for hours",
    }
)
#: Rules about what was said in public, which no feed of a venue has: an organiser's call is his own
#: act, whatever the venue tells of accounts.
OF_TALK = frozenset({"A call to buy at once", "Far more is said of an asset than usual"})
#: Rules about all of a market's trades, which name nobody: of abuses that make up most of these,
#: by time, whatever a feed tells of accounts.
OF_VOLUME = {"Sizes of a day's trades look made up": frozenset({"made-up-sizes"})}


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: `hit` of the episode's own kind, `related` of one that the same acts also are,
    `false` else."""

    rule: str
    typology: str
    level: str
    score: float
    confidence: float
    verdict: str
    seconds: float | None = None
    """From the episode's beginning to the alert's last event."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One episode, and what came of it."""

    abuse: str
    intensity: float
    seconds: float | None
    """Until the first hit; None: missed."""
    related: bool
    """Whether at least a related alert came."""
    rules: tuple[str, ...]
    """Rules that hit, by name."""
    told_by: tuple[str, ...] = ()
    """Rules of which an alert is a hit, or related."""


class Verdicts(msgspec.Struct, kw_only=True):
    """A session's."""

    alerts: list[Judged]
    episodes: list[Found]


def judge(session: Session, alerts: list[Alert], counts: Mapping[str, tuple[str, ...]]) -> Verdicts:
    """Judge the alerts that are measured. `counts`: an abuse's typologies that are a hit."""
    judged: list[Judged] = []
    first: dict[int, float] = {}
    rules: dict[int, set[str]] = {}
    related: set[int] = set()
    told_by: dict[int, set[str]] = {}
    evidence = [
        frozenset(session.evidence.get(f"{one.abuse}-{number}", ()))
        for number, one in enumerate(session.episodes, 1)
    ]
    for alert in alerts:
        typology = alert.typology or ""
        if typology not in MEASURED and alert.rule_name not in SUSPICIONS:
            continue  # neither right nor wrong: a fact that belongs to an abuse finds nothing
        if alert.rule_name in EARLY_WARNINGS or alert.rule_name in FACTS:
            continue  # a fact as well: nothing is broken yet
        verdict, took = "false", None
        for place, episode in enumerate(session.episodes):
            if not _about(alert, episode, evidence[place], public=session.public):
                continue
            counted = typology in counts[episode.abuse]
            if counted and _may_find(alert, episode, evidence[place], public=session.public):
                took = max(0.0, (alert.timestamp - (episode.onset or episode.begin)) / 1e9)
                first[place] = min(first.get(place, took), took)
                rules.setdefault(place, set()).add(alert.rule_name)
                verdict = "hit"
            elif counted or typology in episode.accepted:
                related.add(place)
                verdict = verdict if verdict == "hit" else "related"
            else:
                continue
            told_by.setdefault(place, set()).add(alert.rule_name)
        judged.append(
            Judged(
                rule=alert.rule_name,
                typology=typology,
                level=alert.level,
                score=float(alert.risk_score),
                confidence=alert.confidence,
                verdict=verdict,
                seconds=took,
            )
        )
    return Verdicts(
        alerts=judged,
        episodes=[
            Found(
                abuse=one.abuse,
                intensity=one.intensity,
                seconds=first.get(place),
                related=place in related,
                rules=tuple(sorted(rules.get(place, ()))),
                told_by=tuple(sorted(told_by.get(place, ()))),
            )
            for place, one in enumerate(session.episodes)
        ],
    )


def _about(alert: Alert, episode: Episode, evidence: frozenset[str], *, public: bool) -> bool:
    if public and not evidence.isdisjoint(alert.evidence_events):
        return True
    begin = alert.timestamp if alert.created is None else alert.created
    end = alert.timestamp if alert.ended is None else alert.ended
    if max(end, alert.timestamp) < episode.begin or begin > episode.end + episode.tail:
        return False
    if alert.typology in _BY_TIME:
        return True
    if alert.rule_name in OF_VOLUME:
        return alert.typology == episode.typology
    if _of_moves(alert, episode):
        return True
    if alert.typology in _OF_INSTRUMENT and alert.typology == episode.typology:
        return max(end, alert.timestamp) >= (episode.onset or episode.begin)
    # Who is in its evidence only, since he traded with whom it accuses, is not accused.
    return not public and not set(episode.parties).isdisjoint(alert.entities)


def _may_find(alert: Alert, episode: Episode, evidence: frozenset[str], *, public: bool) -> bool:
    """Whether it is a hit where its typology is: on a feed that names nobody only what rests on the
    abuser's own acts, though moves that others made for him belong to his abuse by their time."""
    if (abuses := OF_VOLUME.get(alert.rule_name)) is not None:
        return episode.abuse in abuses
    if public and alert.rule_name not in OF_TALK:
        return not evidence.isdisjoint(alert.evidence_events)
    return not _of_moves(alert, episode)


def _of_moves(alert: Alert, episode: Episode) -> bool:
    """Whether it only tells how markets moved, and the abuse isn't that they did."""
    if alert.rule_name not in NAMELESS:
        return False
    return alert.typology not in _OF_INSTRUMENT or alert.typology != episode.typology
