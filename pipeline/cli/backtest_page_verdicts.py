"""What a backtest's page holds alerts against: labels, and a second set of rules."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.cli.backtest_page_tables import alert_list, heads, number_cell, sentence
from pipeline.cli.backtest_text import (
    elsewhen_text,
    score_cells,
    score_text,
    unmentioned_text,
)
from pipeline.cli.backtest_words import moment_text, quiet_differences
from pipeline.page.markup import Html, el, join
from pipeline.page.words import plural

if TYPE_CHECKING:
    from detections.backtest.result import Comparison, LabelOutcome, LabelText, RuleDifference


def labels_section(labels: "LabelOutcome") -> Html:
    """How right the alerts are."""
    rows = [
        el(
            "tr",
            el("th", one.typology.replace("_", " ")),
            *map(number_cell, score_cells(one.score)),
        )
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
        el("p", f"{sentence(score_text(labels.score))} {world}", class_="quiet"),
        el(
            "table",
            el("thead", el("tr", *(el("th", name, scope="col") for name in names))),
            el("tbody", *rows),
            el("tfoot", el("tr", el("th", "All"), *map(number_cell, score_cells(labels.score)))),
            class_="counts",
        ),
        _label_list("Missed: labels without an alert", labels.missed),
        el("p", f"{unmentioned_text(labels.unmentioned)}.") if labels.unmentioned else None,
        el("p", f"{elsewhen_text(labels.elsewhen)}.") if labels.elsewhen else None,
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


def comparison_section(found: "Comparison") -> Html:
    """What a second set of rules would change."""
    rows = [_difference(one) for one in found.rules if one.before or one.after]
    names = ("Rule", "It is", "Before", "After", "New", "Gone", "Changed", "Same")
    table = el(
        "div",
        el(
            "table",
            el("thead", el("tr", *heads(*names, numbers_from=2, numbers_to=8))),
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
        alert_list(one.new_examples, "new") if one.new_examples else None,
        alert_list(one.gone_examples, "gone") if one.gone_examples else None,
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
        *(number_cell(f"{count:,}") for count in counts),
    )
