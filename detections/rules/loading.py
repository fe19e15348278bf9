"""From files and folders to rules. All problems of all files are said at once."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from detections.rules.assembly import assemble
from detections.rules.rule_set import RuleSet
from pipeline.problems import Location, Problem
from pipeline.yaml_source import Parsed, parse_bytes, read_file

__all__ = ["TEST_SUFFIXES", "RuleSet", "load_rules", "parse_rules", "read_rules", "rules_of"]

_SUFFIXES = (".yml", ".yaml")
#: Tests stand beside their rules and are no rules.
TEST_SUFFIXES = (".test.yml", ".test.yaml")
_MOST_FILES = 20_000


def load_rules(paths: Iterable[Path]) -> RuleSet:
    """The rules in these files and, with all that is below, folders.

    Raises ProblemsFound with everything that is wrong in any of them.
    """
    return rules_of(*read_rules(paths))


def read_rules(paths: Iterable[Path]) -> tuple[list[Parsed], list[Problem]]:
    """The documents of these files and folders before they are rules, and what couldn't be read."""
    problems: list[Problem] = []
    parsed: list[Parsed] = []
    for path in paths:
        files = list(_files(path))
        if not files and path.is_dir():
            problems.append(
                Problem(
                    location=Location(str(path), 0, 0),
                    code="rule/no-rules",
                    message="there is no rule in this folder",
                    expected="files that end in .yml",
                )
            )
        parsed += [read_file(file) for file in files]
    return parsed, problems


def rules_of(parsed: Iterable[Parsed], problems: Iterable[Problem] = ()) -> RuleSet:
    """The rules in documents that were read, and perhaps changed since. Raises as `load_rules`."""
    return assemble(list(parsed), list(problems))


def parse_rules(data: bytes, *, name: str = "<text>") -> RuleSet:
    """The rules in YAML text. Raises ProblemsFound."""
    return assemble([parse_bytes(data, name=name)], [])


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path  # whether it is there and can be read, reading says
        return
    found = (
        file
        for file in path.rglob("*")
        if file.suffix in _SUFFIXES
        and not file.name.endswith(TEST_SUFFIXES)
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and file.is_file()
    )
    yield from sorted(found)[:_MOST_FILES]
