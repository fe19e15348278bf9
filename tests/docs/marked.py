"""Blocks of a page that are marked by a comment before them, so that tests can try them.

- ``<!-- configuration -->``: a part of ``pipeline.yaml``, or the whole of it.
- ``<!-- file: NAME -->``: a file of that name, which the page's reader is told to write.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
#: What is written by hand and read on its own.
PAGES = sorted(DOCS.glob("*.md"))
#: Those beside the code, and what is generated, as well.
EVERY_PAGE = [
    ROOT / "README.md",
    *sorted(
        page
        for folder in ("docs", "kibana", "splunk")
        for page in (ROOT / folder).rglob("*.md")
        if "node_modules" not in page.parts
    ),
]
_BLOCK = re.compile(r"<!-- (?P<mark>[^\n]+?) -->\n```[a-z]*\n(?P<text>.*?)^```$", re.S | re.M)


def configurations() -> list[tuple[str, str]]:
    """Page and number, and text, of every block of configuration."""
    return [
        (f"{page.name}:{number}", text)
        for page in PAGES
        for number, (mark, text) in enumerate(_blocks(page), 1)
        if mark == "configuration"
    ]


def files(page: Path) -> dict[str, str]:
    """The files that a page shows, by name."""
    return {
        mark.removeprefix("file: "): text
        for mark, text in _blocks(page)
        if mark.startswith("file: ")
    }


def _blocks(page: Path) -> list[tuple[str, str]]:
    text = page.read_text(encoding="utf-8")
    return [(found["mark"], found["text"]) for found in _BLOCK.finditer(text)]
