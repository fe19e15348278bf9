"""What every command says of itself, and to a wrong command line."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from pipeline.cli.app import PANELS
from tests.cli.command_line import environment, tapewatch

COMMANDS = [
    ("demo",),
    ("detect",),
    ("doctor",),
    ("evidence",),
    ("report",),
    ("report", "monthly"),
    ("report", "submit"),
    ("report", "suspicious"),
    ("report", "weekly"),
    ("run",),
    ("setup",),
    ("setup", "elastic"),
    ("status",),
    ("dead",),
    ("dead", "list"),
    ("dead", "show"),
    ("dead", "replay"),
    ("rules",),
    ("rules", "check"),
]


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    answer = tapewatch("--version", folder=tmp_path)

    assert answer.code == 0
    assert answer.out == f"tapewatch {version('tapewatch')}\n"


def test_the_help_names_every_command_with_a_sentence(tmp_path: Path) -> None:
    answer = tapewatch("--help", folder=tmp_path)

    assert answer.code == 0
    for name in {command[0] for command in COMMANDS}:
        line = next(line for line in answer.out.splitlines() if line.startswith(f"│ {name} "))
        assert len(line.strip("│ ").split()) > 2, line


def test_the_help_shows_commands_by_what_they_are_for(tmp_path: Path) -> None:
    lines = tapewatch("--help", folder=tmp_path).out.splitlines()
    shown = [line.strip("╭─╮│ ").split("  ")[0] for line in lines if line.startswith(("╭─", "│ "))]
    wanted = [one for panel, names in PANELS.items() for one in (panel, *names)]
    assert [one for one in shown if one in wanted] == wanted
    assert "Commands" not in shown


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(tmp_path: Path, command: tuple[str, ...]) -> None:
    answer = tapewatch(*command, "--help", folder=tmp_path)

    assert answer.code == 0
    assert f"tapewatch {' '.join(command)}" in answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("frobnicate",), "No such command"),
        (("run", "--only", "collector"), "collectors"),
        (("run", "--onyl", "collectors"), "No such option"),
        (("dead", "show", "first"), "number"),
        (("dead", "list", "--most", "0"), "--most"),
        (("detect",), "--rules"),
        (("rules", "check", "nowhere.yml"), "nowhere.yml"),
    ],
)
def test_a_wrong_command_line_is_told_with_exit_2(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    answer = tapewatch(*arguments, folder=tmp_path)

    assert answer.code == 2
    assert said in answer.error
    assert answer.out == ""


def test_the_command_line_is_there_at_once_because_nothing_heavy_is_imported() -> None:
    # The demo's command and the evidence command are not ours to hold here: they draw with rich.
    heavy = "nats aiohttp httpx elasticsearch structlog prometheus_client yaml sigma websockets"
    modules = "app asking dead detect doctor failures rules run setup setup_elastic status"
    code = (
        "import sys\n"
        f"for name in {modules.split()!r}: __import__('pipeline.cli.' + name)\n"
        f"print(*sorted(set({heavy.split()!r} + ['asyncio', 'rich']) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=60
    )

    assert done.stderr == ""
    assert done.stdout == "\n"
