"""A periodic report as a page: one file without scripts, which loads nothing."""

from pathlib import Path

from evidence.reports.charts import Chart
from evidence.reports.figures import Figures
from evidence.reports.told import (
    Section,
    Table,
    lead_of,
    sections_of,
    span_of,
    tiles_of,
    title_of,
)
from pipeline.page.layout import page, tiles
from pipeline.page.markup import Html, el

_STYLE = Path(__file__).with_name("report.css")
#: Who signs a monthly report, by hand.
SIGNED_BY = ("Prepared by", "Reviewed by", "Date")


def render(figures: Figures, version: str) -> str:
    """The page as text: the same figures give the same bytes."""
    sections = sections_of(figures)
    title = title_of(figures)
    return page(
        f"{title}: {span_of(figures)}",
        el(
            "header",
            el("p", f"Tapewatch · {title.lower()}", class_="brand"),
            el("h1", span_of(figures)),
            el("p", lead_of(figures), class_="lead"),
            tiles(*tiles_of(figures)),
            el(
                "nav",
                *(el("a", one.title, href=f"#{one.name}") for one in sections),
                class_="contents",
                aria_label="Contents",
            ),
            class_="top",
        ),
        el("main", *(_section(one) for one in sections), _signatures(figures)),
        el("footer", el("p", foot_of(figures, version))),
        style=_STYLE.read_text("utf-8"),
    )


def foot_of(figures: Figures, version: str) -> str:
    """What stands below all of it."""
    return (
        f"{title_of(figures)} {figures.name}, made by Tapewatch {version}. "
        f"Times are those of {figures.zone}."
    )


def _section(section: Section) -> Html:
    return el(
        "section",
        el("h2", section.title),
        *(el("p", one) for one in section.said),
        *(_figure(one) for one in section.charts),
        *(_table(one) for one in section.tables if one.rows),
        id=section.name,
    )


def _figure(chart: Chart) -> Html:
    return el(
        "figure",
        el("figcaption", el("h3", chart.title), el("p", chart.said)),
        el("div", chart.svg(), class_="scroll"),
    )


def _table(table: Table) -> Html:
    def cell(tag: str, at: int, text: str, scope: str | None = None) -> Html:
        return el(tag, text, class_="number" if at in table.numbers else None, scope=scope)

    heads = [cell("th", at, text, "col") for at, text in enumerate(table.heads)]
    rows = [el("tr", *(cell("td", at, text) for at, text in enumerate(row))) for row in table.rows]
    return el(
        "div",
        el(
            "table",
            el("caption", table.title),
            el("thead", el("tr", *heads)),
            el("tbody", *rows),
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=table.title,
    )


def _signatures(figures: Figures) -> Html | None:
    if figures.kind != "monthly":
        return None
    heads = [el("th", one, scope="col") for one in SIGNED_BY]
    blank = [el("td", "") for _ in SIGNED_BY]
    return el(
        "section",
        el("h2", "Sign-off"),
        el(
            "table",
            el("thead", el("tr", *heads)),
            el("tbody", el("tr", *blank)),
            class_="sign",
        ),
    )
