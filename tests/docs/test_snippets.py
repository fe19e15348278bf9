"""What the pages tell a reader to write down works as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from normalizer.reference_files import load_reference
from pipeline.config.loading import load_configuration
from pipeline.problems import Problem
from tests.docs.marked import DOCS, configurations, files

#: What a part of a configuration needs besides, to be a whole one.
_REST: dict[str, Any] = {
    "bus": {"type": "embedded", "path": "var/nats"},
    "sources": [{"name": "recording", "type": "replay", "path": "session.jsonl"}],
    "detections": {"rules": ["sigma_rules"]},
    "sinks": [{"name": "files", "type": "file", "path": "var/out"}],
}
_BLOCKS = configurations()


@pytest.mark.parametrize("text", [text for _, text in _BLOCKS], ids=[name for name, _ in _BLOCKS])
def test_a_block_of_configuration_loads_without_a_problem(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in re.findall(r"\$\{env:(\w+)\}", text):
        monkeypatch.setenv(name, "a-value-for-the-test")
    part: dict[str, Any] = yaml.safe_load(text)
    rest = {key: value for key, value in _REST.items() if key not in part}
    for path in _files_named_in({**rest, **part}, text):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("something\n")
        target.chmod(0o600)
    file = tmp_path / "pipeline.yaml"
    file.write_text(text + yaml.safe_dump(rest) if rest else text)
    warnings: list[Problem] = []
    load_configuration(file, warnings=warnings)
    assert warnings == []


def test_there_are_blocks_of_configuration_to_try() -> None:
    assert len(_BLOCKS) >= 7


def _files_named_in(config: dict[str, Any], text: str) -> list[str]:
    """What must be there: rules, pipelines, reference data, recordings and secrets in files."""
    detections = config["detections"]
    named = [*detections["rules"], *detections.get("pipelines", []), *config.get("reference", [])]
    named += [source["path"] for source in config["sources"] if "path" in source]
    named += re.findall(r"\$\{file:([^}]+)\}", text)
    named += re.findall(r"(?:ca_certificate|credentials): ([\w./-]+)", text)
    return [path for path in named if not Path(path).is_absolute()]


def test_the_reference_data_of_the_tutorial_loads(tmp_path: Path) -> None:
    file = tmp_path / "reference.yaml"
    file.write_text(files(DOCS / "tutorial-operations.md")["reference.yaml"])
    reference = load_reference([file])
    assert [token.id for token in reference.tokens] == ["acme"]
    assert reference.investors
    assert reference.sanctions
