"""Rules in text, converted."""

from detections.conversion.convert import Converted, Converter
from detections.conversion.languages import Language
from detections.rules.loading import parse_rules

HEAD = """\
title: {title}
id: 7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0{number:02}
name: {name}
status: test
level: high
description: For a test.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: spoofing
"""
SOURCE = "logsource: {product: tapewatch}\n"


def rule(detection: str, *, number: int = 1, name: str = "base", extra: str = "") -> str:
    """A Sigma rule; `detection` is its selections and condition, indented."""
    head = HEAD.format(title=f"Rule {number}", number=number, name=name)
    return f"{head}{extra}{SOURCE}detection:\n{detection}\n"


def items(*lines: str) -> str:
    """A detection of one selection."""
    return "\n".join(["  s:", *(f"    {line}" for line in lines), "  condition: s"])


def correlation(body: str) -> str:
    """A correlation rule; `body` is its `correlation`, indented."""
    return f"{HEAD.format(title='Together', number=99, name='together')}correlation:\n{body}\n"


def convert(language: Language, *documents: str) -> list[Converted]:
    """All rules of the text that alert by themselves."""
    ruleset = parse_rules("---\n".join(documents).encode(), name="test.yml")
    converter = Converter(ruleset)
    return [converter.convert(one, language) for one in converter.rules()]


def one(language: Language, *documents: str) -> Converted:
    """The only one that alerts by itself."""
    (found,) = convert(language, *documents)
    return found


def codes(found: Converted) -> dict[str, str]:
    """Severity by code of all losses."""
    return {loss.code.removeprefix("convert/"): loss.severity for loss in found.losses}
