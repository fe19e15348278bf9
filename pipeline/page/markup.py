"""HTML and SVG by construction: text and attributes are escaped, always, and tags are balanced.

Everything that events say is untrusted; nothing reaches the page but through here.
"""

import re
from html import escape

from pipeline.page.words import printable

_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")
_VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})
_RAW_TEXT = frozenset({"script", "style"})


class Html(str):
    """Text that is markup already. Only this module's functions make it."""

    __slots__ = ()


def el(
    tag: str,
    *children: str | int | None,
    attributes: dict[str, str | float] | None = None,
    **more: str | float | None,
) -> Html:
    """An element. Children that are no `Html` are escaped; a None attribute is left out.

    A keyword `class_` is the attribute `class`; other underscores become hyphens.
    """
    if not _NAME.fullmatch(tag) or tag in _RAW_TEXT:
        raise ValueError(f"not a tag to write: {tag!r}")
    pairs: dict[str, str | float | None] = dict(attributes or {})
    for name, value in more.items():
        pairs[name.rstrip("_").replace("_", "-")] = value
    written = "".join(
        f' {name}="{_text(_plain(value))}"' for name, value in pairs.items() if value is not None
    )
    if tag in _VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{join(*children)}</{tag}>")


def join(*children: str | int | None) -> Html:
    """Children one after the other, escaped where they are no `Html`."""
    return Html(
        "".join(
            child if isinstance(child, Html) else _text(str(child))
            for child in children
            if child is not None
        )
    )


def style_sheet(css: str) -> Html:
    """A style element of our own CSS, which must not close it."""
    if "</" in css:
        raise ValueError("a style sheet must not hold a closing tag")
    return Html(f"<style>{css}</style>")


def script(code: str) -> Html:
    """A script element of our own code, which must not close it."""
    if "</" in code or "<!--" in code:
        raise ValueError("a script must not hold a closing tag or a comment of HTML")
    return Html(f"<script>{code}</script>")


def data(name: str, text: str) -> Html:
    """Data for a script, which finds it by its id. `text` is JSON or base64, of anybody.

    In JSON a `<` can only stand in a text, where it may be written in another way.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"not an id to write: {name!r}")
    safe = text.replace("<", "\\u003c")
    return Html(f'<script type="application/json" id="{name}">{safe}</script>')


def document(head: Html, body: Html) -> str:
    """A whole page."""
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>{body}</body>\n</html>\n'


def _plain(value: str | float) -> str:
    """Numbers as SVG wants them: two decimals at most, no exponent."""
    if isinstance(value, float):
        text = f"{value:.2f}".rstrip("0").rstrip(".")
        return "0" if text == "-0" else text
    return str(value)


def _text(text: str) -> str:
    return escape(printable(text), quote=True)
