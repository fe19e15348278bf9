"""The timeline as PDF, to be printed and filed: what alerts rest on, and what people did.

typst sets it (extra `reports`). Texts go to it as data, so that none of them is markup; without a
date and with its own fonts the same timeline gives the same bytes.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from evidence.investigation.gather import Gathered
from evidence.investigation.lines import Line
from evidence.investigation.told import (
    LABELS,
    facts_told,
    headline_figures,
    proof_told,
    shown_time,
)
from pipeline.page.words import plural, printable

if TYPE_CHECKING:
    from evidence.investigation.export import Manifest

#: Pages of more lines nobody reads: they are in the other files.
MOST_LINES = 3_000
#: The market around it.
PICTURE = "market.svg"


def available() -> bool:
    """Whether typst is installed."""
    return find_spec("typst") is not None


def write_pdf(
    folder: Path, gathered: Gathered, lines: Sequence[Line], manifest: "Manifest"
) -> None:
    """Write `timeline.pdf`, with the picture of the market if the folder has it. Raises OSError."""
    import typst

    picture = folder / PICTURE
    svg = picture.read_text("utf-8") if picture.is_file() else ""
    content = typst.compile(
        str(Path(__file__).with_name("timeline.typ")),
        sys_inputs={"data": _data(gathered, lines, manifest, svg)},
        ignore_system_fonts=True,
    )
    assert isinstance(content, bytes)
    (folder / "timeline.pdf").write_bytes(content)


def _data(gathered: Gathered, lines: Sequence[Line], manifest: "Manifest", svg: str) -> str:
    alert = gathered.subject
    about = "" if alert is None else f", alert {alert.id[:16]}"
    chosen = [line for line in lines if line.kind != "event" or line.evidence_of]
    if len(lines) <= MOST_LINES:
        chosen = list(lines)
    shown = chosen[:MOST_LINES]
    left = len(lines) - len(shown)
    note = (
        f"Bold is what alerts rest on. {plural(left, 'more line')} in timeline.csv."
        if left
        else "Every line. Bold is what alerts rest on."
    )
    said = {
        "title": printable(gathered.title),
        "reason": printable(gathered.lead),
        "tiles": headline_figures(gathered, lines),
        "facts": [(name, printable(value)) for name, value in facts_told(gathered, manifest)],
        "proof": [printable(one) for one in proof_told(manifest)],
        "alerts": [
            {
                "name": printable(one.rule_name),
                "level": one.level,
                "time": shown_time(one.timestamp),
                "reason": printable(one.reason),
                "id": one.id,
            }
            for one in gathered.alerts
        ],
        "picture": svg,
        "note": note,
        "foot": f"Tapewatch {manifest.version}{about}. Times are UTC.",
        "lines": [
            {
                "time": shown_time(line.time),
                "kind": line.kind,
                "label": LABELS[line.kind],
                "summary": printable(line.summary),
                "by": printable(line.by),
                "evidence": bool(line.evidence_of),
            }
            for line in shown
        ],
    }
    return msgspec.json.encode(said).decode()
