"""What the tables of a backtest's page share."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pipeline.cli.backtest_words import moment_text
from pipeline.page.markup import Html, el

if TYPE_CHECKING:
    from detections.backtest.result import Example


def heads(*names: str, numbers_from: int = 0, numbers_to: int | None = None) -> Iterable[Html]:
    """Heads of columns; those from one to before another are of numbers."""
    end = len(names) - 1 if numbers_to is None else numbers_to
    for at, name in enumerate(names):
        of_numbers = numbers_from <= at < max(end, numbers_from + 1)
        yield el("th", name, scope="col", class_="number" if of_numbers else None)


def number_cell(text: str) -> Html:
    """A cell with a number, set right."""
    return el("td", text, class_="number")


def alert_list(examples: "Sequence[Example]", word: str = "") -> Html:
    """Alerts in short, one a line, each after a word of its own."""
    marks = {True: "right", False: "wrong", None: None}
    return el(
        "ul",
        *(
            el(
                "li",
                el("span", word, class_="tag") if word else None,
                el("span", marks[one.right], class_="tag") if marks[one.right] else None,
                el("time", moment_text(one.time), datetime=one.time),
                one.reason,
            )
            for one in examples
        ),
        class_="alerts",
    )


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."
