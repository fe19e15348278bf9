"""A report in words and tables, for all its forms: what figures come to, section by section."""

from datetime import date, datetime

from msgspec import Struct, field

from evidence.reports.charts import Chart, ages_chart, changes_chart, days_chart, outcomes_chart
from evidence.reports.figures import CaseFigures, Change, Figures, RuleFigures
from pipeline.page.words import plural
from pipeline.time_zones import time_zone
from pipeline.units import DAY, HOUR, MINUTE, SECOND

#: Rules, assets and reasons of a table; the others are counted.
MOST_ROWS = 60


class Table(Struct, frozen=True, kw_only=True):
    """A table; `numbers` are the columns of numbers, from 0."""

    title: str
    heads: list[str]
    rows: list[list[str]]
    numbers: tuple[int, ...] = ()


class Section(Struct, frozen=True, kw_only=True):
    """A part of the report."""

    name: str
    title: str
    said: list[str] = field(default_factory=list[str])
    charts: list[Chart] = field(default_factory=list[Chart])
    tables: list[Table] = field(default_factory=list[Table])


def title_of(figures: Figures) -> str:
    """`Weekly summary`, `Monthly compliance report`."""
    return "Weekly summary" if figures.kind == "weekly" else "Monthly compliance report"


def span_of(figures: Figures) -> str:
    """`23 to 29 November 2026`, `November 2026`."""
    first, last = date.fromisoformat(figures.first), date.fromisoformat(figures.last)
    if figures.kind == "monthly":
        return f"{first:%B %Y}"
    if first.month == last.month:
        return f"{first.day} to {last.day} {last:%B %Y}"
    begins = f"{first.day} {first:%B}" + ("" if first.year == last.year else f" {first.year}")
    return f"{begins} to {last.day} {last:%B %Y}"


def lead_of(figures: Figures) -> str:
    """The report in a sentence or two."""
    than = _than(figures)
    severe = sum(one.now for one in figures.by_level[:2])
    said = f"{plural(figures.alerts.now, 'alert')}, {_against(figures.alerts, than)}; "
    said += f"{severe:,} of them high or critical."
    if figures.cases is not None:
        cases = figures.cases
        said += (
            f" {plural(cases.opened.now, 'case')} opened and {cases.closed.now:,} closed; "
            f"{cases.open.now:,} open at the end."
        )
    if any(one.gaps for one in figures.sources):
        said += f" {plural(sum(one.gaps for one in figures.sources), 'gap')} in the feeds."
    return said


def tiles_of(figures: Figures) -> list[tuple[str, str]]:
    """The few numbers at the top."""
    found = [
        ("alerts", f"{figures.alerts.now:,}"),
        (f"{_than(figures)}", f"{figures.alerts.before:,}"),
        ("high or critical", f"{sum(one.now for one in figures.by_level[:2]):,}"),
    ]
    if figures.cases is not None:
        found += [
            ("open cases", f"{figures.cases.open.now:,}"),
            ("median time to close", _span(figures.cases.median_to_close)),
        ]
    found.append(("feed gaps", f"{sum(one.gaps for one in figures.sources):,}"))
    return found


def sections_of(figures: Figures) -> list[Section]:
    """All parts, in their order."""
    return [
        _alerts(figures),
        _rules(figures),
        *_cases(figures),
        _transfers(figures),
        _sanctions(figures),
        _changes(figures),
        _coverage(figures),
        _retractions(figures),
        _basis(figures),
    ]


def _alerts(figures: Figures) -> Section:
    than = _than(figures)
    charts = [
        days_chart(figures),
        changes_chart("typologies", "Alerts by kind of abuse", _worded(figures.by_typology), than),
        changes_chart("assets", "Alerts by asset", figures.by_asset, than),
    ]
    said = [] if figures.alerts.now else ["No alert in this period."]
    if figures.staged.now or figures.staged.before:
        said.append(
            f"Rules on trial gave {plural(figures.staged.now, 'further alert')} "
            f"({figures.staged.before:,} {than}), which are not counted here."
        )
    return Section(
        name="alerts",
        title="Alerts",
        said=said,
        charts=[one for one in charts if one is not None],
        tables=[
            _changed("By level", "Level", figures.by_level, than),
            _changed("By kind of abuse", "Kind", _worded(figures.by_typology), than),
            _changed("By asset", "Asset", figures.by_asset, than),
        ],
    )


def _rules(figures: Figures) -> Section:
    shown = figures.rules[:MOST_ROWS]
    said = [] if shown else ["No rule alerted, in this period or the one before."]
    if len(figures.rules) > len(shown):
        said.append(f"The first {len(shown)} of {len(figures.rules):,} rules with alerts.")
    rows = [
        [
            one.name + (" (on trial)" if one.staged else ""),
            _word(one.typology),
            one.level,
            f"{one.now:,}",
            f"{one.before:,}",
            _signed(one.now - one.before),
            f"{one.retracted:,}",
        ]
        for one in shown
    ]
    heads = ["Rule", "Kind", "Level", "Alerts", _than(figures), "Change", "Retracted"]
    table = Table(title="Alerts by rule", heads=heads, rows=rows, numbers=(3, 4, 5, 6))
    return Section(name="rules", title="Rules", said=said, tables=[table])


def _cases(figures: Figures) -> list[Section]:
    cases = figures.cases
    if cases is None:
        return []
    than = _than(figures)
    eyes = (
        f"{cases.four_eyes_kept:,} of {plural(cases.four_eyes, 'closed case')} that need a second "
        "person had one."
        if cases.four_eyes
        else "No closed case needed a second person."
    )
    times = (
        f"From opening to closing: {_span(cases.median_to_close)} in the middle, "
        f"{_span(cases.slowest_to_close)} at most."
        if cases.closed.now
        else "No case was closed."
    )
    oldest = f"The oldest open case is {_span(cases.oldest)} old." if cases.oldest else ""
    rows = [cases.opened, cases.closed, cases.open]
    chart = ages_chart(cases.ages)
    return [
        Section(
            name="cases",
            title="Cases",
            said=[
                times,
                *([oldest] if oldest else []),
                eyes,
                f"{plural(cases.reopened, 'case was', 'cases were')} reopened; "
                f"{plural(cases.escalated, 'escalation')}.",
            ],
            charts=[chart] if chart is not None else [],
            tables=[
                _changed("Opened, closed, open", "Cases", rows, than),
                _changed("Open at the end, by level", "Level", cases.open_by_level, than),
                Table(
                    title="Open by age",
                    heads=["Age", "Cases"],
                    rows=[[name, f"{count:,}"] for name, count in cases.ages],
                    numbers=(1,),
                ),
                Table(
                    title="Closed, by reason code",
                    heads=["Reason code", "Cases"],
                    rows=[[code, f"{count:,}"] for code, count in cases.resolutions],
                    numbers=(1,),
                ),
            ],
        ),
        _outcomes(cases),
    ]


def _outcomes(cases: CaseFigures) -> Section:
    chart = outcomes_chart(cases.outcomes)
    rows = [
        [
            one.name,
            f"{one.judged:,}",
            f"{one.without_breach:,}",
            "–" if one.share is None else f"{100 * one.share:.0f} %",
            ", ".join(f"{code} {count:,}" for code, count in one.reasons.items()),
        ]
        for one in cases.outcomes[:MOST_ROWS]
    ]
    said = [
        "Of alerts in cases that were closed in this period: an alert has the reason code of its "
        "case. False positives are no-breach, false-positive, explained and data-error; duplicates "
        "and retracted alerts count neither way."
    ]
    if not rows:
        said = ["No case with a reason code was closed, so nothing can be said of false positives."]
    heads = ["Rule", "Judged", "False positives", "Share", "Reason codes"]
    table = Table(title="False positives by rule", heads=heads, rows=rows, numbers=(1, 2, 3))
    return Section(
        name="false-positives",
        title="False positives",
        said=said,
        charts=[chart] if chart is not None else [],
        tables=[table] if rows else [],
    )


def _transfers(figures: Figures) -> Section:
    refused = sum(one.now for one in figures.refusals)
    breaches = sum(one.now for one in figures.breaches)
    said = [
        f"{plural(breaches, 'alert')} of rules on transfer restrictions and offering terms; tokens "
        f"refused {plural(refused, 'transfer')}."
    ]
    than = _than(figures)
    rows = [
        [one.token, one.reason, f"{one.now:,}", f"{one.before:,}"]
        for one in figures.refusals[:MOST_ROWS]
    ]
    heads = ["Token", "Reason", "Refused", than]
    tables = [_breaches("Breaches by rule", figures.breaches, than)] if figures.breaches else []
    if rows:
        tables.append(Table(title="Refused transfers", heads=heads, rows=rows, numbers=(2, 3)))
    return Section(
        name="transfers", title="Breaches of transfer restrictions", said=said, tables=tables
    )


def _sanctions(figures: Figures) -> Section:
    found = sum(one.now for one in figures.sanctions)
    said = f"{plural(found, 'alert')} on sanctioned or high-risk parties."
    tables = [_breaches("By rule", figures.sanctions, _than(figures))] if found else []
    return Section(name="sanctions", title="Sanctions", said=[said], tables=tables)


def _breaches(title: str, rules: list[RuleFigures], than: str) -> Table:
    rows = [
        [one.name, one.level, f"{one.now:,}", f"{one.before:,}", f"{one.retracted:,}"]
        for one in rules[:MOST_ROWS]
    ]
    heads = ["Rule", "Level", "Alerts", than, "Retracted"]
    return Table(title=title, heads=heads, rows=rows, numbers=(2, 3, 4))


def _changes(figures: Figures) -> Section:
    names = {one.id: one.name for one in figures.rules}
    rows = [
        [
            moment_told(one.time, figures.zone),
            one.who or "–",
            one.why or "–",
            "; ".join(
                f"{word} {', '.join(names.get(rule, rule) for rule in rules[:20])}"
                + (f" and {len(rules) - 20:,} more" if len(rules) > 20 else "")
                for word, rules in (
                    ("added", one.added), ("changed", one.changed), ("removed", one.removed)
                )
                if rules
            )
            or "the same rules by another hash",
            one.rules[:16],
        ]
        for one in figures.rule_changes[:MOST_ROWS]
    ]  # fmt: skip
    said = [] if rows else ["No other rules came into force."]
    heads = ["When", "Who", "Why", "What", "Rule set"]
    tables = [Table(title="Changes of rules", heads=heads, rows=rows)] if rows else []
    return Section(name="rule-changes", title="Changes of rules in force", said=said, tables=tables)


def _coverage(figures: Figures) -> Section:
    than = _than(figures)
    rows = [
        [
            one.provider,
            f"{one.events:,}",
            f"{one.before:,}",
            f"{one.silent_days:,}",
            f"{one.gaps:,}",
            f"{one.reorganisations:,}",
            f"{one.unsure:,}",
        ]
        for one in figures.sources
    ]
    heads = ["Source", "Events", than, "Silent days", "Gaps", "Reorganisations", "Unsure alerts"]
    said = [
        f"{plural(figures.unsure.now, 'alert is', 'alerts are')} unsure "
        f"({figures.unsure.before:,} {than}): a feed had a gap in the time that they rest on."
    ]
    tables = [Table(title="Sources", heads=heads, rows=rows, numbers=(1, 2, 3, 4, 5, 6))]
    gaps = [
        [moment_told(one.time, figures.zone), one.provider, one.instrument, one.reason or "–"]
        for one in figures.gaps
    ]
    if gaps:
        more = f", the first {len(gaps):,}" if figures.more_gaps else ""
        tables.append(
            Table(title=f"Gaps{more}", heads=["When", "Source", "Instrument", "Reason"], rows=gaps)
        )
    return Section(name="coverage", title="Coverage", said=said, tables=tables if rows else [])


def _retractions(figures: Figures) -> Section:
    rows = [
        [moment_told(one.time, figures.zone), one.rule, one.status, one.reason, one.alert[:16]]
        for one in figures.retractions
    ]
    said = [] if rows else ["No alert was retracted or amended."]
    heads = ["When", "Rule", "Status", "Why", "Alert"]
    tables = (
        [Table(title="Retracted, reinstated and amended", heads=heads, rows=rows)] if rows else []
    )
    return Section(name="retractions", title="Retractions", said=said, tables=tables)


def _basis(figures: Figures) -> Section:
    said = [
        f"Made of {figures.source}, by event time; cases by the time at which something was done. "
        f"Days begin at midnight in {figures.zone}. The report names no investor, account or "
        "wallet.",
        *figures.lacking,
        "Every document could be read."
        if not figures.unreadable
        else f"{plural(len(figures.unreadable), 'document')} could not be read: "
        + "; ".join(figures.unreadable[:5]),
    ]
    return Section(name="basis", title="What this report rests on", said=said)


def moment_told(moment: int, zone: str) -> str:
    """To the second, in the report's time zone."""
    told = datetime.fromtimestamp(moment // SECOND, time_zone(zone))
    return f"{told:%Y-%m-%d %H:%M:%S}"


def _changed(title: str, head: str, rows: list[Change], than: str) -> Table:
    shown = [
        [one.name, f"{one.now:,}", f"{one.before:,}", _signed(one.now - one.before)]
        for one in rows[:MOST_ROWS]
    ]
    heads = [head, "Now", than, "Change"]
    return Table(title=title, heads=heads, rows=shown, numbers=(1, 2, 3))


def _than(figures: Figures) -> str:
    return "week before" if figures.kind == "weekly" else "month before"


def _against(change: Change, than: str) -> str:
    by = change.now - change.before
    if not by:
        return f"as many as the {than}"
    return f"{abs(by):,} {'more' if by > 0 else 'fewer'} than the {than}"


def _signed(by: int) -> str:
    return f"{by:+,}" if by else "0"


def _word(typology: str) -> str:
    return typology.replace("_", " ")


def _worded(rows: list[Change]) -> list[Change]:
    return [Change(_word(one.name), one.now, one.before) for one in rows]


def _span(nanoseconds: int | None) -> str:
    """`3 d 4 h`, `5 h 20 min`, `12 min`; a dash where there is none."""
    if nanoseconds is None:
        return "–"
    days, rest = divmod(max(0, nanoseconds), DAY)
    hours, rest = divmod(rest, HOUR)
    if days:
        return f"{days:,} d {hours} h"
    return f"{hours} h {rest // MINUTE} min" if hours else f"{rest // MINUTE} min"
