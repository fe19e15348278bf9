"""Markdown of headings, tables and the texts that docstrings hold."""

import inspect
import re
from collections.abc import Iterable, Sequence

NOTICE = "<!-- Written by `python -m docs.generate`. Don't edit: change the code it comes from. -->"

_DOUBLE = re.compile(r"``([^`]+)``")
_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")


def document(title: str, introduction: str, *parts: str) -> str:
    """A page, with a notice that it is generated."""
    return "\n\n".join([f"# {title}", NOTICE, introduction, *parts]).rstrip() + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold anything but a line's end."""
    lines = [_row(head), _row(["---"] * len(head))]
    lines += [_row([cell.replace("|", r"\|") for cell in row]) for row in rows]
    return "\n".join(lines)


def prose(docstring: str | None) -> str:
    """A docstring's text as Markdown, its paragraphs and lists kept."""
    text = _ROLE.sub(r"`\1`", inspect.cleandoc(docstring or ""))
    return _DOUBLE.sub(r"`\1`", text)


def sentence(text: str | None) -> str:
    """A text on one line."""
    return " ".join(prose(text).split())


def code(text: object) -> str:
    """A word of the code."""
    return f"`{text}`"


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return "#" + kept.replace(" ", "-")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
