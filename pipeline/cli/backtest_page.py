"""A backtest as a page: one file without scripts that loads nothing."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.backtest_charts import alerts_chart, rules_chart
from pipeline.cli.backtest_sweep_charts import sweep_charts
from pipeline.cli.backtest_text import score_cells, score_text
from pipeline.cli.backtest_words import (
    doubts,
    moment_text,
    quiet_differences,
    rate_text,
    rounded,
    short_name,
    span_text,
)
from pipeline.page.layout import page, tiles
from pipeline.page.markup import Html, el, join
from pipeline.page.words import plural, ratio

if TYPE_CHECKING:
    from detections.backtest.result import (
        Backtest,
        Comparison,
        Example,
        LabelOutcome,
        LabelText,
        RuleDifference,
        RuleOutcome,
        SweepOutcome,
    )

_STYLE = Path(__file__).with_name("backtest.css")
_MOST_QUIET = 200


def render_page(result: "Backtest") -> str:
    """The page as text."""
    return page(
        f"Tapewatch: backtest of {plural(result.events.read, 'event')}",
        _top(result),
        el(
            "main",
            _time(result),
            _rules(result),
            _labels(result.labels) if result.labels is not None else None,
            _comparison(result.comparison) if result.comparison is not None else None,
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


def _rules(result: "Backtest") -> Html:
    rated, labelled = result.per_day is not None, result.labels is not None
    names = ["Rule", "Typology", "Level", "Alerts"]
    names += ["A day"] if rated else []
    names += ["Right", "Wrong", "Open", "Precision"] if labelled else []
    rows = [_rule(one, rated=rated, labelled=labelled) for one in result.rules if one.alerts]
    quiet = [one for one in result.rules if not one.alerts]
    table = el(
        "div",
        el(
            "table",
            el("thead", el("tr", *_heads(*names, numbers_from=3, numbers_to=len(names)))),
            el("tbody", *rows),
            class_="rules",
        ),
        class_="scroll",
    )
    return el(
        "section",
        el("h2", "Which rules"),
        table if rows else el("p", "None alerted."),
        _quiet(quiet),
    )


def _rule(one: "RuleOutcome", *, rated: bool, labelled: bool) -> Html:
    staged = el("span", "staged", class_="tag") if one.staged else None
    cells: list[Html] = [
        el(
            "td",
            staged,
            el("strong", one.title),
            el("div", one.file, *_most_often(one), class_="quiet file"),
            _examples(one),
        ),
        el("td", one.typology.replace("_", " ")),
        el("td", one.level),
        _number(f"{one.alerts:,}"),
    ]
    if rated:
        cells.append(_number(rounded(one.per_day or 0)))
    if labelled and one.score is not None:
        score = one.score
        counts = (score.right, score.wrong, score.unlabelled)
        cells += [_number(f"{count:,}") for count in counts]
        cells.append(_number(ratio(score.precision)))
    return el("tr", *cells)


def _examples(one: "RuleOutcome") -> Html:
    said = "The alert" if one.alerts == 1 else f"The first {len(one.examples):,}"
    return el("details", el("summary", said), _alerts(one.examples))


def _most_often(one: "RuleOutcome") -> list[Html | str]:
    if not one.entities:
        return []
    first = one.entities[0]
    others = one.different_entities - 1
    share = f" ({ratio(first.count / one.alerts)})" + (
        f", {plural(others, 'other')}" if others else ""
    )
    name = el("code", short_name(first.name), title=first.name)
    return [el("br"), "most often about ", name, share]


def _alerts(examples: "Sequence[Example]", word: str = "") -> Html:
    marks = {True: "right", False: "wrong", None: None}
    return el(
        "ul",
        *(
            el(
                "li",
                el("span", word, class_="tag") if word else None,
                el("span", marks[one.right], class_="tag") if marks[one.right] else None,
                el("time", moment_text(one.time), datetime=one.time),
                one.reason,
            )
            for one in examples
        ),
        class_="alerts",
    )


def _quiet(rules: "Sequence[RuleOutcome]") -> Html | None:
    if not rules:
        return None
    silent = [one for one in rules if one.silent]
    loud = [one for one in rules if not one.silent]
    said = f"{plural(len(loud), 'rule')} gave no alert"
    if silent:
        said += f"; {plural(len(silent), 'more')[:-1]} only feed correlations".replace(
            "mor ", "more "
        )
    return el(
        "details",
        el("summary", said),
        el("ul", *(el("li", one.title) for one in loud[:_MOST_QUIET])),
    )


def _labels(labels: "LabelOutcome") -> Html:
    rows = [
        el("tr", el("th", one.typology.replace("_", " ")), *map(_number, score_cells(one.score)))
        for one in labels.by_typology
    ]
    names = ("", "Right", "Wrong", "Open", "Precision", "Found", "Recall", "F1")
    world = (
        "Alerts that no label speaks of count as wrong."
        if labels.closed_world
        else "Alerts that no label speaks of are open, and count neither way."
    )
    return el(
        "section",
        el("h2", "How right"),
        el("p", f"{_sentence(score_text(labels.score))} {world}", class_="quiet"),
        el(
            "table",
            el("thead", el("tr", *(el("th", name, scope="col") for name in names))),
            el("tbody", *rows),
            el("tfoot", el("tr", el("th", "All"), *map(_number, score_cells(labels.score)))),
            class_="counts",
        ),
        _label_list("Missed: labels without an alert", labels.missed),
        _label_list("Fallen for: false labels with one", labels.fallen_for),
        _label_list("Left out: about rules or typologies that no rule here has", labels.left_out),
    )


def _label_list(title: str, labels: "Sequence[LabelText]") -> Html | None:
    if not labels:
        return None
    items = [el("li", one.about, " ", el("span", one.place, class_="quiet")) for one in labels]
    return el(
        "details",
        el("summary", f"{title} ({len(labels):,})"),
        el("ul", *items),
        attributes={"open": "open"} if len(labels) <= 10 else None,
    )


def _comparison(found: "Comparison") -> Html:
    rows = [_difference(one) for one in found.rules if one.before or one.after]
    names = ("Rule", "It is", "Before", "After", "New", "Gone", "Changed", "Same")
    table = el(
        "div",
        el(
            "table",
            el("thead", el("tr", *_heads(*names, numbers_from=2, numbers_to=8))),
            el("tbody", *rows),
            class_="rules",
        ),
        class_="scroll",
    )
    scores = [
        el("p", f"{word}: {score_text(score)}.")
        for word, score in (("Before", found.score_before), ("After", found.score_after))
        if score is not None
    ]
    return el(
        "section",
        el("h2", "What would change with the other rules"),
        el(
            "p",
            f"{plural(found.after, 'alert')} instead of {found.before:,}: {found.new:,} new, "
            f"{found.gone:,} gone, {found.changed:,} changed, {found.same:,} the same. "
            f"{plural(found.unchanged_rules, 'rule')} the same in both.",
        ),
        *scores,
        table if rows else None,
        el("p", quiet_differences(found) or None, class_="quiet"),
        None if found.rules else el("p", "No rule differs."),
    )


def _difference(one: "RuleDifference") -> Html:
    counts = (one.before, one.after, one.new, one.gone, one.changed, one.same)
    changes = [
        el(
            "li",
            el("span", f"changed: {', '.join(change.fields)}", class_="tag"),
            el("time", moment_text(change.after.time), datetime=change.after.time),
            change.after.reason,
            el("br"),
            el("span", f"before: {change.before.reason}", class_="quiet"),
        )
        for change in one.changed_examples
    ]
    shown = join(
        _alerts(one.new_examples, "new") if one.new_examples else None,
        _alerts(one.gone_examples, "gone") if one.gone_examples else None,
        el("ul", *changes, class_="alerts") if changes else None,
    )
    return el(
        "tr",
        el(
            "td",
            el("strong", one.title),
            el("details", el("summary", "Examples"), shown) if shown else None,
        ),
        el("td", one.kind),
        *(_number(f"{count:,}") for count in counts),
    )


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
        rows.append(el("tr", *(_number(cell) for cell in cells), el("td", now)))
    table = el(
        "table",
        el("thead", el("tr", *_heads(*names, "", numbers_to=len(names)))),
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
            _number(f"{one.count:,}"),
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
            el("thead", el("tr", *_heads("Entity", "Alerts", "", numbers_from=1, numbers_to=2))),
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
            _number(f"{one.alerts:,}"),
        )
        for one in result.exceptions
    ]
    names = ("Exception", "Owner", "Expires", "Alerts held back")
    return el(
        "section",
        el("h2", "Exceptions"),
        el(
            "table",
            el("thead", el("tr", *_heads(*names, numbers_from=3))),
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


def _heads(*names: str, numbers_from: int = 0, numbers_to: int | None = None) -> Iterable[Html]:
    end = len(names) - 1 if numbers_to is None else numbers_to
    for at, name in enumerate(names):
        of_numbers = numbers_from <= at < max(end, numbers_from + 1)
        yield el("th", name, scope="col", class_="number" if of_numbers else None)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _number(text: str) -> Html:
    return el("td", text, class_="number")
