"""Rule sets as files to keep, and back: what is in force outlives the folder that it came from."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from detections.rules.files import rule_files as files_below
from detections.rules.loading import rules_of
from detections.rules.rule_set import RuleSet
from detections.rules.rule_text import TURNING
from pipeline.bus.rule_archive import RuleFile, RuleFiles, rule_files
from pipeline.failure import CONFIGURATION, Failure
from pipeline.yaml_source import Parsed, parse_bytes


def read_rule_files(paths: Iterable[Path], pipelines: Sequence[Path] = ()) -> RuleFiles:
    """The files of a rule set, under names that don't depend on where it lies.

    `paths` are files and folders, as `load_rules` takes them. What is no rule (tests, hidden files)
    is left out. Raises Failure where a file can't be read.
    """
    rules: dict[str, bytes] = {}
    seen: set[Path] = set()
    for path in paths:
        root = path.absolute()
        folder = root.name if path.is_dir() else ""
        for file in files_below(path):
            if (whole := file.absolute()) in seen:
                continue
            seen.add(whole)
            inner = whole.relative_to(root).as_posix() if folder else whole.name
            rules[_free(f"{folder}/{inner}" if folder else inner, rules)] = _bytes(file)
    return rule_files(rules, [RuleFile(path.name, _bytes(path)) for path in pipelines])


def rules_in(files: RuleFiles) -> RuleSet:
    """The rules of a set that was kept. Raises ProblemsFound where this version can't read it."""
    return rules_of(parsed_rules(files), pipelines=parsed_pipelines(files))


def parsed_rules(files: RuleFiles) -> list[Parsed]:
    """The documents of rules, exceptions and lists of a set that was kept."""
    return [_parsed(file) for file in files.rules]


def parsed_pipelines(files: RuleFiles) -> list[Parsed]:
    """The documents of its pipelines."""
    return [_parsed(file, single=True) for file in files.pipelines]


def _parsed(file: RuleFile, *, single: bool = False) -> Parsed:
    turning = "error" if single else TURNING
    return parse_bytes(file.data, name=file.name, single=single, turning=turning)


def _free(name: str, taken: dict[str, bytes]) -> str:
    """Two folders may have the same name; what a file holds is told by the end of its own."""
    number = 1
    found = name
    while found in taken:
        number += 1
        found = f"{number}/{name}"
    return found


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"can't read {path}: {error.strerror}", CONFIGURATION) from error
