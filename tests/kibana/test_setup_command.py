"""``tapewatch setup kibana`` as people meet it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evidence.audit import outbox
from pipeline.bus.command_notes import CommandNote, decode_note
from pipeline.cli.commands import app
from tests.kibana.compiled import FOLDER
from tests.servers.kibana.detection_engine import Rules
from tests.servers.kibana.double import Fault, KibanaDouble

ROOT = FOLDER.parent


@pytest.fixture(autouse=True)
def unlogged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands run in this process: its log is not to go to their output, which is closed."""

    def configure(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr("pipeline.logs.configure", configure)


def configuration(folder: Path, double: KibanaDouble | None) -> Path:
    path = folder / "pipeline.yaml"
    lines = [
        f"bus: {{type: embedded, path: {folder}/bus}}",
        "sources: []",
        f"detections: {{rules: [{ROOT}/sigma_rules/administration]}}",
        "sinks: []",
    ]
    if double is not None:
        lines.append(f"kibana: {{url: '{double.url}', api_key: '${{env:KIBANA_KEY}}'}}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def run(config: Path, *more: str) -> tuple[int, str, str]:
    arguments = ["setup", "kibana", "--config", str(config), "--objects", str(FOLDER), *more]
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_what_it_needs_is_said_at_once(
    tmp_path: Path, kibana: KibanaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by itself: without `kibana` it doesn't matter what else is missing."""
    monkeypatch.setenv("KIBANA_KEY", kibana.api_key)
    nothing = configuration(tmp_path, None)
    command = ["setup", "kibana", "--config", str(nothing), "--objects", "nowhere"]
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, "has no `kibana:`" in result.stderr) == (1, True)
    config = configuration(tmp_path, kibana)
    result = CliRunner().invoke(app, [*command[:3], str(config), *command[4:]])
    assert result.exit_code == 2
    assert "there is no folder nowhere: name the folder kibana of" in result.stderr


def test_it_says_what_it_did(
    kibana: KibanaDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIBANA_KEY", kibana.api_key)
    config = configuration(tmp_path, kibana)
    code, told, _ = run(config, "--dry-run", "--no-converted")
    assert code == 0
    assert "8  dashboards would be created" in told
    assert "dashboard tapewatch-overview (Tapewatch: overview) would be created" in told

    code, told, _ = run(config)
    assert code == 0
    rules = len(kibana.area(Rules).of("default"))
    *lines, last = told.splitlines()
    assert lines == [
        "Kibana 9.5.1, space default",
        "     1  space as it should be",
        "    15  saved objects created",
        "     4  data views created",
        "     8  dashboards created",
        "     4  timeline templates created",
        "     1  exception list created",
        "     1  exception created",
        f"  {rules:>4}  rules created",
        "     1  case settings created",
    ]
    assert "rules, which no query of Elastic says" in last
    assert rules > 5

    code, told, _ = run(config, "--json")
    report = json.loads(told)["default"]
    assert {one["action"] for one in report["changes"]} == {"unchanged"}


def test_what_it_changes_is_noted_for_the_audit_log_before(
    kibana: KibanaDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIBANA_KEY", kibana.api_key)
    config, log = configuration(tmp_path, kibana), tmp_path / "audit"
    with config.open("a", encoding="utf-8") as file:
        file.write(f"\naudit: {{path: {log}, key: '${{env:AUDIT_KEY}}'}}\n")
    monkeypatch.setenv("AUDIT_KEY", "never used here")

    def noted() -> list[CommandNote]:
        notes = [decode_note(one.read_bytes()) for one in outbox.waiting(log)]
        return [one for one in notes if one.action == "configuration-changed"]

    assert run(config, "--no-converted", "--dry-run")[0] == 0
    assert noted() == []
    assert run(config, "--no-converted")[0] == 0
    (note,) = noted()
    assert note.what == "Kibana, space default"
    written = json.loads(bytes(note.after))["written"]  # type: ignore[arg-type]
    assert "dashboard tapewatch-overview" in written
    assert "exception list tapewatch-exceptions" in written
    assert run(config, "--no-converted")[0] == 0
    assert len(noted()) == 1, "nothing was changed the second time"


def test_what_fails_is_said_with_exit_1(
    kibana: KibanaDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIBANA_KEY", kibana.api_key)
    kibana.fail(Fault(status=403, path="/api/timeline"))
    code, told, wrong = run(configuration(tmp_path, kibana), "--no-converted")
    assert code == 1
    assert "8  dashboards created" in told
    assert "timeline templates: Forbidden (HTTP 403): the API key lacks the privilege" in wrong


def test_a_wrong_key_is_said_and_not_shown(
    kibana: KibanaDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIBANA_KEY", "bm8tc3VjaDprZXktYXQtYWxs")
    code, _, wrong = run(configuration(tmp_path, kibana), "--no-converted")
    assert code == 1
    assert "the API key was refused (HTTP 401)" in wrong
    assert "bm8tc3" not in wrong


def test_who_is_not_let_in_is_told_before_rules_are_converted(
    kibana: KibanaDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which takes seconds."""

    def converted(*_: object) -> None:
        raise AssertionError

    monkeypatch.setenv("KIBANA_KEY", "another-key")
    monkeypatch.setattr("pipeline.cli.setup_kibana._converted", converted)
    code, _, error = run(configuration(tmp_path, kibana))
    assert (code, "the API key was refused" in error) == (1, True), error


def test_a_space_whose_name_is_none_is_refused(
    kibana: KibanaDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIBANA_KEY", kibana.api_key)
    code, _, wrong = run(configuration(tmp_path, kibana), "--space", "../default")
    assert code == 2
    assert "no id of a space" in wrong
    assert len(kibana.requests) == 0


def test_without_a_kibana_there_is_nothing_to_set_up(tmp_path: Path) -> None:
    code, _, wrong = run(configuration(tmp_path, None))
    assert code == 1
    assert "has no `kibana:`" in wrong


def test_it_writes_what_it_would_import(tmp_path: Path) -> None:
    code, told, _ = run(configuration(tmp_path, None), "--write", str(tmp_path / "out"))
    assert code == 0
    assert "wrote 9 files" in told
    for path in (FOLDER / "compiled").rglob("*.*json"):
        made = tmp_path / "out" / path.relative_to(FOLDER / "compiled")
        assert made.read_bytes() == path.read_bytes(), "tapewatch setup kibana --write"
