"""Text for people: with colours on a terminal, without them anywhere else."""

import io
import sys
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from pipeline.cli.narrow_table import fitted

WIDTH = 100
#: For tables whose rows should stay on one line each.
WIDE = 200


class Screen(Console):
    """A console whose reader may go before the end, as `head` does: that is told by the exit code
    of all commands (:mod:`pipeline.cli.failures`), and no failure of what the command did. A table
    that a terminal is too narrow for is shown as lines; who reads a pipe counts on its columns."""

    def print(self, *objects: Any, **options: Any) -> None:
        shown = (fitted(one, self) for one in objects) if self.is_terminal else objects
        super().print(*shown, **options)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def show(renderable: RenderableType, *, width: int = WIDTH) -> None:
    """Print on standard output; `width` is for what is no terminal."""
    if sys.stdout.isatty():
        Screen(highlight=False).print(renderable)
    else:
        typer.echo(as_text(renderable, width=width))


def as_text(renderable: RenderableType, *, width: int = WIDTH) -> str:
    """As it is shown in a file: no colours, a fixed width, no blanks at the ends of lines."""
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, legacy_windows=False)
    console.print(renderable)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def printable(text: str) -> str:
    """Without control characters: what stands in a file must not command the terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)


def output(*, width: int = WIDTH) -> Console:
    """Standard output; `width` is for what is no terminal."""
    console = Screen(highlight=False)
    return console if console.is_terminal else Screen(width=width, highlight=False)


def say(console: Console, text: str, style: str = "") -> None:
    """A line, which is the terminal's to wrap: in a file it stays whole."""
    console.print(Text(printable(text), style=style), soft_wrap=True)
