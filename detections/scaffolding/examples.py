"""Rules of ours with a correlator, to begin a new one with: their parameters and their tests."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import yaml
from msgspec import Struct

from detections.rule_testing.subjects import tests_of
from detections.rules.files import content_of, rule_files
from normalizer.events import Level

#: What makes a test depend on more than the one rule.
_OF_OTHERS = frozenset({"exceptions", "rule"})


class Example(Struct, frozen=True, kw_only=True):
    """A rule with a correlator, and the tests beside it."""

    file: Path
    level: Level
    parameters: dict[str, Any]
    defaults: dict[str, Any]
    """Of the tests."""
    tests: tuple[dict[str, Any], ...]


class _AsWritten(yaml.SafeLoader):
    """Leaves times as the text that they are."""


_AsWritten.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in some if not tag.endswith(":timestamp")]
    for first, some in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def examples(paths: Sequence[Path], correlator: str) -> Iterator[Example]:
    """Those below the paths that can be read, the one that is called as the correlator first."""
    files = [
        file
        for path in paths
        for file in rule_files(path)
        if content_of(file.name) == "rules" and _names(file, correlator)
    ]
    for file in sorted(files, key=lambda one: (one.stem != correlator, one)):
        for document in _documents(file):
            if document.get("correlator") == correlator:
                tests = _tests_of(file)
                yield Example(
                    file=file,
                    level=document.get("level", "medium"),
                    parameters=_mapping(document.get("parameters")),
                    defaults=_mapping(tests.get("defaults")),
                    tests=tuple(_alone(tests.get("tests"))),
                )


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _names(file: Path, correlator: str) -> bool:
    try:
        return correlator.encode() in file.read_bytes()
    except OSError:
        return False


def _documents(file: Path) -> list[dict[str, Any]]:
    try:
        found = list(yaml.load_all(file.read_bytes(), _AsWritten))
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return []  # what is wrong with it is told where it is checked
    return [one for one in found if isinstance(one, dict)]


def _tests_of(file: Path) -> dict[str, Any]:
    for one in tests_of(file):
        if some := _documents(one):
            return some[0]
    return {}


def _alone(tests: Any) -> Iterator[dict[str, Any]]:
    for test in cast("list[Any]", tests) if isinstance(tests, list) else ():
        mine = _mapping(test)
        alerts = mine.get("alerts")
        if not mine or _OF_OTHERS & mine.keys() or not isinstance(alerts, list):
            continue
        # The rule that it comes from is called otherwise here.
        named = [_mapping(one) for one in cast("list[Any]", alerts)]
        fields = [{k: v for k, v in one.items() if k != "rule"} for one in named]
        yield mine | {"alerts": [one for one in fields if one]}
