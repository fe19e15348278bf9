"""XML by construction: text is escaped, without what XML can't hold; the same in, the same out."""

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from evidence.reports.suspicious.narrative import printable_lines


class Element:
    """An element with attributes and, in their order, elements or a text."""

    def __init__(self, name: str, text: str | None = None, **attributes: str | int) -> None:
        self.name = name
        self.text = text
        self.attributes: dict[str, str] = {key: str(value) for key, value in attributes.items()}
        self.children: list[Element] = []

    def add(self, name: str, text: str | int | None = None, **attributes: str | int) -> "Element":
        """A new last child, which is given back."""
        child = Element(name, None if text is None else str(text), **attributes)
        self.children.append(child)
        return child

    def some(self, texts: Mapping[str, str | int | None]) -> "Element":
        """A child for each that has a text."""
        for name, text in texts.items():
            if text is not None:
                self.add(name, text)
        return self

    def document(self) -> bytes:
        """The whole document, UTF-8."""
        lines = ['<?xml version="1.0" encoding="UTF-8"?>', *self._lines(0)]
        return ("\n".join(lines) + "\n").encode()

    def _lines(self, depth: int) -> list[str]:
        indent = "  " * depth
        told = "".join(f" {key}={quoteattr(value)}" for key, value in self.attributes.items())
        if self.children:
            inner = [line for child in self.children for line in child._lines(depth + 1)]
            return [f"{indent}<{self.name}{told}>", *inner, f"{indent}</{self.name}>"]
        if self.text is None:
            return [f"{indent}<{self.name}{told}/>"]
        text = escape(printable_lines(self.text))
        return [f"{indent}<{self.name}{told}>{text}</{self.name}>"]
