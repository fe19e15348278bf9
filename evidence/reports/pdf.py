"""A periodic report as PDF, by typst (extra `reports`), from the very figures of the page.

Texts go to it as data, so that none of them is markup; without a date and with its own fonts the
same figures give the same bytes.
"""

from importlib.util import find_spec
from pathlib import Path

import msgspec

from evidence.reports.figures import Figures
from evidence.reports.page import SIGNED_BY, foot_of
from evidence.reports.told import Table, lead_of, sections_of, span_of, tiles_of, title_of
from pipeline.page.words import printable


def available() -> bool:
    """Whether typst is installed."""
    return find_spec("typst") is not None


def render_pdf(figures: Figures, version: str) -> bytes:
    """The PDF. Needs typst."""
    import typst

    content = typst.compile(
        str(Path(__file__).with_name("report.typ")),
        sys_inputs={"data": _data(figures, version)},
        ignore_system_fonts=True,
    )
    assert isinstance(content, bytes)
    return content


def _data(figures: Figures, version: str) -> str:
    said = {
        "brand": f"Tapewatch · {title_of(figures).lower()}",
        "title": span_of(figures),
        "document": f"{title_of(figures)}: {span_of(figures)}",
        "lead": lead_of(figures),
        "tiles": tiles_of(figures),
        "foot": foot_of(figures, version),
        "signed": list(SIGNED_BY) if figures.kind == "monthly" else [],
        "sections": [
            {
                "title": section.title,
                "said": [printable(one) for one in section.said],
                "charts": [
                    {"title": one.title, "said": printable(one.said), "svg": one.printed()}
                    for one in section.charts
                ],
                "tables": [_table(one) for one in section.tables if one.rows],
            }
            for section in sections_of(figures)
        ],
    }
    return msgspec.json.encode(said).decode()


def _table(table: Table) -> dict[str, object]:
    return {
        "title": table.title,
        "heads": table.heads,
        "rows": [[printable(cell) for cell in row] for row in table.rows],
        "numbers": list(table.numbers),
    }
