"""What the pages tell to type, and the advice in our errors, is there: commands and their options,
targets of make, modules, extras, and files."""

import re
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from docs.generator.cli import every_command
from tests.docs.marked import EVERY_PAGE, ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
SOURCES = [path for package in SHIPPED for path in sorted((ROOT / package).rglob("*.py"))]
FOLDERS = (*SHIPPED, "benchmarks", "docs", "kibana", "sigma_rules", "splunk", "tests")
COMMANDS = every_command()
GROUPS = {
    " ".join(words[:count]) for words in map(str.split, COMMANDS) for count in range(1, len(words))
}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
_INDENTED = re.compile(r"(?:^ {4}\S[^\n]*\n)+", re.M)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_COMMAND = re.compile(r"(?:^|[\s(])(?:\.venv/bin/|bin/)?tapewatch (?P<rest>[^#|;&\n]*)")
_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")
_TARGET = re.compile(r"(?:^|\s)make ([a-z][a-z-]*)")
_MODULE = re.compile(r"(?:^|[\s/])python3? -m ([a-z_][\w.]*)")
_EXTRA = re.compile(r"\btapewatch\[([\w,]+)\]")
_PATH = re.compile(rf"(?:\./)?((?:{'|'.join(FOLDERS)})/[\w./-]*)(?:::\w+)?")


class Word(NamedTuple):
    """Something that is to be typed, and where it stands."""

    place: str
    text: str


def _typed(page: Path) -> Iterator[Word]:
    """What a page shows to be typed: blocks of the shell, and spans within the text."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    for language, block in _FENCE.findall(text):
        if language in ("sh", ""):
            yield from (Word(name, one) for one in block.replace("\\\n", " ").splitlines())
    prose = _FENCE.sub("", text)
    yield from (Word(name, one.strip()) for one in _INDENTED.findall(prose))
    yield from (Word(name, one) for one in _SPAN.findall(prose))


def _advised() -> Iterator[Word]:
    """What errors, docstrings and comments of the shipped code say in backquotes."""
    for path in SOURCES:
        text = path.read_text(encoding="utf-8").replace("``", "`")
        name = path.relative_to(ROOT).as_posix()
        yield from (Word(name, one) for one in _SPAN.findall(text))


TYPED = [word for page in EVERY_PAGE for word in _typed(page)]
WORDS = [*TYPED, *_advised()]


def _found(pattern: re.Pattern[str], words: list[Word]) -> Iterator[tuple[str, re.Match[str]]]:
    return ((word.place, found) for word in words for found in pattern.finditer(word.text))


def _wrong(rest: str) -> str | None:
    """What is wrong with the words behind ``tapewatch``."""
    words = ["tapewatch"]
    for word in rest.split():
        if " ".join((*words, word)) not in COMMANDS.keys() | GROUPS:
            break
        words.append(word)
    name = " ".join(words)
    options = set(_OPTION.findall(rest)) - {"--help", "--version"}
    if name not in COMMANDS:
        plain = rest.split()[len(words) - 1 : len(words)]
        return f"no command: {rest}" if options or (plain and plain[0].isidentifier()) else None
    known = {
        option
        for parameter in COMMANDS[name].params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    return f"{name} has no {', '.join(sorted(options - known))}" if options - known else None


def test_commands_and_their_options_exist() -> None:
    found = list(_found(_COMMAND, WORDS))
    assert len(found) > 200
    assert [(place, wrong) for place, one in found if (wrong := _wrong(one["rest"]))] == []


@pytest.mark.parametrize(
    ("rest", "wrong"),
    [
        ("rules check my_rules", None),
        ("rules chekc my_rules", "no command: rules chekc my_rules"),
        ("rule check", "no command: rule check"),
        ("clusters", None),
        ("backtest --rules a --events b", None),
        ("backtest --rule a", "tapewatch backtest has no --rule"),
    ],
)
def test_a_wrong_command_is_noticed(rest: str, wrong: str | None) -> None:
    assert _wrong(rest) == wrong


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    found = list(_found(_TARGET, TYPED))
    assert len(found) > 20
    assert [(place, one[0]) for place, one in found if one[1] not in targets] == []


def test_modules_that_are_run_exist() -> None:
    found = [(place, one[1]) for place, one in _found(_MODULE, WORDS)]
    assert len(found) > 20
    assert [(place, name) for place, name in found if find_spec(name) is None] == []


def test_extras_exist() -> None:
    extras = set(PROJECT["project"]["optional-dependencies"])
    texts = [(page, page.read_text(encoding="utf-8")) for page in (*EVERY_PAGE, *SOURCES)]
    named = [
        (page.relative_to(ROOT).as_posix(), extra)
        for page, text in texts
        for extras_ in _EXTRA.findall(text)
        for extra in extras_.split(",")
    ]
    assert len(named) > 5
    assert [(place, extra) for place, extra in named if extra not in extras] == []


def test_files_that_pages_name_exist() -> None:
    found = [
        (word.place, one[1])
        for word in TYPED
        if (one := _PATH.fullmatch(word.text)) and "*" not in word.text
    ]
    assert len(found) > 20
    assert [(place, path) for place, path in found if not (ROOT / path).exists()] == []
