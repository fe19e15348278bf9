"""The rules on a backtest's page: what each one gave, and about whom."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.cli.backtest_page_tables import alert_list, heads, number_cell
from pipeline.cli.backtest_words import rounded, short_name
from pipeline.page.markup import Html, el
from pipeline.page.words import plural, ratio

if TYPE_CHECKING:
    from detections.backtest.result import Backtest, RuleOutcome

_MOST_QUIET = 200


def rules_section(result: "Backtest") -> Html:
    """Rules with alerts as a table, each with examples; the others by name."""
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
            el("thead", el("tr", *heads(*names, numbers_from=3, numbers_to=len(names)))),
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
        number_cell(f"{one.alerts:,}"),
    ]
    if rated:
        cells.append(number_cell(rounded(one.per_day or 0)))
    if labelled and one.score is not None:
        score = one.score
        counts = (score.right, score.wrong, score.unlabelled)
        cells += [number_cell(f"{count:,}") for count in counts]
        cells.append(number_cell(ratio(score.precision)))
    return el("tr", *cells)


def _examples(one: "RuleOutcome") -> Html:
    said = "The alert" if one.alerts == 1 else f"The first {len(one.examples):,}"
    return el("details", el("summary", said), alert_list(one.examples))


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


def _quiet(rules: "Sequence[RuleOutcome]") -> Html | None:
    if not rules:
        return None
    silent = [one for one in rules if one.silent]
    loud = [one for one in rules if not one.silent]
    said = f"{plural(len(loud), 'rule')} gave no alert"
    blind = sum(one.blind is not None for one in loud)
    if blind:
        said += f"; {blind:,} had nothing to look at"
    if silent:
        said += f"; {len(silent):,} more only feed correlations"
    return el(
        "details",
        el("summary", said),
        el("ul", *(el("li", *_quiet_rule(one)) for one in loud[:_MOST_QUIET])),
    )


def _quiet_rule(one: "RuleOutcome") -> list[Html | str]:
    if one.blind is None:
        return [one.title]
    return [one.title, el("br"), el("span", one.blind, class_="quiet")]
