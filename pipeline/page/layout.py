"""What every page has: its head, a policy that forbids it to load anything, and the one look."""

from pathlib import Path

from pipeline.page.markup import Html, document, el, join, style_sheet

_STYLE = Path(__file__).with_name("style.css")
#: Even if something slipped through: no script, no request, no form.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(title: str, *body: Html, style: str = "") -> str:
    """A whole page as text. `style` is CSS of its own, after what all pages share."""
    head = join(
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", attributes={"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        style_sheet(_STYLE.read_text(encoding="utf-8") + style),
    )
    return document(head, join(*body))


def tiles(*pairs: tuple[str, str]) -> Html:
    """The few numbers at a page's top, each with its name."""
    return el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in pairs))
