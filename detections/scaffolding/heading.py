"""What a new rule of any kind begins with, and how YAML is written for people to go on with."""

import json
import re
import textwrap
from collections.abc import Iterable
from typing import Any

import yaml
from msgspec import Struct

from normalizer.events import Level

_WIDTH = 98
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ,()%/-]*")
#: Words that YAML takes for something else.
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


class Heading(Struct, frozen=True, kw_only=True):
    """A new rule's metadata."""

    title: str
    id: str
    author: str
    date: str
    typology: str
    level: Level


class Scaffold(Struct, frozen=True, kw_only=True):
    """The texts of two files."""

    rule: str
    tests: str
    example: str | None = None
    """The file of the rule that gave its parameters and tests."""


def heading_lines(heading: Heading, description: str) -> list[str]:
    """The keys before what the rule looks for."""
    return [
        f"title: {text(heading.title)}",
        f"id: {heading.id}",
        "status: experimental",
        "# What it finds, and why that matters: whoever gets an alert reads this.",
        "description: >",
        *indented(description),
        f"author: {text(heading.author)}",
        f"date: {heading.date}",
        "# Laws, papers or pages that it rests on, one a line.",
        "references: []",
        f"typology: {heading.typology}",
        "# informational, low, medium, high or critical",
        f"level: {heading.level}",
        "# On trial: its alerts are delivered, and notify nobody.",
        "# staged: true",
    ]


def closing_lines() -> list[str]:
    """The keys behind it."""
    return [
        "# What looks the same and is honest.",
        "falsepositives:",
        "  - Say here what looks the same and is honest",
        "note: Say here what whoever gets the alert should look at first.",
    ]


def text(value: str) -> str:
    """A text as a scalar that YAML reads as that text."""
    if _PLAIN.fullmatch(value) and value.strip() == value and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def indented(value: str) -> list[str]:
    """Lines of a text below its key."""
    return textwrap.wrap(value, _WIDTH, initial_indent="  ", subsequent_indent="  ")


def comment(value: str, indent: str = "") -> list[str]:
    """Lines of a comment."""
    start = f"{indent}# "
    return textwrap.wrap(
        value,
        _WIDTH,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def flow(value: Any) -> str:
    """A value on one line."""
    written = yaml.safe_dump(
        value, default_flow_style=True, width=1_000_000, sort_keys=False, allow_unicode=True
    )
    return written.removesuffix("...\n").strip()


def joined(lines: Iterable[str]) -> str:
    """A file of lines."""
    return "\n".join(lines) + "\n"
