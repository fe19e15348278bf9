"""Mutated rule files, correlations, filters, exceptions, lists and pipelines through the loader.

`python -m tests.fuzz.rules --count N --seed S`
"""

import atexit
import os
import random
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from detections.engine.engine import Engine
from detections.rules.loading import rules_of
from pipeline.cli.rule_check_sarif import sarif
from pipeline.problems import ProblemsFound, render, to_json
from pipeline.yaml_source import parse_bytes
from tests.fuzz.corpus import BASES, COMPANIONS, PIPELINES, rule_texts
from tests.fuzz.events import sample_lines
from tests.fuzz.mutation import mutate_bytes, mutate_structure
from tests.fuzz.watching import Case, main

#: One per process, made where it is needed: a fork that ends must not take it from its parent.
_FOLDER = Path(tempfile.gettempdir()) / f"tapewatch-fuzz-{os.getpid()}"
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


def make(chance: random.Random) -> Case:
    """A few files of a rules folder, one of them at least broken, and their way to the engine."""
    files = {"a.yml": chance.choice(rule_texts()), "bases.yml": BASES}
    for name, texts in COMPANIONS.items():
        if name.endswith(".lists.yml") or chance.random() < 0.4:
            files[name] = chance.choice(texts)
    pipeline = chance.choice(PIPELINES) if chance.random() < 0.15 else None
    broken = "a.yml" if chance.random() < 0.5 else chance.choice(list(files))
    for name in files:
        if name == broken or chance.random() < 0.1:
            files[name] = mutated(files[name], chance)
    if pipeline is not None and chance.random() < 0.7:
        pipeline = mutated(pipeline, chance)
    kept = files if pipeline is None else {**files, "pipeline.yml": pipeline}
    return kept, lambda: load(files, pipeline)


def mutated(text: bytes, chance: random.Random) -> bytes:
    """The text, broken as text, as a structure, or as both."""
    kind = chance.randrange(5)
    if kind >= 2:
        text = _mutated_structure(text, chance)
    if kind <= 2:
        text = mutate_bytes(text, chance, rule_texts())
    return text


def load(files: Mapping[str, bytes], pipeline: bytes | None) -> None:
    """What `rules check` and `run` do with files. Raises only what must never be raised."""
    parsed = [parse_bytes(data, name=name, turning="warning") for name, data in files.items()]
    try:
        ruleset = rules_of(parsed, pipelines=_written(pipeline))
    except ProblemsFound as found:
        problems = found.problems
    else:
        problems = ruleset.warnings
        engine = Engine(ruleset)
        for line in sample_lines():
            list(engine.process_read(line))
        engine.finish()
    render(problems)
    to_json(problems)
    sarif(problems, version="1")


def _written(pipeline: bytes | None) -> Sequence[Path]:
    if pipeline is None:
        return ()
    _FOLDER.mkdir(exist_ok=True)
    path = _FOLDER / "pipeline.yml"
    path.write_bytes(pipeline)
    return (path,)


def _mutated_structure(text: bytes, chance: random.Random) -> bytes:
    documents = _structures(text)
    if documents is None:
        return mutate_bytes(text, chance, rule_texts())
    others = [one for other in rule_texts()[:50] for one in _structures(other) or ()]
    place = chance.randrange(len(documents))
    changed = [
        mutate_structure(one, chance, others) if number == place else one
        for number, one in enumerate(documents)
    ]
    try:
        return yaml.safe_dump_all(changed, allow_unicode=True, sort_keys=False).encode()
    except (yaml.YAMLError, UnicodeEncodeError, RecursionError):
        return text


@cache
def _structures(text: bytes) -> list[Any] | None:
    try:
        return list(yaml.safe_load_all(text))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        return None


if __name__ == "__main__":
    main(make, "rule folders")
