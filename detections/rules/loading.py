"""From files and folders to rules. All problems of all files are said at once."""

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path

from detections.rules.assembly import assemble
from detections.rules.files import holds_events, misnamed_files, rule_files
from detections.rules.rule_set import RuleSet
from detections.rules.rule_text import parse_rule_file, read_rule_file
from pipeline.problems import Location, Problem
from pipeline.yaml_source import Parsed

__all__ = ["RuleSet", "load_rules", "parse_rules", "read_rules", "rules_of"]


def load_rules(
    paths: Iterable[Path],
    pipelines: Sequence[Path] = (),
    *,
    today: datetime.date | None = None,
) -> RuleSet:
    """The rules in these files and, with all that is below, folders.

    `pipelines` are files of pySigma's processing pipelines, for rules of other log sources. With
    `today`, exceptions that are past their date are warned of. Raises ProblemsFound with
    everything that is wrong in any of the files.
    """
    return rules_of(*read_rules(paths), pipelines=pipelines, today=today)


def read_rules(paths: Iterable[Path]) -> tuple[list[Parsed], list[Problem]]:
    """The documents of these files and folders before they are rules, and what couldn't be read."""
    problems: list[Problem] = []
    parsed: dict[Path, Parsed] = {}
    for path in paths:
        files = list(rule_files(path))
        if not files and path.is_dir():
            problems.append(
                Problem(
                    location=Location(str(path), 0, 0),
                    code="rule/no-rules",
                    message="there is no rule in this folder",
                    expected="files that end in .yml",
                )
            )
        for file, name in misnamed_files(path) if path.is_dir() else ():
            problems.append(
                Problem(
                    location=Location(str(file), 0, 0),
                    code="rule/ending",
                    message=f"this file isn't read, since its name ends in {file.suffix}",
                    hint=name,
                    severity="warning",
                )
            )
        if path.is_file() and holds_events(path):
            problems.append(
                Problem(
                    location=Location(str(path), 0, 0),
                    code="rule/events",
                    message="this is a file of events, and not of rules",
                    expected="files that end in .yml, or folders of them",
                    advice="say events by --events, and order logs by --order-log",
                )
            )
            continue
        for file in files:
            if (whole := file.absolute()) not in parsed:  # named twice, or in a folder too
                parsed[whole] = read_rule_file(file)
    return list(parsed.values()), problems


def rules_of(
    parsed: Iterable[Parsed],
    problems: Iterable[Problem] = (),
    *,
    pipelines: Sequence[Path | Parsed] = (),
    today: datetime.date | None = None,
) -> RuleSet:
    """The rules in documents that were read, and perhaps changed since. Raises as `load_rules`."""
    return assemble(list(parsed), list(problems), pipelines=pipelines, today=today)


def parse_rules(data: bytes, *, name: str = "<text>") -> RuleSet:
    """The rules in YAML text. Raises ProblemsFound."""
    return assemble([parse_rule_file(data, name=name)], [])
