"""Commands that are printed can be typed as they are."""

import sys
from pathlib import Path

import pytest

from pipeline.cli.names_from_here import from_here, program


def test_a_path_is_named_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert from_here(tmp_path / "out") == Path("out")
    assert from_here(tmp_path.parent / "out") == tmp_path.parent / "out"
    assert from_here(Path("out")) == Path("out")


def test_a_program_that_no_search_path_has_is_named_as_it_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_file = tmp_path / ".venv" / "bin" / "tapewatch"
    program_file.parent.mkdir(parents=True)
    program_file.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [".venv/bin/tapewatch", "demo"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program() == ".venv/bin/tapewatch"
    monkeypatch.setenv("PATH", str(program_file.parent))
    assert program() == "tapewatch"


def test_another_name_is_a_way_to_start_it_and_not_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/pipeline/cli/__main__.py"])
    assert program() == "tapewatch"
