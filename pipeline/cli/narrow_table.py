"""A table where a terminal is too narrow for it: a few lines for each row.

Rich takes columns away there, or cuts what is in them to a letter and a mark.
"""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Column, Table
from rich.text import Text

#: What may be wrapped needs so much, or what its longest word needs.
_LEAST = 8
_INDENT = 2


def fitted(shown: RenderableType, console: Console) -> RenderableType:
    """As it is where there is room, and for all that is no table with a header."""
    if not isinstance(shown, Table) or not shown.show_header or not shown.columns:
        return shown
    cells = [[_text(cell, console) for cell in column.cells] for column in shown.columns]
    if any(one is None for column in cells for one in column):
        return shown
    texts = [[one for one in column if one is not None] for column in cells]
    if _needed(shown, texts) <= console.width:
        return shown
    return Text("\n").join(_lines(shown, texts, console))


def _needed(table: Table, texts: Sequence[Sequence[Text]]) -> int:
    _, right, _, left = table.padding
    count = len(table.columns)
    edges = 0 if table.pad_edge else left + right
    lines = count + 1 if table.box else 0
    widths = sum(_width(*pair) for pair in zip(table.columns, texts, strict=True))
    return widths + count * (left + right) - edges + lines


def _width(column: Column, cells: Sequence[Text]) -> int:
    texts = [Text(str(column.header)), *cells]
    if column.no_wrap:
        return max(text.cell_len for text in texts)
    words = (cell_len(word) for text in texts for word in text.plain.split())
    return min(_LEAST, max(words, default=0))


def _lines(table: Table, texts: Sequence[Sequence[Text]], console: Console) -> Iterator[Text]:
    if table.title:
        yield Text(str(table.title), style="table.title")
    headers = [str(column.header) for column in table.columns]
    label = max(len(header) for header in headers[1:]) if len(headers) > 1 else 0
    room = max(_LEAST, console.width - _INDENT - label - 2)
    for first, *others in zip(*texts, strict=True):
        for line in first.wrap(console, console.width, overflow="fold"):
            line.stylize("bold")
            yield line
        for header, value in zip(headers[1:], others, strict=True):
            head = f"{'':{_INDENT}}{header:{label}}  "
            for line in value.wrap(console, room, overflow="fold") if value.plain else ():
                line.rstrip()
                yield Text.assemble((head, "dim"), line)
                head = " " * len(head)


def _text(cell: RenderableType, console: Console) -> Text | None:
    if isinstance(cell, Text):
        return cell
    return console.render_str(cell, highlight=False) if isinstance(cell, str) else None
