"""The rule authors' page, from its first command to its last: all works, and shows what it says."""

import re
from pathlib import Path

from tests.docs.marked import DOCS
from tests.docs.walking import commands_without_mark, prepare, steps, walk

PAGE = DOCS / "tutorial-rule-authors.md"
#: What a rule author does, in order.
_DAY = (
    "rules check",
    "rules test",
    "detect",
    "rules explain",
    "backtest",
    "rules stats",
    "rules promote",
    "rules convert",
)


def test_every_step_works_and_shows_what_the_page_shows(tmp_path: Path) -> None:
    prepare(tmp_path)
    walk(PAGE, tmp_path)


def test_no_block_of_commands_is_left_out_of_the_walk() -> None:
    assert commands_without_mark(PAGE) == []


def test_the_whole_day_is_shown_in_order() -> None:
    run = "\n".join(step.text for step in steps(PAGE) if step.mark.startswith("run"))
    found = [re.search(rf"^tapewatch {command}\b", run, re.M) for command in _DAY]
    assert None not in found
    places = [one.start() for one in found if one]
    assert places == sorted(places)


def test_every_shown_output_is_held() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("```text\n") == sum(step.mark == "shown" for step in steps(PAGE))
