"""The page: head, verdict, charts and alerts. One file without scripts that loads nothing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from demo.report.book_replay import replay
from demo.report.cards import card
from demo.report.instants import said_date
from demo.report.palette import legend_mark
from demo.report.pool_chart import pool_chart
from demo.report.rate_chart import rate_chart
from demo.report.spoofing_chart import spoofing_chart
from demo.report.story import Latency, Story, tell
from demo.report.transfer_chart import transfer_chart
from demo.report.venue_chart import anchor, venue_chart
from demo.verdict import Count, Item, JudgedAlert, Verdict
from demo.words import typology_name
from normalizer.events import Record
from pipeline.page.layout import page, tiles
from pipeline.page.markup import Html, el, join
from pipeline.page.words import plural, ratio, span

_STYLE = Path(__file__).with_name("style.css")


def write_report(
    path: Path,
    *,
    verdict: Verdict,
    events: Iterable[Record | Mapping[str, Any]],
    latency: Latency | None = None,
    recorded: bool = False,
) -> None:
    """Write the page to `path`. `events` are records or ECS documents; `latency` in nanoseconds.

    Raises OSError, or normalizer.events.ecs.UnreadableDocument.
    """
    text = render_page(tell(verdict, events, latency=latency, recorded=recorded))
    path.write_text(text, encoding="utf-8")


def render_page(story: Story) -> str:
    """The page as text."""
    return page(
        f"Tapewatch: session of {said_date(story.start)}",
        _top(story),
        el(
            "main",
            _verdict(story.verdict),
            _charts(story),
            _alerts(story),
        ),
        _foot(story),
        style=_STYLE.read_text(encoding="utf-8"),
    )


def _top(story: Story) -> Html:
    verdict, totals = story.verdict, story.totals()
    figures = [
        ("blocks", f"{totals.blocks:,}"),
        ("transfers", f"{totals.transfers + totals.refused:,}"),
        ("pool swaps", f"{totals.swaps:,}"),
        ("orders", f"{totals.orders:,}"),
        ("trades", f"{totals.trades:,}"),
        ("events", f"{totals.events:,}"),
        ("alerts", f"{totals.alerts:,}"),
    ]
    if story.latency is not None:
        figures += [
            ("median latency", span(story.latency.median)),
            ("p99 latency", span(story.latency.p99)),
        ]
    played = "A recorded session" if story.recorded else "A live session"
    return el(
        "header",
        el("p", "Tapewatch", class_="brand"),
        el("h1", headline(verdict)),
        el(
            "p",
            f"{played} of {span(story.end - story.start)} on {said_date(story.start)}. A security "
            "token on a local chain and its market at a venue were traded honestly and abused on "
            "purpose. Tapewatch knew only what a compliance desk knows, and watched.",
            class_="lead",
        ),
        tiles(*figures),
        class_="top",
    )


def headline(verdict: Verdict) -> str:
    """The outcome as a title."""
    total = verdict.total
    found = "All" if total.planted and not total.missed else f"{total.found} of"
    alarms = (
        "no false alarm" if not total.false_alarms else plural(total.false_alarms, "false alarm")
    )
    return f"{found} {plural(total.planted, 'planted abuse')} found, {alarms}"


def _verdict(verdict: Verdict) -> Html:
    head = el(
        "tr",
        el("th", "Result", scope="col"),
        el("th", "Kind", scope="col"),
        el("th", "Where", scope="col"),
        el("th", "What was played", scope="col"),
        el("th", "Alerts", scope="col"),
    )
    rows = [_item(item) for item in verdict.items]
    rows += [_false_alarm(one) for one in verdict.false_alarms]
    return el(
        "section",
        el("h2", "What was planted, and what was found"),
        el("div", _counts(verdict), class_="scroll"),
        el("table", el("thead", head), el("tbody", *rows), class_="verdict"),
        _decoys(verdict),
    )


def _item(item: Item) -> Html:
    result = (
        el("span", "✓ found", class_="good") if item.found else el("span", "✗ missed", class_="bad")
    )
    return el(
        "tr",
        el("td", result, class_="nowrap"),
        el("td", *_kind(item.planted.typology), class_="kind"),
        el("td", item.planted.where, class_="quiet"),
        el("td", item.planted.description),
        el("td", _links([*item.alerts, *item.related])),
    )


def _kind(typology: str) -> tuple[Html, str]:
    return legend_mark(typology), typology_name(typology)


def _links(alerts: list[JudgedAlert]) -> Html | str:
    """A line for each rule, with a link to every alert of it."""
    by_rule: dict[str, list[JudgedAlert]] = {}
    for one in alerts:
        by_rule.setdefault(one.alert.rule_name, []).append(one)
    lines: list[Html] = []
    for name, of_rule in by_rule.items():
        more = [
            el("a", str(number), href=f"#{anchor(one)}", class_="again")
            for number, one in enumerate(of_rule[1:], 2)
        ]
        related = el("span", " related", class_="quiet") if of_rule[0].kind == "related" else None
        lines.append(el("li", el("a", name, href=f"#{anchor(of_rule[0])}"), *more, related))
    return el("ul", *lines, class_="plain") if lines else "–"


def _false_alarm(one: JudgedAlert) -> Html:
    decoys = "; ".join(decoy.description for decoy in one.decoys)
    return el(
        "tr",
        el("td", el("span", "✗ false alarm", class_="bad"), class_="nowrap"),
        el("td", *_kind(one.alert.typology), class_="kind"),
        el("td", one.alert.provider, class_="quiet"),
        el("td", decoys or "Nothing of the kind was played."),
        el("td", _links([one])),
    )


def _counts(verdict: Verdict) -> Html:
    names = ("", "Planted", "Found", "Missed", "Alerts", "Related", "False", "Precision", "Recall")
    head = el("tr", *(el("th", name, scope="col") for name in names))
    rows = [_count(typology_name(one.typology), one, one.typology) for one in verdict.counts]
    foot = _count("All", verdict.total, None)
    return el("table", el("thead", head), el("tbody", *rows), el("tfoot", foot), class_="counts")


def _count(name: str, count: Count, typology: str | None) -> Html:
    mark = legend_mark(typology) if typology else None
    numbers = (count.planted, count.found, count.missed, count.alerts, count.related)
    return el(
        "tr",
        el("th", mark, name, scope="row"),
        *(el("td", f"{value:,}") for value in (*numbers, count.false_alarms)),
        el("td", ratio(count.precision)),
        el("td", ratio(count.recall)),
    )


def _decoys(verdict: Verdict) -> Html | None:
    if not verdict.decoys:
        return None
    fallen = [decoy for one in verdict.false_alarms for decoy in one.decoys]
    rows = [
        el(
            "li",
            el(
                "span",
                "✗ " if decoy in fallen else "✓ ",
                class_="bad" if decoy in fallen else "good",
            ),
            el("strong", decoy.name.capitalize()),
            f" (resembles {typology_name(decoy.resembles).lower()}): {decoy.description}",
        )
        for decoy in verdict.decoys
    ]
    said = f"Decoys: {verdict.decoys_passed} of {len(verdict.decoys)} raised no alarm"
    return el("details", el("summary", said), el("ul", *rows, class_="plain spaced"))


def _charts(story: Story) -> Html:
    place = story.busiest_instrument()
    book = replay(story, place) if place else []
    charts = [
        venue_chart(story, place, book) if place else None,
        spoofing_chart(story, book),
        pool_chart(story),
        transfer_chart(story),
        rate_chart(story),
    ]
    drawn = [chart for chart in charts if chart is not None]
    return el("section", el("h2", "What happened"), *drawn) if drawn else join()


def _alerts(story: Story) -> Html:
    cards = [card(story, one) for one in story.verdict.alerts]
    return el("section", el("h2", "The alerts"), *(cards or [el("p", "No alert was raised.")]))


def _foot(story: Story) -> Html:
    unknown = (
        f" {plural(story.unknown, 'document')} of the output is no event of Tapewatch's."
        if story.unknown
        else ""
    )
    return el(
        "footer",
        el(
            "p",
            "Found, missed and false are decided by evidence: an alert counts for a planted abuse "
            "if it is of the same kind and rests on one of its transactions, orders or trades. "
            "Precision leaves related alerts out. Times are event times in UTC, by the source's "
            f"clock.{unknown}",
        ),
    )
