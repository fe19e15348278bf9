"""The template of the STOR as PDF, by typst: the same fields, the same bytes."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from evidence.reports.suspicious.narrative import printable_lines

if TYPE_CHECKING:
    from evidence.reports.suspicious.stor import Row


def available() -> bool:
    """Whether typst is installed."""
    return find_spec("typst") is not None


def render_pdf(reference: str, date: str, rows: "Sequence[Row]") -> bytes:
    """The PDF. Needs typst."""
    import typst

    sections: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        told = (row.field, printable_lines(row.value))
        sections.setdefault(row.section, []).append(told)
    said = {
        "reference": reference,
        "date": date,
        "sections": [{"title": title, "rows": told} for title, told in sections.items()],
    }
    content = typst.compile(
        str(Path(__file__).with_name("stor.typ")),
        sys_inputs={"data": msgspec.json.encode(said).decode()},
        ignore_system_fonts=True,
    )
    assert isinstance(content, bytes)
    return content
