"""A backtest as a page: one file without scripts that loads nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.backtest_charts import alerts_chart, rules_chart
from pipeline.cli.backtest_page_rules import rules_section
from pipeline.cli.backtest_page_tables import heads, number_cell
from pipeline.cli.backtest_page_verdicts import comparison_section, labels_section
from pipeline.cli.backtest_sweep_charts import sweep_charts
from pipeline.cli.backtest_text import score_cells
from pipeline.cli.backtest_words import (
    doubts,
    moment_text,
    rate_text,
    rounded,
    span_text,
)
from pipeline.page.layout import page, tiles
from pipeline.page.markup import Html, el
from pipeline.page.words import plural, ratio

if TYPE_CHECKING:
    from detections.backtest.result import Backtest, SweepOutcome

_STYLE = Path(__file__).with_name("backtest.css")


def render_page(result: "Backtest") -> str:
    """The page as text."""
    return page(
        f"Tapewatch: backtest of {plural(result.events.read, 'event')}",
        _top(result),
        el(
            "main",
            _time(result),
            rules_section(result),
            labels_section(result.labels) if result.labels is not None else None,
            comparison_section(result.comparison) if result.comparison is not None else None,
            _sweep(result.sweep) if result.sweep is not None else None,
            _entities(result),
            _exceptions(result),
            _problems(result),
        ),
        _foot(),
        style=_STYLE.read_text(encoding="utf-8"),
    )


def _top(result: "Backtest") -> Html:
    events = result.events
    alerting = sum(1 for one in result.rules if one.alerts)
    loud = sum(1 for one in result.rules if not one.silent)
    when = (
        ""
        if events.first is None or events.last is None
        else f" of {span_text(events.seconds)}, from {moment_text(events.first)} to "
        f"{moment_text(events.last)} UTC"
    )
    numbers = [
        ("events", f"{events.read:,}"),
        ("alerts", f"{result.alerts:,}"),
        ("rules with alerts", f"{alerting:,} of {loud:,}"),
    ]
    if result.per_day is not None:
        numbers.insert(2, ("alerts a day", rounded(result.per_day)))
    if result.labels is not None:
        score = result.labels.score
        numbers += [("precision", ratio(score.precision)), ("recall", ratio(score.recall))]
    return el(
        "header",
        el("p", "Tapewatch · backtest", class_="brand"),
        el("h1", _headline(result)),
        el("p", f"{plural(events.read, 'event')}{when}, out of {result.source}.", class_="lead"),
        *(el("p", f"{text}.", class_="lead") for text in (*doubts(events), *result.notes)),
        tiles(*numbers),
        class_="top",
    )


def _headline(result: "Backtest") -> str:
    if not result.alerts:
        return "No rule would have alerted"
    rate = "" if result.per_day is None else f", {rate_text(result.per_day)}"
    return f"{plural(result.alerts, 'alert')}{rate}"


def _time(result: "Backtest") -> Html | None:
    charts = [chart for chart in (alerts_chart(result), rules_chart(result)) if chart is not None]
    return el("section", el("h2", "When"), *charts) if charts else None


def _sweep(sweep: "SweepOutcome") -> Html:
    scored = any(point.score is not None for point in sweep.points)
    rated = any(point.per_day is not None for point in sweep.points)
    names = [one.path for one in sweep.parameters] + ["Alerts"]
    names += ["A day"] if rated else []
    names += ["Precision", "Found", "Recall", "F1"] if scored else []
    rows: list[Html] = []
    for point in sweep.points:
        cells = [*point.values, f"{point.alerts:,}"]
        cells += [rounded(point.per_day or 0)] if rated else []
        cells += score_cells(point.score)[3:] if scored and point.score is not None else []
        now = el("strong", "now") if point.current else ""
        rows.append(el("tr", *(number_cell(cell) for cell in cells), el("td", now)))
    table = el(
        "table",
        el("thead", el("tr", *heads(*names, "", numbers_to=len(names)))),
        el("tbody", *rows),
    )
    return el(
        "section",
        el("h2", "Other values"),
        *sweep_charts(sweep),
        el(
            "details",
            el("summary", f"All {len(sweep.points):,} as a table"),
            el("div", table, class_="scroll"),
            attributes={"open": "open"} if len(sweep.parameters) > 2 else None,
        ),
    )


def _entities(result: "Backtest") -> Html | None:
    if not result.entities:
        return None
    most = result.entities[0].count
    rows = [
        el(
            "tr",
            el("td", el("code", one.name)),
            number_cell(f"{one.count:,}"),
            el(
                "td",
                el(
                    "span", class_="share", style=f"width:{max(1, round(260 * one.count / most))}px"
                ),
            ),
        )
        for one in result.entities
    ]
    return el(
        "section",
        el("h2", "Who alerts are about"),
        el(
            "table",
            el("thead", el("tr", *heads("Entity", "Alerts", "", numbers_from=1, numbers_to=2))),
            el("tbody", *rows),
            class_="entities",
        ),
    )


def _exceptions(result: "Backtest") -> Html | None:
    if not result.exceptions:
        return None
    rows = [
        el(
            "tr",
            el("td", one.reason, " ", el("span", one.place, class_="quiet")),
            el("td", one.owner),
            el("td", one.expires[:10], " (past)" if one.expired else "", class_="nowrap"),
            number_cell(f"{one.alerts:,}"),
        )
        for one in result.exceptions
    ]
    names = ("Exception", "Owner", "Expires", "Alerts held back")
    return el(
        "section",
        el("h2", "Exceptions"),
        el(
            "table",
            el("thead", el("tr", *heads(*names, numbers_from=3))),
            el("tbody", *rows),
        ),
    )


def _problems(result: "Backtest") -> Html | None:
    if not result.problems:
        return None
    dead = plural(result.events.dead, "line")
    failed = plural(result.rule_failures, "time")
    return el(
        "section",
        el("h2", "What went wrong"),
        el("p", f"{dead} no event; rules failed {failed}. The first {len(result.problems):,}:"),
        *(el("pre", problem) for problem in result.problems[:20]),
    )


def _foot() -> Html:
    return el(
        "footer",
        el(
            "p",
            "Times are event times in UTC. Rates are of days with events. An alert is right if a "
            "true label is about it, and a label is found if an alert belongs to it.",
        ),
    )
