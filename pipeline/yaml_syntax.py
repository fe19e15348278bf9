"""What the YAML parser says of a broken file, in words for people who don't know its grammar."""

from collections.abc import Sequence
from typing import NamedTuple

import yaml

from pipeline.yaml_slips import odd_indent_above, slip_in, unquoted_text

#: Errors of lines that don't go together, as small slips make them.
_OF_LINES = ("mapping values are not allowed", "could not find expected ':'")


class Trouble(NamedTuple):
    """A syntax error: line and column from 1, what is wrong, and what to do."""

    line: int
    column: int
    message: str
    advice: str | None


def explain(error: yaml.MarkedYAMLError, lines: Sequence[str]) -> Trouble:
    """Place and plain words for what PyYAML (with or without libyaml) couldn't read."""
    what = error.problem or error.context or "the parser stopped here"
    line, column = _place(error.problem_mark or error.context_mark)
    if line > len(lines):  # libyaml puts what is missing at the end into a line after the last
        line, column = len(lines), len(lines[-1]) + 1
    started = _place(error.context_mark) if error.context_mark is not None else None
    char = _char(lines, line, column)
    context = error.context or ""

    if "a block scalar" in context and started and "tab character" not in what:
        sign = _char(lines, *started)
        message = f'text can\'t begin with "{sign}" unless it is in quotes'
        advice = f"put the whole value in quotes: '{sign}...'"
        if sign == ">":
            advice += "; a rule compares by what stands before the colon: |gt, or gt in a condition"
        return Trouble(*started, message, advice)
    if any(said in what for said in _OF_LINES) or "block" in context:
        likely = (line, *(started[:1] if started else ()), line - 1)
        if (slip := slip_in(lines, likely)) is not None:
            return Trouble(*slip)
    if "cannot start any token" in what or "tab character" in what:
        if char == "\t":
            return Trouble(line, column, "a tab can't be used to indent", "use spaces")
        message = f'text can\'t begin with "{char}" unless it is in quotes'
        return Trouble(line, column, message, f"put the whole value in quotes: '{char}...'")
    if "unexpected end of stream" in what and "quoted" in context and started:
        return Trouble(*started, "this quote is never closed", "add the closing quote")
    if ("',' or ']'" in what or "',' or '}'" in what) and started:
        close = "]" if "']'" in what else "}"
        message = f"this bracket isn't closed, or a comma is missing before line {line}"
        return Trouble(*started, message, f'separate the items by "," and end with "{close}"')
    if "mapping values are not allowed" in what:
        return Trouble(
            line,
            column,
            'a ":" can\'t stand here',
            "check the indentation of this line and the one before; "
            'a text that contains ": " must be in quotes',
        )
    if ("expected key" in what or "expected <block end>" in what or "'-' indicator" in what) and (
        "block" in context
    ):
        here = lines[line - 1] if line <= len(lines) else ""
        slip = unquoted_text(here, line, column) or odd_indent_above(lines, line)
        if slip is not None:
            return Trouble(*slip)
        return Trouble(
            line,
            column,
            "this line doesn't continue what stands above it",
            "keys of one group begin in the same column, and so do the dashes of a list",
        )
    if "<document start>" in what and line > 1 and 0 < column <= _indent(lines, line - 1):
        message = "this line begins further left than those above it"
        return Trouble(line, column, message, "keys of one group begin in the same column")
    if "could not find expected ':'" in what:
        place = started or (line, column)
        return Trouble(*place, 'a ":" is missing after this key', "write it as `key: value`")
    if "unknown escape character" in what:
        advice = "use single quotes, where a backslash is only a backslash"
        return Trouble(line, column, "this backslash sequence isn't known in double quotes", advice)
    if ("alias" in context or "anchor" in context) and started:
        sign = _char(lines, *started)
        message = f'text can\'t begin with "{sign}" unless it is in quotes'
        return Trouble(*started, message, f"put the whole value in quotes: '{sign}...'")
    if "block sequence entries are not allowed" in what:
        return Trouble(
            line, column, "a list can't begin here", "put the first dash on a line of its own"
        )
    return Trouble(line, column, f"this isn't valid YAML: {what}", None)


def _indent(lines: Sequence[str], line: int) -> int:
    """How many spaces the nearest line that isn't empty begins with, from this one upwards."""
    texts = (text for text in reversed(lines[:line]) if text.strip())
    return next((len(text) - len(text.lstrip(" ")) for text in texts), 0)


def _place(mark: yaml.Mark | None) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _char(lines: Sequence[str], line: int, column: int) -> str:
    if line > len(lines):
        return ""
    return lines[line - 1][column - 1 : column]
