"""An alert as a card: why it was raised, on what evidence, and the order of events."""

from collections.abc import Iterable

from demo.report.instants import clock_time, date_and_time, relative
from demo.report.palette import colour_class, legend_mark
from demo.report.story import Story
from demo.report.venue_chart import anchor
from demo.verdict import JudgedAlert
from demo.words import short_id, shortened, typology_name
from evidence.timeline import Entry, Timeline, timeline_of
from pipeline.page.markup import Html, el, join
from pipeline.page.words import number, plural

_MOST_ENTRIES = 60
_MOST_IDS = 60
_OPEN_AT_MOST = 8


def card(story: Story, one: JudgedAlert) -> Html:
    """The card, with an id to link to."""
    alert = one.alert
    return el(
        "article",
        el(
            "header",
            legend_mark(alert.typology),
            el("h3", alert.rule_name),
            el("span", alert.level, class_=f"badge level-{_level(alert.level)}"),
            _kind(one),
            el(
                "time",
                f"{clock_time(alert.timestamp)} UTC",
                datetime=date_and_time(alert.timestamp),
                title=f"event time {date_and_time(alert.timestamp)}",
            ),
        ),
        el("p", _with_tips(alert.reason), class_="reason"),
        _facts(story, one),
        _timeline(timeline_of(alert, story.by_id)),
        id=anchor(one),
        class_=f"card {colour_class(alert.typology)}",
    )


def _level(level: str) -> str:
    return level if level in ("critical", "high", "medium", "low") else "low"


def _kind(one: JudgedAlert) -> Html | None:
    if one.kind == "false":
        return el("span", "false alarm", class_="badge bad")
    return el("span", "related", class_="badge quiet") if one.kind == "related" else None


def _with_tips(reason: str) -> Html:
    """The sentence with long addresses shortened, each with the whole one as its tool tip."""
    parts: list[str | Html] = []
    for at, word in enumerate(reason.split(" ")):
        short = shortened(word)
        parts.append(" " if at else "")
        parts.append(word if short == word else el("span", short, title=word, class_="hex"))
    return join(*parts)


def _facts(story: Story, one: JudgedAlert) -> Html:
    alert = one.alert
    rows: list[tuple[str, Html | str]] = [
        ("Typology", typology_name(alert.typology)),
        ("About", join(*_separated(_id(text) for text in alert.entities))),
    ]
    if alert.evidence_transactions:
        blocks = _blocks(story, one)
        rows.append(
            (
                plural(len(alert.evidence_transactions), "transaction").split(" ")[1].capitalize(),
                _list(
                    join(_id(tx), el("span", f" block {blocks[tx]}", class_="quiet"))
                    if tx in blocks
                    else _id(tx)
                    for tx in alert.evidence_transactions
                ),
            )
        )
    if alert.evidence_blocks:
        rows.append(("Blocks", ", ".join(str(block) for block in alert.evidence_blocks)))
    if alert.evidence_orders:
        rows.append(("Orders", _list(_id(order) for order in alert.evidence_orders)))
    if alert.evidence_trades:
        rows.append(("Trades", ", ".join(alert.evidence_trades)))
    if alert.metrics:
        rows.append(
            ("Numbers", join(*_separated(_metric(*pair) for pair in alert.metrics.items())))
        )
    if one.planted:
        played = [story.verdict.items[at].planted.description for at in one.planted]
        rows.append(("Planted", _list(played)))
    rows += [
        ("Events", _list(_id(event_id) for event_id in alert.evidence_events)),
        (
            "Rule",
            join(
                f"version {alert.rule_version}, SHA-256 ",
                el("code", alert.rule_hash[:16], title=alert.rule_hash),
                f", risk {number(alert.risk_score, 1)}, confidence {number(alert.confidence)}",
            ),
        ),
        ("Alert id", _id(alert.id)),
    ]
    facts = [join(el("dt", name), el("dd", value)) for name, value in rows]
    return el(
        "details",
        el("summary", "Evidence: ", _evidence_said(one)),
        el("dl", *facts),
        open=None,
    )


def _evidence_said(one: JudgedAlert) -> str:
    alert = one.alert
    counted = [
        plural(len(ids), noun)
        for ids, noun in (
            (alert.evidence_events, "event"),
            (alert.evidence_transactions, "transaction"),
            (alert.evidence_blocks, "block"),
            (alert.evidence_orders, "order"),
            (alert.evidence_trades, "trade"),
        )
        if ids
    ]
    return ", ".join(counted) or "none"


def _metric(name: str, value: float) -> str:
    return f"{name.replace('_', ' ')} {number(value, 4)}"


def _blocks(story: Story, one: JudgedAlert) -> dict[str, int]:
    """The block of each transaction, from the events that the alert rests on."""
    found: dict[str, int] = {}
    for event_id in one.alert.evidence_events:
        event = story.by_id.get(event_id)
        transaction = getattr(event, "transaction_hash", None)
        if transaction is not None:
            found[transaction] = getattr(event, "block_number", 0)
    return found


def _id(text: str) -> Html:
    return el("code", text)


def _list(items: Iterable[str | Html]) -> Html:
    known = list(items)
    shown = [el("li", item) for item in known[:_MOST_IDS]]
    if len(known) > _MOST_IDS:
        shown.append(el("li", f"and {len(known) - _MOST_IDS:,} more", class_="quiet"))
    return el("ul", *shown)


def _separated(items: Iterable[str | Html]) -> list[str | Html]:
    parts: list[str | Html] = []
    for item in items:
        parts += [", ", item] if parts else [item]
    return parts


def _timeline(found: Timeline) -> Html:
    rows = [_entry(entry) for entry in found.entries[-_MOST_ENTRIES:]]
    cut = len(found.entries) - len(rows)
    notes: list[Html] = []
    if cut:
        notes.append(el("p", f"{cut:,} earlier events are not shown.", class_="quiet"))
    if found.missing:
        missing = plural(len(found.missing), "event")
        notes.append(
            el(
                "p",
                f"{missing} of the evidence missing: {', '.join(found.missing[:5])}",
                class_="bad",
            )
        )
    head = el("tr", el("th", "time"), el("th", "what happened"), el("th", "where"))
    table = el("table", el("thead", head), el("tbody", *rows), class_="timeline")
    return el(
        "details",
        el("summary", f"Timeline: {plural(len(found.entries), 'event')}"),
        *notes,
        el("div", table, class_="scroll"),
        attributes={"open": "open"} if len(rows) <= _OPEN_AT_MOST else None,
    )


def _entry(entry: Entry) -> Html:
    where: list[str | Html] = []
    if entry.transaction_hash is not None:
        where.append(el("code", shortened(entry.transaction_hash), title=entry.transaction_hash))
        where.append(f" block {entry.block_number}")
    elif entry.trade_id is not None:
        where.append(f"trade {entry.trade_id}")
    elif entry.order_ids:
        order = entry.order_ids[0]
        where += ["order ", el("code", short_id(order), title=order)]
    when = el("td", relative(entry.relative), title=date_and_time(entry.timestamp), class_="when")
    what = el("td", _with_tips(entry.summary))
    return el("tr", when, what, el("td", *where), class_="completing" if entry.completing else None)
