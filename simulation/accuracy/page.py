"""The page: ``docs/accuracy.md``."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from detections.proportions import Interval
from simulation.accuracy.alone import Alone
from simulation.accuracy.meant_for import UNMEASURED
from simulation.accuracy.plan import FIRST_PUBLISHED_SEED, MEDIUM
from simulation.accuracy.reliability_page import sections
from simulation.accuracy.summary import LEVELS, OfAbuse, OfMarket, OfRule, Recall, Summary

_BARS = "·▁▂▃▄▅▆▇█"
WANTED_RECALL, WANTED_PRECISION, WANTED_HIGH = 0.95, 0.9, 1.0
"""What issue 7 asks for: at medium intensity, and high alerts per million honest events."""

_HEAD, _FOOT = (
    Path(__file__).with_name(name).read_text() for name in ("page_head.md", "page_foot.md")
)


def render(summary: Summary, seconds: float) -> str:
    """The page as Markdown."""
    parts = [
        _HEAD.format(seed=f"{FIRST_PUBLISHED_SEED:,}"),
        f"This run: {summary.sessions} sessions, {summary.events:,} events, {summary.dead} dead "
        f"letters, {summary.failures} failures of rules, in {seconds / 60:.0f} minutes.\n",
        "## In short\n\n" + "\n".join(_short(summary)) + "\n",
        "## Found at medium intensity, with accounts\n",
        _table(
            ("abuse", "typology", "episodes", "recall", "time to detect", "precision", "weak"),
            (_medium(one) for one in summary.abuses),
        ),
        "`related`: missed episodes that alerts of another, fitting typology tell of.\n",
        "## Recall against intensity\n",
        "Bars and percent at intensities 0, 0.25, 0.5, 0.75 and 1.\n",
        _table(
            ("abuse", "curve", "0", "¼", "½", "¾", "1", "after"),
            (_curve(one) for one in summary.abuses),
        ),
        "## Without accounts\n",
        "Public feeds carry none. The same abuses on Coinbase's full channel, at medium "
        "intensity:\n",
        _table(
            ("abuse", "episodes", "recall", "time to detect", "precision"),
            (
                (
                    one.name,
                    str(one.public.episodes),
                    _percent(one.public.recall),
                    _duration(one.public_seconds),
                    _percent(one.public_precision),
                )
                for one in summary.abuses
                if one.public is not None
            ),
        ),
        "What is found there are leads: alerts that name a market and nobody, of a low or medium "
        "level. Many ask for a pattern, so the first of several episodes may be told with the "
        "second.\n",
        "Wash trading in its forms, insider dealing and execution at another venue can't be told "
        "without accounts; these are left out.\n",
        "## False alerts in honest markets\n",
        _markets(summary.markets),
        "## False alerts on real recordings\n",
        "All that happened in them is presumed to be honest; nobody knows.\n"
        if summary.recordings
        else "The recordings (`../shared/data`) were not there in this run.\n",
        _markets(summary.recordings),
        "## By rule\n",
        "Right and false alerts in sessions with abuse of medium and higher intensity; and alerts "
        "in honest sessions of all simulated markets with accounts.\n",
        _table(
            ("rule", "typology", "right", "false", "precision", "honest", "per million"),
            (_rule(one) for one in summary.rules),
        ),
        "## Each correlator by itself\n",
        "What the rules of one correlator find of the abuses that they are meant for, without all "
        "other rules, at medium intensity; `together` is what all rules find of the same.\n",
        _table(
            ("correlator", "rules", "for", "episodes", "recall", "precision", "together", "weak"),
            (_correlator(one) for one in summary.correlators),
        ),
        "## Each rule by itself\n",
        "An abuse is mostly told of by several rules. Here is what each rule with a correlator "
        "finds by itself of the abuses that it is meant for, at medium intensity; `together` is "
        "what all rules find of the same. Rules that share an abuse among them each tell of their "
        "own part of it.\n",
        _table(
            ("rule", "for", "episodes", "recall", "precision", "together", "weak"),
            (_by_itself(one) for one in summary.alone),
        ),
        "Without such a measure: "
        + "; ".join(f"{rule} ({why})" for rule, why in UNMEASURED.items())
        + ".\n",
        "## Calibration of the score\n",
        "How many alerts of each score were right, over all simulated sessions. A score is "
        "severity weighted with confidence, so a rule of a low level never scores high, however "
        "right it is.\n",
        _table(
            ("score", "alerts", "right"),
            (
                (f"{one.low:.0f} to {one.high:.0f}", str(one.alerts), _percent(one.right))
                for one in summary.calibration
                if one.alerts
            ),
        ),
        *sections(summary.reliability),
        "## What each abuser does\n",
        _table(
            ("abuse", "market", "after"),
            ((one.name, one.market, one.source) for one in summary.abuses),
        ),
        _FOOT,
    ]
    return "\n".join(part for part in parts if part)


def _short(summary: Summary) -> Iterable[str]:
    reached = [one for one in summary.abuses if _reaches(one)]
    yield (
        f"- {len(reached)} of {len(summary.abuses)} abuses are found with a recall of at least "
        f"{WANTED_RECALL:.0%} and a precision of at least {WANTED_PRECISION:.0%} at medium "
        "intensity."
    )
    weak = [one.name for one in summary.abuses if not _reaches(one)]
    if weak:
        yield f"- Below that: {', '.join(weak)}."
    sure, all_of = _sure(summary.correlators)
    yield (
        f"- {sure} of {all_of} correlators reach both [by themselves](#each-correlator-by-itself), "
        "without what other rules find."
    )
    sure, all_of = _sure(summary.alone)
    yield (
        f"- {sure} of {all_of} rules with a correlator reach both "
        "[by themselves](#each-rule-by-itself)."
    )
    for one in (*summary.markets, *summary.recordings):
        if one.high is not None and one.high.value > WANTED_HIGH:
            yield (
                f"- On {one.name} {one.high.value:,.0f} high alerts come per million honest "
                "events; one was the aim."
            )


def _sure(alone: Sequence[Alone]) -> tuple[int, int]:
    """How many reach both, of how many."""
    return sum(not _weak(one.recall, one.precision) for one in alone), len(alone)


def _reaches(one: OfAbuse) -> bool:
    return not _weak(one.medium.recall, one.precision)


def _weak(recall: Interval | None, precision: Interval | None) -> str:
    weak: list[str] = []
    if recall is None or recall.value < WANTED_RECALL:
        weak.append("recall")
    if precision is None or precision.value < WANTED_PRECISION:
        weak.append("precision" if precision is not None else "no alert")
    return ", ".join(weak)


def _medium(one: OfAbuse) -> tuple[str, ...]:
    related = f"; {one.related_only} related" if one.related_only else ""
    return (
        one.name,
        one.typology,
        f"{one.medium.found} of {one.medium.episodes}{related}",
        _percent(one.medium.recall),
        _duration(one.seconds),
        _percent(one.precision),
        _weak(one.medium.recall, one.precision),
    )


def _correlator(one: Alone) -> tuple[str, ...]:
    name, *others = _by_itself(one)
    return (f"`{name}`", str(one.rules), *others)


def _by_itself(one: Alone) -> tuple[str, ...]:
    return (
        one.name.replace("|", "/"),
        ", ".join(one.abuses) + (", without accounts" if one.public else ""),
        f"{one.found} of {one.episodes}",
        _percent(one.recall),
        _percent(one.precision),
        f"{one.together} of {one.episodes}",
        _weak(one.recall, one.precision),
    )


def _curve(one: OfAbuse) -> tuple[str, ...]:
    by_intensity = {recall.intensity: recall for recall in one.curve}
    shown = [by_intensity.get(intensity) for intensity in (0.0, 0.25, MEDIUM, 0.75, 1.0)]
    bars = "".join(_bar(recall) for recall in shown)
    return (one.name, f"`{bars}`", *(_short_percent(recall) for recall in shown), one.source)


def _bar(recall: Recall | None) -> str:
    if recall is None or recall.recall is None:
        return " "
    return _BARS[round(recall.recall.value * (len(_BARS) - 1))]


def _short_percent(recall: Recall | None) -> str:
    return "–" if recall is None or recall.recall is None else f"{recall.recall.value:.0%}"


def _rule(one: OfRule) -> tuple[str, ...]:
    return (
        one.rule.replace("|", "/"),
        one.typology,
        str(one.right),
        str(one.false),
        _percent(one.precision),
        str(one.honest),
        _rate(one.per_million),
    )


def _markets(markets: Sequence[OfMarket]) -> str:
    return _table(
        (
            "market",
            "sessions",
            "events",
            "days",
            " / ".join(LEVELS[1:4]),
            "high per million",
            "all per million",
            "mostly",
        ),
        (
            (
                one.name,
                str(one.sessions),
                f"{one.events:,}",
                f"{one.days:.2f}",
                " / ".join(
                    str(count) for count in (one.counts[0] + one.counts[1], *one.counts[2:4])
                ),
                _rate(one.high),
                _rate(one.all),
                "; ".join(f"{rule}: {count}" for rule, count in one.worst) or "–",
            )
            for one in markets
        ),
    )


def _percent(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    return f"{interval.value:.0%} ({interval.low:.0%} to {interval.high:.0%})"


def _rate(interval: Interval | None) -> str:
    if interval is None:
        return "–"
    return f"{interval.value:,.1f} ({interval.low:,.1f} to {interval.high:,.1f})"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join(lines) + "\n"
