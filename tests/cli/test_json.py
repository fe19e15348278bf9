"""Every command with ``--json`` keeps its standard output for JSON, also where it fails."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from docs.generator.cli import every_command
from pipeline.cli.commands import app

WITH_JSON = {
    name: one
    for name, one in every_command().items()
    if any("--json" in parameter.opts for parameter in one.params)
}
#: Arguments that a command refuses for their form before anything else.
FITTING = {"number": "1", "case_id": "TW-1A2B3C"}


def arguments(name: str, one: Any) -> list[str]:
    """The command with something for all that it requires, and nothing of it there."""
    said = name.split()[1:]
    for parameter in one.params:
        if not parameter.required:
            continue
        values = [FITTING.get(parameter.name, "none")] * max(1, parameter.nargs)
        said += values if parameter.param_type_name == "argument" else [parameter.opts[0], *values]
    flag = next(parameter for parameter in one.params if "--json" in parameter.opts)
    return [*said, "--json"] if flag.is_flag else [*said, "--json", "-"]


def test_there_are_such_commands() -> None:
    assert len(WITH_JSON) > 35
    assert {"tapewatch status", "tapewatch backtest", "tapewatch audit verify"} <= set(WITH_JSON)


@pytest.mark.parametrize("name", WITH_JSON)
@pytest.mark.parametrize("configured", ["nothing", "nonsense"])
def test_a_command_that_fails_says_so_beside_its_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, configured: str
) -> None:
    """In an empty folder, or with a configuration that is wrong: words on standard error alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAPEWATCH_CONFIG", raising=False)
    if configured == "nonsense":
        (tmp_path / "pipeline.yaml").write_text("busses: {type: embedded}\n")

    answer = CliRunner().invoke(app, arguments(name, WITH_JSON[name]))

    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    assert answer.exit_code in (0, 1, 2), answer.output
    if answer.stdout.strip():
        json.loads(answer.stdout)
    else:
        assert answer.exit_code, "what is done is told"
    if answer.exit_code and not answer.stdout:
        assert len(answer.stderr.split()) > 2, answer.stderr
    assert "Traceback" not in answer.stderr
