"""The timeline as a page: one file that loads nothing, with filters and every document in it."""

import base64
import gzip
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from evidence.investigation.gather import Gathered
from evidence.investigation.lines import Line
from evidence.investigation.told import (
    LABELS,
    headline_figures,
    proof_told,
    shown_time,
    whole_time,
)
from pipeline.page.layout import page, tiles
from pipeline.page.markup import Html, data, el, join
from pipeline.page.words import plural
from pipeline.units import MILLISECOND

if TYPE_CHECKING:
    from evidence.investigation.export import Manifest

_HERE = Path(__file__).parent
#: Lines that stand in the page itself, for print and for browsers without scripts.
_STATIC = 500
#: Of more lines a browser makes no page that anybody waits for.
MOST_LINES = 100_000


def write_page(
    path: Path,
    gathered: Gathered,
    lines: Sequence[Line],
    documents: Sequence[bytes],
    manifest: "Manifest",
) -> None:
    """Write it. Raises OSError."""
    path.write_text(render(gathered, lines, documents, manifest), "utf-8")


def render(
    gathered: Gathered,
    lines: Sequence[Line],
    documents: Sequence[bytes],
    manifest: "Manifest",
) -> str:
    """The page as text: the same content gives the same bytes."""
    every, shown = lines, _shown(lines)
    if len(shown) < len(every):
        lines, documents = [every[one] for one in shown], [documents[one] for one in shown]
    packed = gzip.compress(b"\n".join(documents), compresslevel=6, mtime=0)
    return page(
        f"Timeline: {gathered.title}",
        _top(gathered, every),
        el(
            "main",
            el("h2", "Timeline"),
            _left_out(len(every) - len(lines)),
            _tools(lines),
            el("svg", id="density", viewBox="0 0 1000 90", preserveAspectRatio="none",
               role="img", aria_label="Lines over time; drag to look at a part"),
            el(
                "div",
                el("div", el("div", el("div", id="visible"), id="pad"), id="rows", tabindex="0"),
                el("div", id="detail", aria_live="polite"),
                class_="browser",
            ),
            _static(lines, len(every)),
            _alerts(gathered),
            _proof(manifest),
        ),
        el("footer", el("p", _foot(manifest))),
        data("lines", _data("" if gathered.subject is None else gathered.subject.id, lines)),
        data("documents", msgspec.json.encode(base64.b64encode(packed).decode()).decode()),
        style=(_HERE / "timeline.css").read_text("utf-8"),
        code=(_HERE / "timeline.js").read_text("utf-8"),
    )  # fmt: skip


def _top(gathered: Gathered, lines: Sequence[Line]) -> Html:
    return el(
        "header",
        el("p", "Tapewatch · investigation", class_="brand"),
        el("h1", gathered.title),
        el("p", gathered.lead, class_="lead"),
        tiles(*headline_figures(gathered, lines)),
        class_="top",
    )


def _tools(lines: Sequence[Line]) -> Html:
    boxes: list[Html] = []
    for kind, label in LABELS.items():
        many = sum(line.kind == kind for line in lines)
        box = el("input", type="checkbox", checked="", attributes={"data-kind": kind})
        boxes.append(el("label", box, f"{label} ({many:,})", class_=f"k-{kind}"))
    only = el("label", el("input", type="checkbox", id="evidence"), "evidence only", class_="plain")
    search = el("input", type="search", id="search", placeholder="Search: account, order, hash ...",
                aria_label="Search")  # fmt: skip
    return el("div", search, *boxes, only, el("span", id="count", class_="quiet"), class_="tools")


def _shown(lines: Sequence[Line]) -> Sequence[int]:
    """Which lines the page has: all, or what alerts rest on and what is no event, and of the others
    the first."""
    if len(lines) <= MOST_LINES:
        return range(len(lines))
    first = [at for at, line in enumerate(lines) if line.kind != "event" or line.evidence_of]
    chosen = set(first[:MOST_LINES])
    others = (at for at in range(len(lines)) if at not in chosen)
    return sorted(chosen | set(islice(others, MOST_LINES - len(chosen))))


def _left_out(count: int) -> Html:
    if not count:
        return join()
    said = f"{plural(count, 'more line')} in timeline.csv and timeline.ndjson: here is what alerts "
    return el("p", said, "rest on, and the first of all else.", class_="quiet")


def _static(lines: Sequence[Line], every: int) -> Html:
    chosen = [line for line in lines if line.kind != "event" or line.evidence_of][:_STATIC]
    rows = [
        el(
            "tr",
            el("td", shown_time(line.time), class_="nowrap"),
            el("td", LABELS[line.kind]),
            el("td", line.summary),
            el("td", line.by),
            class_="evidence" if line.evidence_of else None,
        )
        for line in chosen
    ]
    head = el("tr", *(el("th", one, scope="col") for one in ("time (UTC)", "kind", "what", "by")))
    left = every - len(chosen)
    note = f"{plural(left, 'more line')} in timeline.csv." if left else ""
    return el(
        "div",
        el("table", el("thead", head), el("tbody", *rows)),
        el("p", note, class_="quiet"),
        class_="static",
    )


def _alerts(gathered: Gathered) -> Html:
    items = [
        el(
            "li",
            el("strong", f"{one.rule_name} ({one.level})"),
            f" {shown_time(one.timestamp)}: {one.reason} ",
            el("code", one.id),
            f", rule of {one.rule_version}, ",
            el("code", one.rule_hash[:16]),
        )
        for one in gathered.alerts
    ]
    return join(
        el("h2", plural(len(items), "alert")),
        el("ul", *items, class_="spaced"),
        el("h2", "Whom it is about"),
        el("p", *_listed(sorted(gathered.scope.names))),
    )


def _listed(names: Sequence[str]) -> list[Html]:
    return [join(el("code", name), " ") for name in names]


def _proof(manifest: "Manifest") -> Html:
    return join(
        el("h2", "Complete and unchanged?"),
        el("ul", *(el("li", one) for one in proof_told(manifest)), class_="proof"),
        el("p", "To check that: ", el("code", "python3 check.py --key KEY"), " in this folder."),
    )


def _foot(manifest: "Manifest") -> str:
    version = f" {manifest.version}" if manifest.version else ""
    return f"Exported by Tapewatch{version}. Times are UTC, by the clocks of the sources."


def _data(subject: str, lines: Sequence[Line]) -> str:
    days = {shown_time(line.time)[:10] for line in lines}
    told = [_told(line, shown_time(line.time)[11:] if len(days) == 1 else "") for line in lines]
    return msgspec.json.encode({"subject": subject, "lines": told}).decode()


def _told(line: Line, time: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "at": line.time / MILLISECOND,
        "time": time or shown_time(line.time),
        "moment": whole_time(line.time),
        "kind": line.kind,
        "label": LABELS[line.kind],
        "action": line.action,
        "summary": line.summary,
        "by": line.by,
        "id": line.id,
        "sha256": line.sha256,
    }
    more = {
        "level": line.level,
        "instrument": line.instrument,
        "orders": ", ".join(line.order_ids),
        "trade": line.trade_id,
        "transaction": line.transaction_hash,
        "block": line.block_number,
        "evidence": ", ".join(one[:16] for one in line.evidence_of),
        "original": line.original,
    }
    return said | {name: value for name, value in more.items() if value}
