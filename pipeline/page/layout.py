"""What every page has: its head, a policy that forbids it to load anything, and the one look."""

import base64
import hashlib
from pathlib import Path

from pipeline.page.markup import Html, document, el, join, script, style_sheet

_STYLE = Path(__file__).with_name("style.css")
#: Even if something slipped through: no script but the page's own, no request, no form.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(title: str, *body: Html, style: str = "", code: str = "") -> str:
    """A whole page as text. `style` is CSS of its own, after what all pages share; `code` is the
    one script that may run in it."""
    head = join(
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", attributes={"http-equiv": "Content-Security-Policy", "content": _policy(code)}),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        style_sheet(_STYLE.read_text(encoding="utf-8") + style),
    )
    return document(head, join(*body, script(code) if code else None))


def _policy(code: str) -> str:
    if not code:
        return _POLICY
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return f"{_POLICY}; script-src 'sha256-{digest}'"


def tiles(*pairs: tuple[str, str]) -> Html:
    """The few numbers at a page's top, each with its name."""
    return el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in pairs))
