"""Rule documents for tests, and what the loader says of them."""

import textwrap
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from detections.rules import RuleSet, load_rules
from detections.rules.loading import parse_rules
from detections.sigma.compiler import compile_conditions
from detections.sigma.documents import flatten
from detections.sigma.readers import DocumentReader
from pipeline.problems import Problem, ProblemsFound, render

HEADER = """
title: A rule
id: 7d0f3a6e-6f6b-4f6e-9a43-3f4be2c9b0aa
status: test
level: high
description: For a test.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: spoofing
"""
METADATA = """\
status: test
level: high
description: For a test.
author: Tester
date: 2026-01-31
references: []
falsepositives: []
typology: administration
"""


def part(name: str, action: str = "token-transfer", *more: str) -> str:
    """A rule that can only feed correlations in its file; `more` are further items."""
    items = "".join(f"\n    {item}" for item in more)
    return (
        f"title: Base {name}\nname: {name}\nlogsource: {{product: tapewatch}}\n"
        f"detection:\n  s:\n    event.action: {action}{items}\n  condition: s\n"
    )


def base(name: str, action: str = "token-transfer", *more: str) -> str:
    """A whole rule with a name."""
    identity = uuid.uuid5(uuid.NAMESPACE_DNS, name)
    return f"{part(name, action, *more)}id: {identity}\n{METADATA}"


def correlation(body: str, *, number: int = 1, extra: str = "") -> str:
    """A correlation rule whose `correlation` part is `body`."""
    return (
        f"title: Correlation {number}\nid: c0000000-0000-4000-8000-{number:012}\n{METADATA}"
        f"correlation:\n{textwrap.indent(textwrap.dedent(body).strip(), '  ')}\n{extra}"
    )


def together(*documents: str) -> str:
    """One file of several documents."""
    return "---\n".join(
        document if document.endswith("\n") else document + "\n" for document in documents
    )


def rules(*documents: str) -> RuleSet:
    """The rules of one file."""
    return parse_rules(together(*documents).encode(), name="rule.yml")


def problems(*documents: str) -> list[Problem]:
    """All that is wrong with one file, errors and warnings."""
    try:
        return list(rules(*documents).warnings)
    except ProblemsFound as found:
        return list(found.problems)


def said(*documents: str) -> str:
    """What a person reads of it."""
    return render(problems(*documents))


def the_problem(*documents: str, severity: str = "error") -> Problem:
    """The one problem of this severity."""
    found = [problem for problem in problems(*documents) if problem.severity == severity]
    if len(found) != 1:
        pytest.fail(f"{len(found)} instead of one {severity}:\n{render(found)}")
    return found[0]


def matches(found: RuleSet, event: dict[str, Any]) -> bool:
    """Whether the one Sigma rule matches a document, given nested or with dotted names."""
    (rule,) = found.sigma
    compiled = compile_conditions(rule.conditions, DocumentReader())
    return compiled if isinstance(compiled, bool) else compiled(flatten(event))


def folder(root: Path, files: Mapping[str, str], **options: Any) -> RuleSet:
    """The rules in a folder of these files."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return load_rules([root], **options)


def folder_problems(root: Path, files: Mapping[str, str], **options: Any) -> list[Problem]:
    """All that is wrong with a folder of these files."""
    try:
        return list(folder(root, files, **options).warnings)
    except ProblemsFound as found:
        return list(found.problems)
